/* Finding a log's end after whatever happened: the last two segments are validated, what does not hold is cut off and said
 * (storage.md 3.6). */
#ifndef QMQ_STORE_LOG_CHECK_H
#define QMQ_STORE_LOG_CHECK_H

#include "store/log_scan.h"

/* Length of the sound part of the segment in the scan, looked at from position `from` on, where a record starts: the segment size when it
 * is complete. Else *reason tells why it ends there. */
typedef int64_t (*segment_validator_t)(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);

typedef struct log_checked {
    int64_t cut_bytes;       /* data that lay behind the end */
    int64_t validated_bytes; /* how much was looked at */
} log_checked_t;

/* Sets the log's end. `sound`: a record boundary up to which the log is known to be durable and right, -1: none is known. */
apr_status_t log_check(segmented_log_t *l, segment_validator_t validate, int64_t sound, log_checked_t *checked, qmq_error_t **error);

/* Validators. */
int64_t message_segment_validate(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);
/* The same for a log that we did not write: a record with a wrong checksum is one that its producer sent so, when a sound one follows. */
int64_t message_segment_validate_taken_over(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);
int64_t action_segment_validate(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason);

#endif
