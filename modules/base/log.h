/* Log lines: time, level, server and instance, text. The sink is process-wide (standard error or one rotated file); a log_t is the
 * name a server writes under, because several may live in one process. Any thread. */
#ifndef QMQ_BASE_LOG_H
#define QMQ_BASE_LOG_H

#include "base/error.h"

#include <apr_errno.h>
#include <stdint.h>

typedef enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR } log_level_t;

typedef struct log {
    char name[64]; /* "broker", "standalone/broker" */
} log_t;

void log_init(log_t *l, const char *name);
/* Sends all lines to a file (appended, rotated at max_bytes with keep old ones); path NULL: standard error. */
apr_status_t log_to_file(const char *path, int64_t max_bytes, int keep);
/* Starts a new file also at every multiple of so many hours of the local day (0: by size only, as at first). */
void log_rotate_every(int hours);
void log_set_level(log_level_t lowest);
log_level_t log_level(void);
/* Flushes and closes; lines afterwards go to standard error. */
void log_close(void);

void log_debug(const log_t *l, const char *format, ...) QMQ_PRINTF(2, 3);
void log_info(const log_t *l, const char *format, ...) QMQ_PRINTF(2, 3);
void log_warn(const log_t *l, const char *format, ...) QMQ_PRINTF(2, 3);
void log_error(const log_t *l, const char *format, ...) QMQ_PRINTF(2, 3);
/* message and remedy in one line; the error stays the caller's. */
void log_problem(const log_t *l, log_level_t level, const qmq_error_t *e);

/* Limits a repeated line: true at most once in interval_us, then *suppressed is how many were swallowed meanwhile. Any thread. */
typedef struct log_limit {
    _Atomic int64_t next_us;
    _Atomic int64_t swallowed;
} log_limit_t;
int log_permit(log_limit_t *limit, int64_t interval_us, int64_t *suppressed);

#endif
