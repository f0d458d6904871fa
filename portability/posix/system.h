/* What the POSIX files share: errno as a status. */
#ifndef QMQ_PORTABILITY_POSIX_SYSTEM_H
#define QMQ_PORTABILITY_POSIX_SYSTEM_H

#include "portability/common/system.h"

#include <apr_errno.h>
#include <errno.h>

/* The reason of the call that has just failed; never APR_SUCCESS. */
static inline apr_status_t system_error(void) {
    int error = errno;
    return error != 0 ? APR_FROM_OS_ERROR(error) : APR_EGENERAL;
}

#endif
