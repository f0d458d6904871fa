#include "net/connection_impl.h"

#include "base/memory.h"
#include "base/status.h"

#include <stdio.h>

/* What the length field, an int32, can say. */
#define BODY_MOST ((size_t)INT32_MAX - FRAME_HEADER_LEN - 2)

/* Fills slices with the first bytes of what is to be sent; their sum is returned. */
static size_t gather(const chain_t *out, io_slice_t *slices, size_t *count) {
    size_t bytes = 0;
    size_t n = 0;
    while (n < out->count && n < TRANSMIT_SLICES && bytes < CONNECTION_TURN) {
        size_t size = out->slices[n].size;
        if (size > CONNECTION_TURN - bytes) size = CONNECTION_TURN - bytes;
        slices[n].data = out->slices[n].data;
        slices[n].size = size;
        bytes += size;
        n++;
    }
    *count = n;
    return bytes;
}

static void fail_with_status(connection_t *c, const char *what, apr_status_t status) {
    char text[120];
    char reason[160];
    (void)snprintf(reason, sizeof reason, "%s: %s", what, status_text(status, text, sizeof text));
    connection_fail(c, reason);
}

/* Writes until all is taken, the system is full (a completion follows), or the turn is over. */
static void transmit(connection_t *c) {
    size_t turn = 0;
    while (c->out.bytes > 0 && turn < CONNECTION_TURN) {
        io_slice_t *slices = context_take_slices(c->context);
        size_t count = 0;
        size_t bytes = gather(&c->out, slices, &count);
        apr_status_t status = loop_socket_write(c->socket, slices, count);
        if (status == QMQ_E_PENDING) {
            c->writing = bytes;
            c->slices = slices;
            return;
        }
        context_return_slices(c->context, slices);
        if (status != APR_SUCCESS) {
            fail_with_status(c, "cannot write", status);
            return;
        }
        chain_consume(&c->out, bytes);
        c->moved_us = loop_now_us(c->context->loop);
        turn += bytes;
    }
}

/* Holds reading above max_unsent, lets go of it at half. */
static void update_held(connection_t *c) {
    bool was = c->held;
    c->held = c->out.bytes > (was ? c->max_unsent / 2 : c->max_unsent);
    connection_update_reading(c);
    if (was && !c->held) connection_receive_on(c);
}

static void transmit_and_settle(connection_t *c) {
    transmit(c);
    if (c->state >= CONNECTION_CLOSING) return;
    if (c->out.bytes == 0 && c->state == CONNECTION_FLUSHING) {
        connection_fail(c, "flushed");
        return;
    }
    if (c->out.bytes > 0 && c->writing == 0 && !c->flush_queued) {
        c->flush_queued = true;
        connection_retain(c);
        loop_post(c->context->loop, &c->flush);
    }
    if (c->state == CONNECTION_OPEN) update_held(c);
}

static void run_flush(task_t *task) {
    connection_t *c = CONTAINER_OF(task, connection_t, flush);
    c->flush_queued = false;
    if (c->state < CONNECTION_CLOSING && c->writing == 0) transmit_and_settle(c);
    connection_release(c);
}

void connection_queue_flush(connection_t *c) {
    if (c->flush_queued || c->writing > 0) return;
    c->flush_queued = true;
    c->flush.run = run_flush;
    connection_retain(c);
    loop_defer_last(c->context->loop, &c->flush);
}

static void end_write(connection_t *c) {
    context_return_slices(c->context, c->slices);
    c->slices = NULL;
    c->writing = 0;
}

void connection_written(connection_t *c, apr_status_t status) {
    size_t bytes = c->writing;
    end_write(c);
    if (c->state >= CONNECTION_CLOSING) return;
    if (status != APR_SUCCESS) {
        fail_with_status(c, "cannot write", status);
        return;
    }
    chain_consume(&c->out, bytes);
    c->moved_us = loop_now_us(c->context->loop);
    transmit_and_settle(c);
}

void connection_drop_unsent(connection_t *c) {
    if (c->slices != NULL) end_write(c);
    chain_clear(&c->out);
}

void connection_send(connection_t *c, chain_t *bytes) {
    if (c->state != CONNECTION_OPEN || bytes->bytes == 0) {
        chain_clear(bytes);
        return;
    }
    chain_append_chain(&c->out, bytes);
    connection_queue_flush(c);
}

static void copy_body(uint8_t *to, const chain_t *body) {
    for (size_t i = 0; i < body->count; i++) {
        memcpy(to, body->slices[i].data, body->slices[i].size);
        to += body->slices[i].size;
    }
}

/* Small bodies go beside their head, so that a burst of small answers is one slice. */
static void append_frame(chain_t *out, const frame_t *head, chain_t *body) {
    size_t size = body == NULL ? 0 : body->bytes;
    bool copy = size < CHAIN_COPY_BELOW;
    uint8_t *to = chain_append_room(out, FRAME_HEAD + (copy ? size : 0));
    frame_write_head(to, head->code, head->version, head->opaque, head->flag, head->request_code, size);
    if (!copy) {
        chain_append_chain(out, body);
    } else if (size > 0) {
        copy_body(to + FRAME_HEAD, body);
    }
}

void connection_send_frame(connection_t *c, const frame_t *head, chain_t *body) {
    if (c->state == CONNECTION_OPEN && body != NULL && body->bytes > BODY_MOST) {
        connection_close(c, true, "a frame longer than its length field can say was to be sent");
    }
    if (c->state == CONNECTION_OPEN) {
        append_frame(&c->out, head, body);
        connection_queue_flush(c);
    }
    if (body != NULL) chain_clear(body);
}
