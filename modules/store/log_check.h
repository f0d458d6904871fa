/* Finding a log's end after whatever happened: the last two segments are validated, what does not hold is cut off and said
 * (storage.md 3.6). */
#ifndef QMQ_STORE_LOG_CHECK_H
#define QMQ_STORE_LOG_CHECK_H

#include "store/log_scan.h"

/* Length of the sound part of the segment in the scan: the segment size when it is complete. Else *reason tells why it ends there. */
typedef int64_t (*segment_validator_t)(log_scan_t *s, int64_t segment_size, const char **reason);

/* Sets the log's end. *cut_bytes: how much data lay behind it. */
apr_status_t log_check(segmented_log_t *l, segment_validator_t validate, int64_t *cut_bytes, qmq_error_t **error);

/* Validators. */
int64_t message_segment_validate(log_scan_t *s, int64_t segment_size, const char **reason);
int64_t action_segment_validate(log_scan_t *s, int64_t segment_size, const char **reason);

#endif
