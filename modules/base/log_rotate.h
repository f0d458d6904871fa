/* How a log file makes room for a new one; for log.c. */
#ifndef QMQ_BASE_LOG_ROTATE_H
#define QMQ_BASE_LOG_ROTATE_H

#include <apr_errno.h>
#include <stdint.h>

/* path.1 becomes path.2 and so on, path becomes path.1, the oldest goes; keep 0: path is removed. Where somebody holds the file open and
 * the system refuses to move it, its content is copied and the file emptied. */
apr_status_t log_shift(const char *path, int keep);

/* Wall clock (ms) at which a file that was begun at begun_ms has had its time: the next multiple of `hours` of the local day. INT64_MAX
 * when hours is 0. */
int64_t log_period_end(int64_t begun_ms, int hours);
/* When the content of the file begins, as far as a file tells: its modification when it has any, else now. */
int64_t log_begun(const char *path);

#endif
