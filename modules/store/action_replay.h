/* Walking the records of an action log from its first segment to its end, past damage (storage.md 6.4, 6.5). */
#ifndef QMQ_STORE_ACTION_REPLAY_H
#define QMQ_STORE_ACTION_REPLAY_H

#include "store/action_record.h"
#include "store/log_scan.h"

typedef struct action_visitor {
    /* The record's views are valid during the call. */
    void (*visit)(void *arg, const action_record_t *record);
    void (*progress)(void *arg, int64_t offset);
    void *arg;
} action_visitor_t;

/* *skipped_bytes: damage that was jumped over; *skipped_records: whole records that could not be understood. */
apr_status_t action_replay(segmented_log_t *l, const action_visitor_t *visitor, int64_t *skipped_bytes, int64_t *skipped_records);

#endif
