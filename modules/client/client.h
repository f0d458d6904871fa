/* The inside of qmq_client_t: one loop with its connections, one executor for what blocks (names, HTTP), one thread for callbacks. Routes,
 * producers and subscriptions live on the loop; public functions hand over to it and wait on conditions. */
#ifndef QMQ_CLIENT_CLIENT_H
#define QMQ_CLIENT_CLIENT_H

#include "base/error.h"
#include "base/writer.h"
#include "client/discovery.h"
#include "client/route.h"
#include "client/subject_config.h"
#include "net/loops.h"
#include "net/requester.h"
#include "portability/thread.h"
#include "qmq/client.h"

#define SECOND_US INT64_C(1000000)
#define MILLISECOND_US INT64_C(1000)

struct qmq_client {
    loops_t *loops;
    loop_t *loop;
    requester_t *requester; /* loop */
    executor_t *background; /* looks names and the metaserver up */
    executor_t *callbacks;  /* runs the callbacks of producers, in order */
    char *app_code;
    char *id;
    char *ldc;       /* "" when there is none */
    char *id_suffix; /* ".<address>.<process id>." of message ids */
    void (*log)(void *arg, qmq_log_level_t level, const char *line);
    void *log_arg;
    char *env; /* "" when there is none */
    char *sub_env;
    discovery_t discovery;            /* loop */
    subject_config_t subject_config;  /* loop */
    routes_t routes;                  /* loop */
    table_t subscriptions;            /* loop */
    struct qmq_consumer *left_behind; /* loop; stopped, with handlers that did not end */
};

/* Runs fn(arg) on the loop's thread and waits for it; directly when the caller is that thread. */
void client_call(qmq_client_t *c, void (*fn)(void *arg), void *arg);
/* One request on the shared connection to the address. Loop thread. */
void client_request(qmq_client_t *c, const char *address, int16_t code, int64_t timeout_us, writer_t *body, response_fn done, void *arg);
void client_log(const qmq_client_t *c, qmq_log_level_t level, const char *format, ...) QMQ_PRINTF(3, 4);
/* Stores e in *error or frees it; returns its status. */
int client_fail(qmq_error_t **error, qmq_error_t *e);
/* How long a blocking call may still wait. */
int64_t client_left_us(int64_t deadline_us);

#endif
