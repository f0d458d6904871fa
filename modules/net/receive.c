/* Bytes to frames. All connections of a loop read into the context's current block, one behind the other. The one that read last may leave
 * a partial frame there (the tail) and continue behind it; as soon as another one reads, the partial moves to a private block, which grows
 * with what really arrives. So a frame is copied only when it is cut and somebody came between, or when it is longer than a block. */
#include "net/connection_impl.h"

#include "base/memory.h"
#include "base/status.h"
#include "net/guess.h"

#include <stdio.h>

#define PRIVATE_LEAST ((size_t)256)
/* A private block is this many times as big as what has arrived of its frame. */
#define PRIVATE_GROWTH 4
#define SHOWN_BYTES 16

static bool is_tail(const connection_t *c) {
    return c->context->tail == c;
}

static size_t received(const connection_t *c) {
    return c->end - c->begin;
}

/* NULL when there is none. */
static const uint8_t *first_byte(const connection_t *c) {
    return c->block == NULL ? NULL : c->block->data + c->begin;
}

static void forget(connection_t *c) {
    if (is_tail(c)) {
        c->context->tail = NULL;
    } else {
        block_release(c->block);
    }
    c->block = NULL;
    c->begin = 0;
    c->end = 0;
    c->needed = FRAME_HEAD;
}

void connection_drop_received(connection_t *c) {
    context_forget_waiting(c->context, c);
    forget(c);
}

/* The partial of c moves to a private block with room to grow. False: c was closed for lack of memory. */
static bool make_private(connection_t *c) {
    size_t have = received(c);
    size_t capacity = have > SIZE_MAX / PRIVATE_GROWTH ? SIZE_MAX : have * PRIVATE_GROWTH;
    if (capacity < PRIVATE_LEAST) capacity = PRIVATE_LEAST;
    if (capacity > c->needed) capacity = c->needed;
    if (capacity < have) capacity = have;
    block_t *block = block_create(capacity);
    if (block == NULL) {
        connection_fail(c, "no memory for the frame it sends");
        return false;
    }
    memcpy(block->data, first_byte(c), have);
    size_t needed = c->needed;
    forget(c);
    c->block = block;
    c->end = have;
    c->needed = needed;
    return true;
}

static bool private_room(connection_t *c) {
    if (c->begin == 0 && c->end < c->block->capacity) return true;
    return make_private(c);
}

/* Makes c the tail of the current block with its bytes at the fill mark; `from` are its bytes so far. */
static void settle_in_current(connection_t *c, const uint8_t *from, size_t have) {
    connection_context_t *x = c->context;
    if (have > 0) memmove(x->current->data + x->fill, from, have);
    x->tail = c;
    c->block = x->current;
    c->begin = x->fill;
    c->end = x->fill + have;
    x->fill = c->end;
}

/* Moves c's bytes to a fresh current block. False: c waits for one, or was closed. */
static bool settle_in_fresh(connection_t *c) {
    block_t *old = NULL;
    apr_status_t status = context_next_block(c->context, &old);
    if (status == QMQ_E_FULL) context_wait_for_block(c->context, c);
    if (status == APR_ENOMEM) connection_fail(c, "no memory for a receive block");
    if (status != APR_SUCCESS) return false;
    block_t *mine = is_tail(c) ? NULL : c->block;
    settle_in_current(c, first_byte(c), received(c));
    block_release(mine);
    block_release(old);
    return true;
}

/* Nobody but the context holds the current block, so that everything but the tail's bytes may be overwritten. */
static bool may_rewind(const connection_context_t *x) {
    return x->current != NULL && shared_is_sole(&x->current->shared);
}

static bool tail_room(connection_t *c) {
    connection_context_t *x = c->context;
    size_t have = received(c);
    size_t left = x->current->capacity - x->fill;
    bool fits = c->begin + c->needed <= x->current->capacity && left > 0;
    if (c->needed > x->block_size) return make_private(c);
    if (may_rewind(x) && c->begin > 0 && (!fits || have <= RECEIVE_COPY_MOST)) {
        x->fill = 0;
        settle_in_current(c, first_byte(c), have);
        return true;
    }
    return fits || settle_in_fresh(c);
}

/* c has nothing, or little in a private block. */
static bool current_room(connection_t *c) {
    connection_context_t *x = c->context;
    /* Afterwards there is no tail: it moved, or was closed for lack of memory. */
    if (x->tail != NULL) (void)make_private(x->tail);
    if (may_rewind(x)) x->fill = 0;
    size_t least = c->needed > RECEIVE_ROOM_LEAST ? c->needed : RECEIVE_ROOM_LEAST;
    if (x->current == NULL || x->current->capacity - x->fill < least) return settle_in_fresh(c);
    block_t *mine = c->block;
    settle_in_current(c, first_byte(c), received(c));
    block_release(mine);
    return true;
}

/* Sees to it that there is room behind c->end. False: c cannot read now. */
static bool make_room(connection_t *c) {
    if (is_tail(c)) return tail_room(c);
    bool stays = c->block != NULL && (received(c) > RECEIVE_COPY_MOST || c->needed > c->context->block_size);
    return stays ? private_room(c) : current_room(c);
}

/* A private block takes in the rest of its frame and no more, so that what follows comes into the current block. */
static size_t room_of(const connection_t *c) {
    size_t limit = c->block->capacity;
    if (!is_tail(c) && limit > c->needed) limit = c->needed;
    size_t room = limit - c->end;
    return room < CONNECTION_TURN ? room : CONNECTION_TURN;
}

static void take_in(connection_t *c, size_t size) {
    c->end += size;
    if (is_tail(c)) c->context->fill = c->end;
    c->moved_us = loop_now_us(c->context->loop);
}

static void break_protocol(connection_t *c, apr_status_t status, const char *words) {
    char shown[3 * SHOWN_BYTES + 1] = "";
    const uint8_t *first = first_byte(c);
    size_t size = received(c) < SHOWN_BYTES ? received(c) : SHOWN_BYTES;
    for (size_t i = 0; i < size; i++) (void)snprintf(shown + 3 * i, 4, " %02x", first[i]);
    const char *speech = guess_speech(first, size);
    char *limit = status == QMQ_E_TOO_LONG ? memory_printf(" of %zu bytes", c->max_frame) : memory_strdup("");
    char *reason = memory_printf("%s%s, first bytes%s%s%s", words, limit, shown, speech == NULL ? "" : ": this seems to be ",
                                 speech == NULL ? "" : speech);
    c->broke_protocol = true;
    connection_fail(c, reason);
    memory_free(reason);
    memory_free(limit);
}

/* True when a frame was delivered. */
static bool deliver_next(connection_t *c, block_t *block) {
    frame_t frame;
    const char *words = NULL;
    apr_status_t status = frame_parse(block->data + c->begin, received(c), c->max_frame, &frame, &c->needed, &words);
    if (status == QMQ_E_PENDING) return false;
    if (status != APR_SUCCESS) {
        break_protocol(c, status, words);
        return false;
    }
    c->begin += frame.size;
    c->events->frame(c->arg, c, &frame, block);
    return true;
}

static void deliver(connection_t *c) {
    block_t *block = c->block;
    if (block == NULL) return;
    /* The frame's bytes outlive a close out of its own callback. */
    block_retain(block);
    bool delivered = false;
    while (c->state == CONNECTION_OPEN && c->begin < c->end) {
        c->held = c->held || c->out.bytes > c->max_unsent;
        if (c->held || !deliver_next(c, block)) break;
        delivered = true;
    }
    if (delivered && c->events->burst_end != NULL) c->events->burst_end(c->arg, c);
    if (c->begin == c->end) forget(c);
    block_release(block);
}

static void end_reading(connection_t *c, apr_status_t status) {
    char text[120];
    if (APR_STATUS_IS_EAGAIN(status)) return;
    if (APR_STATUS_IS_EOF(status)) {
        connection_close(c, true, received(c) > 0 ? "closed by the peer within a frame" : "closed by the peer");
        return;
    }
    char *reason = memory_printf("cannot read: %s", status_text(status, text, sizeof text));
    connection_fail(c, reason);
    memory_free(reason);
}

void connection_receive(connection_t *c) {
    size_t turn = 0;
    while (c->reading && !c->held && turn < CONNECTION_TURN && make_room(c)) {
        size_t room = room_of(c);
        size_t got = 0;
        apr_status_t status = loop_socket_read(c->socket, c->block->data + c->end, room, &got);
        if (status != APR_SUCCESS) {
            end_reading(c, status);
            break;
        }
        take_in(c, got);
        turn += got;
        deliver(c);
        /* A short read has emptied the socket: readiness tells when there is more. */
        if (got < room) break;
    }
    if (c->begin == c->end) forget(c);
}

void connection_receive_on(connection_t *c) {
    deliver(c);
}
