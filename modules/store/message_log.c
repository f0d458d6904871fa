#include "store/message_log.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"

/* A write is closed at the first batch end beyond this. */
#define WRITE_BYTES (8 * 1024 * 1024)
/* Payloads below this are copied next to their headers: a slice costs the system more. */
#define COPY_BELOW 4096

static store_subject_t *subject_of(message_log_t *m, view_t name) {
    if (m->last_subject == NULL || !view_equal(subject_name(m->last_subject), name)) m->last_subject = subject_table_get(m->subjects, name);
    return m->last_subject;
}

static void grow_staged(message_log_t *m) {
    m->staged_capacity = m->staged_capacity == 0 ? 256 : m->staged_capacity * 2;
    m->staged = memory_realloc(m->staged, m->staged_capacity * sizeof m->staged[0]);
    m->indexed = memory_realloc(m->indexed, m->staged_capacity * sizeof m->indexed[0]);
}

static void put_bytes(append_plan_t *p, const store_message_t *message, int64_t sequence) {
    size_t header = MESSAGE_HEADER_FIXED + message->subject.size;
    bool copies = message->payload_size < COPY_BELOW;
    uint8_t *to = append_plan_room(p, copies ? header + message->payload_size : header);
    (void)message_header_put(to, p->now_ms, sequence, message->subject, message->crc, message->payload_size);
    if (copies) {
        memcpy(to + header, message->payload, message->payload_size);
    } else {
        append_plan_refer(p, message->payload, message->payload_size);
    }
}

static void stage(message_log_t *m, store_message_t *message) {
    int64_t size = message_record_size(message->subject.size, message->payload_size);
    message->subject_handle = NULL;
    message->sequence = -1;
    message->status = QMQ_E_TOO_LONG;
    if (size > INT32_MAX || !append_plan_fits(&m->plan, size)) return;
    store_subject_t *subject = subject_of(m, message->subject);
    message->status = QMQ_E_INVALID;
    if (subject == NULL || message->payload_size == 0) return;
    if (m->staged_count == m->staged_capacity) grow_staged(m);
    int64_t offset = append_plan_place(&m->plan, size);
    message->sequence = subject->provisional++;
    message->subject_handle = subject;
    put_bytes(&m->plan, message, message->sequence);
    index_entry_t entry = {m->entry_ms, offset, (int32_t)size, (int16_t)(MESSAGE_HEADER_FIXED + message->subject.size)};
    m->indexed[m->staged_count] = (indexed_message_t){subject, entry};
    m->staged[m->staged_count++] = message;
}

static void refuse(store_batch_t *batch, apr_status_t status) {
    for (size_t i = 0; i < batch->count; i++) {
        batch->messages[i].status = status;
        batch->messages[i].sequence = -1;
        batch->messages[i].subject_handle = NULL;
    }
}

/* Nothing of the plan was written: sequences go back to where they were. */
static void withdraw(message_log_t *m, apr_status_t status) {
    for (size_t i = m->staged_count; i-- > 0;) {
        store_message_t *message = m->staged[i];
        m->indexed[i].subject->provisional = message->sequence;
        message->status = status;
        message->sequence = -1;
        message->subject_handle = NULL;
    }
}

/* Writes what was staged and makes it visible: end offset first, then index entries. */
static void commit(message_log_t *m, int64_t *took_us) {
    int64_t us = 0;
    apr_status_t status = append_plan_write(&m->plan, &us);
    *took_us = us > *took_us ? us : *took_us;
    if (status != APR_SUCCESS) {
        withdraw(m, status);
        space_write_failed(m->space, status);
        return;
    }
    for (size_t i = 0; i < m->staged_count; i++) m->staged[i]->status = APR_SUCCESS;
    segmented_log_publish(&m->segments, m->plan.end);
    consumer_logs_publish(m->index, m->indexed, m->staged_count);
    atomic_store_explicit(&m->indexed_end, m->plan.end, memory_order_release);
    atomic_fetch_add_explicit(&m->indexed_records, (int64_t)m->staged_count, memory_order_relaxed);
    space_note_end(m->space, SPACE_MESSAGES, m->plan.end);
}

static void begin(message_log_t *m) {
    append_plan_begin(&m->plan, clock_wall_ms());
    m->entry_ms = consumer_logs_now_ms(m->index);
    m->staged_count = 0;
}

/* Completes batches from first up to but not including end. */
static void complete(message_log_t *m, store_batch_t *first, const store_batch_t *end, bool failed) {
    while (first != end) {
        store_batch_t *next = first->next; /* a completed batch is its owner's */
        if (failed) first->end_offset = segmented_log_end(&m->segments);
        first->done(first);
        first = next;
    }
}

static int64_t drain(void *arg, append_node_t *node) {
    message_log_t *m = arg;
    store_batch_t *first = (store_batch_t *)node;
    int64_t took_us = 0;
    while (first != NULL) {
        store_batch_t *end = first;
        begin(m);
        bool open = space_is_writable(m->space, NULL);
        for (; end != NULL && m->plan.bytes < WRITE_BYTES; end = end->next) {
            if (open) {
                for (size_t i = 0; i < end->count; i++) stage(m, &end->messages[i]);
            } else {
                refuse(end, QMQ_E_READONLY);
            }
            end->end_offset = m->plan.end;
        }
        if (m->staged_count > 0) commit(m, &took_us);
        complete(m, first, end, segmented_log_end(&m->segments) != m->plan.end);
        first = end;
    }
    return took_us;
}

apr_status_t message_log_start(message_log_t *m, subject_table_t *subjects, consumer_logs_t *index, space_t *space) {
    m->subjects = subjects;
    m->index = index;
    m->space = space;
    atomic_store(&m->indexed_end, segmented_log_end(&m->segments));
    append_plan_init(&m->plan, &m->segments, MESSAGE_FILLER_SIZE, message_filler_put);
    return append_ring_start(&m->ring, "store-messages", drain, m);
}

void message_log_stop(message_log_t *m) {
    append_ring_stop(&m->ring);
    append_plan_free(&m->plan);
    memory_free(m->staged);
    memory_free(m->indexed);
    m->staged = NULL;
    m->indexed = NULL;
}

void message_log_append(message_log_t *m, store_batch_t *batch) {
    append_ring_submit(&m->ring, (append_node_t *)batch);
}
