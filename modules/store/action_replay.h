/* Walking the records of an action log to its end, past damage (storage.md 6.4, 6.5). */
#ifndef QMQ_STORE_ACTION_REPLAY_H
#define QMQ_STORE_ACTION_REPLAY_H

#include "store/action_record.h"
#include "store/log_scan.h"

typedef struct action_visitor {
    /* end: offset behind the record. Its views are valid during the call. */
    void (*visit)(void *arg, int64_t end, const action_record_t *record);
    void (*progress)(void *arg, int64_t offset);
    void *arg;
} action_visitor_t;

/* From `from` on, which is a record boundary or in front of the first segment. *skipped_bytes: damage that was jumped over;
 * *skipped_records: whole records that could not be understood. */
apr_status_t action_replay(segmented_log_t *l, int64_t from, const action_visitor_t *visitor, int64_t *skipped_bytes,
                           int64_t *skipped_records);

#endif
