#include "broker/retry.h"

#include "base/crc32.h"
#include "base/memory.h"
#include "base/status.h"
#include "protocol/message.h"

/* One step of a big move: keeps memory and the time other requests wait bounded. */
#define MOVE_BYTES (4 * 1024 * 1024)
#define MOVE_MESSAGES 500
/* On an event loop no more than this is looked at in one step. */
#define LOOKS_ON_LOOP 2000

void retry_move_init(retry_move_t *m, group_t *g) {
    memset(m, 0, sizeof *m);
    chain_init(&m->payloads);
    poll_result_init(&m->result);
    view_t subject = group_subject_name(g);
    if (group_kind(g) != SUBJECT_NORMAL) {
        m->subject = subject;
        return;
    }
    size_t size = subject_retry_name(subject, group_name(g), NULL, 0);
    m->name = memory_alloc(size + 1);
    (void)subject_retry_name(subject, group_name(g), m->name, size + 1);
    m->subject = view_make(m->name, size);
}

void retry_move_free(retry_move_t *m) {
    poll_result_free(&m->result);
    chain_clear(&m->payloads);
    memory_free(m->name);
}

/* The payload under the retry subject, the form in which clients send messages back. */
static bool keep_rewritten(retry_move_t *m, const slice_t *payload) {
    message_t parsed;
    cursor_t c = cursor_make(payload->data, payload->size);
    if (!message_parse(&c, &parsed)) return false;
    writer_t w;
    writer_init(&w, payload->size + m->subject.size);
    message_write_with_subject(&w, &parsed, m->subject);
    if (w.failed) {
        writer_free(&w);
        return false;
    }
    chain_append_memory(&m->payloads, w.data, w.used);
    return true;
}

apr_status_t retry_move_read(retry_move_t *m, group_t *g, view_t consumer_id, int64_t first, int64_t last, bool may_block,
                             int64_t *reached) {
    broker_t *b = group_broker(g);
    chain_clear(&m->payloads);
    m->skipped = 0;
    int64_t sequence = first;
    int64_t end = may_block || last - first < LOOKS_ON_LOOP ? last : first + LOOKS_ON_LOOP - 1;
    for (; sequence <= end && m->payloads.bytes < MOVE_BYTES && m->payloads.count < MOVE_MESSAGES; sequence++) {
        int64_t message = store_pull_lookup(group_progress(g), consumer_id, sequence);
        if (message < 0) {
            m->skipped++;
            continue;
        }
        poll_options_t o = {message, 1, MOVE_BYTES, true, INT64_MAX, may_block};
        poll_result_clear(&m->result);
        apr_status_t rv = store_poll(b->store, group_subject(g), &o, &m->result);
        if (rv == QMQ_E_COLD) return rv;
        if (rv != APR_SUCCESS || m->result.count != 1 || m->result.messages[0].sequence != message ||
            !keep_rewritten(m, &m->result.messages[0].payload))
            m->skipped++;
    }
    poll_result_clear(&m->result);
    if (sequence <= last && m->payloads.count == 0) return QMQ_E_COLD;
    *reached = sequence - 1;
    if (m->skipped > 0)
        log_warn(b->log, "%zu messages of subject %.*s that group %.*s had pulled can no longer be read and are not moved to %.*s",
                 m->skipped, VIEW_ARG(group_subject_name(g)), VIEW_ARG(group_name(g)), VIEW_ARG(m->subject));
    return APR_SUCCESS;
}

size_t retry_move_count(const retry_move_t *m) {
    return m->payloads.count;
}

void retry_move_append(retry_move_t *m, group_t *g) {
    worker_t *w = group_home(g);
    for (size_t i = 0; i < m->payloads.count; i++) {
        const slice_t *s = &m->payloads.slices[i];
        store_message_t *message = worker_stage_message(w);
        memset(message, 0, sizeof *message);
        message->subject = m->subject;
        message->payload = s->data;
        message->payload_size = (uint32_t)s->size;
        message->crc = crc32_of(s->data, s->size);
    }
    m->source.wants_disk = broker_wants_disk(group_broker(g), group_subject_name(g)); /* before the acknowledgement that follows */
    group_count(g, GROUP_MOVED_TO_RETRY, (int64_t)m->payloads.count);
    worker_commit_messages(w, &m->source);
}

bool retry_move_succeeded(const retry_move_t *m) {
    for (size_t i = 0; i < m->source.count; i++)
        if (m->source.messages[i].status != APR_SUCCESS) return false;
    return true;
}
