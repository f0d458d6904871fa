/* The message log: batches of messages get offsets and sequences, are written with one vectored write for all that wait, and become visible
 * (storage.md 4.4, design section 5). */
#ifndef QMQ_STORE_MESSAGE_LOG_H
#define QMQ_STORE_MESSAGE_LOG_H

#include "store/append_plan.h"
#include "store/append_ring.h"
#include "store/consumer_log.h"
#include "store/space.h"

typedef struct message_log {
    segmented_log_t segments;
    append_ring_t ring;
    append_plan_t plan;
    subject_table_t *subjects;
    consumer_logs_t *index;
    space_t *space;
    _Atomic int64_t indexed_end;     /* records that end at or below are in the index */
    _Atomic int64_t indexed_records; /* how many were added since the start */
    /* Appender only: what the plan holds. */
    store_message_t **staged;
    indexed_message_t *indexed;
    size_t staged_count;
    size_t staged_capacity;
    int64_t entry_ms; /* time of its index entries */
    store_subject_t *last_subject;
} message_log_t;

/* After recovery. */
apr_status_t message_log_start(message_log_t *m, subject_table_t *subjects, consumer_logs_t *index, space_t *space);
/* Completes what was submitted. */
void message_log_stop(message_log_t *m);
/* Any thread. */
void message_log_append(message_log_t *m, store_batch_t *batch);

#endif
