/* Walking the records of a message log to its end, past damage (storage.md 4.6, 4.7). */
#ifndef QMQ_STORE_MESSAGE_REPLAY_H
#define QMQ_STORE_MESSAGE_REPLAY_H

#include "store/log_scan.h"
#include "store/message_record.h"

typedef struct message_visitor {
    /* False ends the walk. The record's views are valid during the call. hole: a segment is missing somewhere before. */
    bool (*visit)(void *arg, int64_t offset, const message_record_t *record, bool hole);
    void (*progress)(void *arg, int64_t offset);
    /* A whole record whose payload is not what its checksum says. May be NULL. */
    void (*bad_crc)(void *arg, const segment_t *s, int64_t offset);
    /* `size` bytes at offset are no records and are passed. NULL: it is logged as an error. */
    void (*damaged)(void *arg, const segment_t *s, int64_t offset, int64_t size, const char *reason);
    void *arg;
} message_visitor_t;

/* From `from` on, which is a record boundary or in front of the first segment. *skipped_bytes: damage that was jumped over. */
apr_status_t message_replay(segmented_log_t *l, int64_t from, const message_visitor_t *visitor, int64_t *skipped_bytes);

#endif
