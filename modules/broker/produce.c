#include "broker/produce.h"

#include "base/crc32.h"
#include "base/memory.h"
#include "base/status.h"
#include "broker/peer.h"
#include "broker/produce_figures.h"
#include "broker/worker.h"
#include "portability/clock.h"
#include "protocol/codes.h"
#include "protocol/send.h"
#include "protocol/subject.h"

#include <stdio.h>

/* A SEND request under way: the block keeps its bytes, `refused` has a code for each message that was not even tried. */
typedef struct send {
    message_source_t source; /* first */
    reply_to_t reply;
    block_t *block;
    view_t body;
    uint8_t *refused; /* one result code a message of the body; NULL: none refused */
    size_t covered;   /* bytes of refused */
    size_t total;
    size_t accepted;
    broker_t *broker;
    int64_t arrived_us;
    peer_t *peer;    /* when it waits */
    int64_t waiting; /* messages that a slave must have before the answer */
} send_t;

/* An answer that waits for the slave. */
typedef struct parked_send {
    slave_waiter_t waiter; /* first */
    reply_to_t reply;
    chain_t body;
} parked_send_t;

static void send_free(send_t *s) {
    if (s->peer != NULL) peer_release(s->peer);
    block_release(s->block);
    memory_free(s->refused);
    memory_free(s);
}

static const char *store_remark(apr_status_t status) {
    switch (status) {
    case QMQ_E_TOO_LONG:
        return "MESSAGE_ILLEGAL";
    case QMQ_E_BAD_CRC:
        return "CRC ERROR";
    default:
        return "store error";
    }
}

/* Says which of its causes makes the broker read-only. */
static void write_read_only(writer_t *w, broker_t *b, view_t id) {
    const char *reason = NULL;
    char remark[100];
    bool by_store = !store_is_writable(b->store, &reason);
    (void)snprintf(remark, sizeof remark, by_store ? "BROKER READ ONLY: %s" : "BROKER READ ONLY", by_store ? reason : "");
    send_result_t r = {id, SEND_READ_ONLY, view_of(remark)};
    send_result_write(w, &r);
}

static void write_refusal(writer_t *w, broker_t *b, view_t id, apr_status_t status) {
    if (status == QMQ_E_READONLY || APR_STATUS_IS_ENOSPC(status)) {
        write_read_only(w, b, id);
        return;
    }
    send_result_t r = {id, SEND_STORE_ERROR, view_of(store_remark(status))};
    send_result_write(w, &r);
}

static void write_early_refusal(writer_t *w, broker_t *b, view_t id, uint8_t code) {
    if (code == SEND_READ_ONLY) {
        write_read_only(w, b, id);
        return;
    }
    const char *remark = code == SEND_SUBJECT_NOT_ASSIGNED ? "message rejected" : "CRC ERROR";
    send_result_t r = {id, code, view_of(remark)};
    send_result_write(w, &r);
}

static void parked_done(slave_waiter_t *waiter, bool confirmed) {
    parked_send_t *p = (parked_send_t *)waiter;
    if (confirmed)
        reply_send(&p->reply, RESPONSE_SUCCESS, &p->body);
    else
        reply_drop(&p->reply);
    chain_clear(&p->body);
    peer_release(p->waiter.peer);
    memory_free(p);
}

/* At once, or when a slave has the messages. */
static void send_out(send_t *s, chain_t *body) {
    if (s->waiting == 0) {
        reply_send(&s->reply, RESPONSE_SUCCESS, body);
        chain_clear(body);
        send_free(s);
        return;
    }
    parked_send_t *p = memory_zalloc(sizeof *p);
    p->waiter.end_offset = s->source.end_offset;
    p->waiter.messages = s->waiting;
    p->waiter.peer = s->peer;
    p->waiter.done = parked_done;
    p->reply = s->reply;
    p->body = *body;
    s->peer = NULL;
    broker_t *b = s->broker;
    send_free(s);
    slave_wait_add(&b->slave_wait, &p->waiter);
}

/* The answer lists what was not accepted, in request order (wire-protocol.md 10.3). */
static void send_answer(send_t *s) {
    chain_t body;
    chain_init(&body);
    bool clean = s->refused == NULL;
    for (size_t i = 0; clean && i < s->source.count; i++) clean = s->source.messages[i].status == APR_SUCCESS;
    if (clean) {
        send_out(s, &body);
        return;
    }
    writer_t w;
    writer_init(&w, 256);
    cursor_t c = cursor_of(s->body);
    message_t m;
    size_t stored = 0;
    for (size_t i = 0; i < s->total && message_parse_wire(&c, &m); i++) {
        if (s->refused != NULL && s->refused[i] != 0) {
            produce_count_refused(s->broker, m.subject, s->refused[i]);
            write_early_refusal(&w, s->broker, m.id, s->refused[i]);
            continue;
        }
        apr_status_t status = s->source.messages[stored++].status;
        if (status != APR_SUCCESS) write_refusal(&w, s->broker, m.id, status);
    }
    chain_append_memory(&body, w.data, w.used);
    send_out(s, &body);
}

static bool any_stored(const message_source_t *source) {
    for (size_t i = 0; i < source->count; i++) {
        if (source->messages[i].status == APR_SUCCESS) return true;
    }
    return false;
}

static void send_stored(message_source_t *source) {
    send_t *s = (send_t *)source;
    if (s->waiting > 0 && !any_stored(source)) {
        slave_wait_unreserve(&s->broker->slave_wait, s->waiting);
        s->waiting = 0;
    }
    produce_count_tried(s->broker, source->messages, source->count, clock_mono_us() - s->arrived_us);
    send_answer(s);
}

/* Makes `refused` cover the message at index. */
static void send_cover(send_t *s, size_t index) {
    if (index < s->covered) return;
    size_t size = s->covered == 0 ? 64 : s->covered * 2;
    while (size <= index) size *= 2;
    s->refused = memory_realloc(s->refused, size);
    memset(s->refused + s->covered, 0, size - s->covered);
    s->covered = size;
}

static void send_refuse(send_t *s, size_t index, uint8_t code) {
    send_cover(s, index);
    s->refused[index] = code;
}

static bool subject_is_accepted(const broker_settings_t *settings, view_t subject) {
    return settings->reject_illegal_subject ? subject_is_storable(subject) : subject_is_directory_name(subject);
}

/* Counts a message that has to wait for a slave; false when too many do: then those that need not wait are refused too (broker.md 5.4). */
static bool send_may_wait(send_t *s, const broker_settings_t *settings, const message_t *m) {
    slave_wait_t *wait = &s->broker->slave_wait;
    if (!slave_wait_reserve(wait, settings->receive_queue_size)) return false;
    if ((m->flag & MESSAGE_LOW_RELIABILITY) != 0)
        slave_wait_unreserve(wait, 1);
    else
        s->waiting++;
    return true;
}

/* Puts one message into the worker's batch, or notes why not. */
static void send_take(send_t *s, worker_t *w, const broker_settings_t *settings, const message_t *m, bool subject_ok) {
    size_t index = s->total;
    if (!subject_ok) {
        send_refuse(s, index, SEND_SUBJECT_NOT_ASSIGNED);
        return;
    }
    uint32_t crc = (uint32_t)m->crc;
    if (!message_crc_is_right(m)) {
        if (!settings->recompute_bad_crc) {
            send_refuse(s, index, SEND_STORE_ERROR);
            return;
        }
        crc = crc32_of(m->payload.data, m->payload.size);
    }
    if (settings->wait_slave_wrote && !send_may_wait(s, settings, m)) {
        send_refuse(s, index, SEND_READ_ONLY);
        return;
    }
    if (s->refused != NULL) send_cover(s, index);
    s->accepted++;
    store_message_t *slot = worker_stage_message(w);
    slot->subject = m->subject;
    slot->payload = (const uint8_t *)m->payload.data;
    slot->payload_size = (uint32_t)m->payload.size;
    slot->crc = crc;
    slot->status = APR_SUCCESS;
    slot->subject_handle = NULL;
}

/* Takes the whole body apart; false when it does not parse: then nothing of it is stored (BUG-7). */
static bool send_take_all(send_t *s, broker_t *b, worker_t *w, bool writable) {
    const broker_settings_t *settings = broker_settings(b);
    cursor_t c = cursor_of(s->body);
    view_t last_subject = {NULL, 0};
    bool subject_ok = false;
    message_t m;
    while (cursor_left(&c) > 0) {
        if (!message_parse_wire(&c, &m) || m.id.size == 0 || m.subject.size == 0) return false;
        if (!writable) {
            send_refuse(s, s->total++, SEND_READ_ONLY);
            continue;
        }
        if (last_subject.data == NULL || !view_equal(m.subject, last_subject)) {
            last_subject = m.subject;
            subject_ok = subject_is_accepted(settings, m.subject);
            if (durability_of(&settings->durability, m.subject) == DURABILITY_DISK) s->source.wants_disk = true;
        }
        send_take(s, w, settings, &m, subject_ok);
        s->total++;
    }
    return true;
}

void produce_command(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    broker_t *b = arg;
    if (request->body.size == 0) {
        connection_reply(c, request, RESPONSE_SUCCESS, NULL);
        return;
    }
    worker_t *w = broker_current_worker(b);
    send_t *s = memory_zalloc(sizeof *s);
    s->source.stored = send_stored;
    s->broker = b;
    s->arrived_us = clock_mono_us();
    s->body = request->body;
    s->block = block;
    block_retain(block);
    bool writable = !atomic_load_explicit(&b->read_only, memory_order_relaxed) && store_is_writable(b->store, NULL);
    if (!send_take_all(s, b, w, writable)) {
        worker_rollback_messages(w);
        slave_wait_unreserve(&b->slave_wait, s->waiting);
        metric_add(b->invalid_messages, 1);
        log_warn(b->log, "SEND from %s, version %d, opaque %d does not parse: nothing of it is stored", connection_peer(c),
                 (int)request->version, (int)request->opaque);
        connection_reply(c, request, RESPONSE_BROKER_ERROR, NULL);
        send_free(s);
        return;
    }
    reply_to_init(&s->reply, c, request);
    if (s->waiting > 0) s->peer = peer_of(c);
    if (s->accepted > 0)
        worker_commit_messages(w, &s->source);
    else
        send_answer(s);
}
