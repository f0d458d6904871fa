/* Errors a person must act on: what happened with which value, and what to do about it. The type is qmq_error_t of the public
 * header, so that libqmq hands the same object out. Owned by whoever received it; one owner, no sharing between threads. */
#ifndef QMQ_BASE_ERROR_H
#define QMQ_BASE_ERROR_H

#include "base/memory.h"
#include "qmq/error.h"

#include <apr_errno.h>

/* remedy: a full sentence telling what to do, or NULL. The message names value and place, in one line. */
qmq_error_t *error_create(apr_status_t status, const char *remedy, const char *format, ...) QMQ_PRINTF(3, 4);
/* Puts a new message in front ("cannot open the store /data: <cause>"), keeps status and remedy. Takes cause over. */
qmq_error_t *error_wrap(qmq_error_t *cause, const char *format, ...) QMQ_PRINTF(2, 3);
/* Replaces the remedy (printf form). */
void error_set_remedy(qmq_error_t *e, const char *format, ...) QMQ_PRINTF(2, 3);
/* "message. remedy", malloc'ed; caller frees. */
char *error_line(const qmq_error_t *e);

#endif
