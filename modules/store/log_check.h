/* Finding a log's end after whatever happened: the last two segments are validated, what does not hold is cut off and said
 * (storage.md 3.6). */
#ifndef QMQ_STORE_LOG_CHECK_H
#define QMQ_STORE_LOG_CHECK_H

#include "store/log_scan.h"

/* Length of the sound part of the segment in the scan, looked at from position `from` on, where a record starts: the segment size when it
 * is complete. Else *reason tells why it ends there. */
typedef int64_t (*segment_validator_t)(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);

/* Next place behind `position`, which is not sound, where a record surely starts; -1: none in this segment. */
typedef int64_t (*segment_resync_t)(log_scan_t *s, int64_t position, int64_t segment_size);

typedef struct log_checked {
    int64_t cut_bytes;       /* data that lay behind the end */
    int64_t validated_bytes; /* how much was looked at */
} log_checked_t;

/* Sets the log's end. `sound`: a record boundary up to which the log is known to be durable and right, -1: none is known. resync: what is
 * not sound but followed by sound records is damage of a log that was durable, and is kept; NULL: it is where the log was torn. */
apr_status_t log_check(segmented_log_t *l, segment_validator_t validate, segment_resync_t resync, int64_t sound, log_checked_t *checked,
                       qmq_error_t **error);

/* True when a record with this magic (its last byte, the version, aside) may start at the offset: one does, or the log or a segment ends.
 */
bool log_is_boundary(segmented_log_t *l, int64_t offset, uint32_t magic);
/* True when a snapshot of this offset can be one of the log as it is: not from beyond its end, nor from the middle of a record. */
bool log_may_end_snapshot(segmented_log_t *l, int64_t offset, uint32_t magic);

/* Validators. */
int64_t message_segment_validate(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);
/* The same for a log that we did not write: a record with a wrong checksum is one that its producer sent so, when a sound one follows. */
int64_t message_segment_validate_taken_over(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);
int64_t action_segment_validate(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);
int64_t message_segment_resync(log_scan_t *s, int64_t position, int64_t segment_size);
int64_t action_segment_resync(log_scan_t *s, int64_t position, int64_t segment_size);

#endif
