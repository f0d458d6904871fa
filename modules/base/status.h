/* Our status codes, in APR's user range, for hot paths. Where a person must act, qmq_error_t (base/error.h) carries the words. */
#ifndef QMQ_BASE_STATUS_H
#define QMQ_BASE_STATUS_H

#include <apr_errno.h>
#include <stddef.h>

#define QMQ_E_BASE (APR_OS_START_USERERR + 7000)

#define QMQ_E_MALFORMED (QMQ_E_BASE + 1)    /* bytes do not have the layout they must have */
#define QMQ_E_TOO_LONG (QMQ_E_BASE + 2)     /* a value exceeds its limit */
#define QMQ_E_FULL (QMQ_E_BASE + 3)         /* a bounded queue or table is full */
#define QMQ_E_READONLY (QMQ_E_BASE + 4)     /* the log or broker takes no writes now */
#define QMQ_E_CORRUPT (QMQ_E_BASE + 5)      /* stored bytes are damaged */
#define QMQ_E_PENDING (QMQ_E_BASE + 6)      /* not done yet, a callback follows */
#define QMQ_E_CLOSED (QMQ_E_BASE + 7)       /* the object is closing or the connection is gone */
#define QMQ_E_NOT_FOUND (QMQ_E_BASE + 8)    /* no such thing */
#define QMQ_E_REFUSED (QMQ_E_BASE + 9)      /* the peer or a rule refuses it */
#define QMQ_E_COLD (QMQ_E_BASE + 10)        /* needs the disk: ask again from a thread that may block */
#define QMQ_E_INVALID (QMQ_E_BASE + 11)     /* a parameter or configuration value is not allowed */
#define QMQ_E_LOCKED (QMQ_E_BASE + 12)      /* somebody else holds it */
#define QMQ_E_BAD_CRC (QMQ_E_BASE + 13)     /* checksum mismatch */
#define QMQ_E_UNREACHABLE (QMQ_E_BASE + 14) /* no connection to a peer */
#define QMQ_E_LIMIT (QMQ_E_BASE + 15)

/* English text of ours and of APR's codes, in `to`; returns `to`. Any thread. */
const char *status_text(apr_status_t status, char *to, size_t size);

#endif
