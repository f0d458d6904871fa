/* A client of QMQ: knows the metaserver, finds brokers, owns the connections. One a process is enough; several may live side by side.
 * Thread rule of the whole library: every function may be called from any thread, unless it says otherwise; callbacks run on the library's
 * threads and must not destroy the object they come from. */
#ifndef QMQ_CLIENT_H
#define QMQ_CLIENT_H

#include "qmq/error.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What qmq_error_status tells; stable numbers. */
enum qmq_status {
    QMQ_OK = 0,
    QMQ_INVALID = 1,     /* a value that is not allowed */
    QMQ_UNREACHABLE = 2, /* no metaserver or broker answers */
    QMQ_REFUSED = 3,     /* a server refused for good */
    QMQ_TIMED_OUT = 4,
    QMQ_FULL = 5,     /* a bounded queue is full */
    QMQ_CLOSED = 6,   /* the object is being closed */
    QMQ_NO_ROUTE = 7, /* the metaserver names no broker group for the subject */
    QMQ_INTERNAL = 8
};

typedef struct qmq_client qmq_client_t;

typedef enum qmq_log_level { QMQ_LOG_DEBUG, QMQ_LOG_INFO, QMQ_LOG_WARN, QMQ_LOG_ERROR } qmq_log_level_t;

typedef struct qmq_client_options {
    size_t size;            /* set by qmq_client_options_init */
    const char *metaserver; /* "host:port" of the metaserver's HTTP port, or the URL of /meta/address; mandatory */
    const char *app_code;   /* name of the application; NULL: "qmq-c" */
    const char *client_id;  /* NULL: "<host name>@@<md5 of the executable's path>". Two live processes must not have the same one; the same
                               process should have it again after a restart, or its unacknowledged messages come back late */
    const char *ldc;        /* logical data centre; NULL: none */
    void (*log)(void *arg, qmq_log_level_t level, const char *line); /* NULL: warnings and errors to standard error */
    void *log_arg;
    /* The environment this process is in, and a part of it; NULL: none. Messages carry them, and consumers get only messages of their own,
     * in a group named <group>_<env>_<sub_env>. */
    const char *env;
    const char *sub_env;
    /* A pull_subject_config.properties (keys <subject>_pullBatchSize and so on, "*" for all subjects), read again within 10 s when it
     * changes; its values win over those of consumers. NULL: none. */
    const char *subject_config;
} qmq_client_options_t;

QMQ_API void qmq_client_options_init(qmq_client_options_t *options);
/* Options are copied. Does not wait for the network: an unreachable metaserver shows when it is needed. NULL and *error on bad options. */
QMQ_API qmq_client_t *qmq_client_create(const qmq_client_options_t *options, qmq_error_t **error);
QMQ_API const char *qmq_client_id(const qmq_client_t *client);
/* Producers and consumers of it must be destroyed before. */
QMQ_API void qmq_client_destroy(qmq_client_t *client);
/* "0.1.0" */
QMQ_API const char *qmq_version(void);

#ifdef __cplusplus
}
#endif

#endif
