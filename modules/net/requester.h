/* The asking side: one connection per remote address, shared by all requests to it, answers matched by opaque (wire-protocol.md 1.3, 2.4).
 * Lives on one loop. */
#ifndef QMQ_NET_REQUESTER_H
#define QMQ_NET_REQUESTER_H

#include "base/log.h"
#include "net/connection.h"
#include "portability/executor.h"

typedef struct requester requester_t;

typedef struct requester_options {
    connection_context_t *context; /* of the loop it lives on */
    executor_t *resolver;          /* where host names are resolved; NULL: only IPv4 texts are accepted. Stopped before the loop is */
    int64_t connect_timeout_us;    /* 5 s in the protocol */
    int64_t idle_close_us;         /* closes a connection on which nothing moved; 0: never */
    size_t max_frame;
    const log_t *log; /* NULL allowed */
} requester_options_t;

/* response is NULL unless status is APR_SUCCESS. APR_TIMEUP: no answer in time. QMQ_E_UNREACHABLE: no connection. QMQ_E_CLOSED: it was
 * lost, or the requester stops. Called exactly once, on the loop's thread, never inside requester_send. */
typedef void (*response_fn)(void *arg, apr_status_t status, const frame_t *response, block_t *block);

typedef struct request_options {
    int16_t code;
    int16_t version;
    int16_t request_code; /* what stands in the header: the code, or -1 (wire-protocol.md 2.3) */
    int64_t timeout_us;   /* 0: none */
    bool separate;        /* a second connection to the same address, kept apart (CLIENT_REGISTER) */
} request_options_t;

/* Loop thread. */
apr_status_t requester_create(requester_t **out, const requester_options_t *options);
/* Sends the body (taken over; NULL: empty) to "host:port", when it is connected. Loop thread. */
void requester_send(requester_t *r, const char *address, const request_options_t *options, chain_t *body, response_fn done, void *arg);
/* Fails everything in flight with QMQ_E_CLOSED, closes the connections, frees after they are gone and no name is being resolved, then calls
 * stopped(arg), never inside. Loop thread. */
void requester_destroy(requester_t *r, void (*stopped)(void *arg), void *arg);

/* A blocking call for command-line tools and start-up code: own short-lived loop in the calling thread, which must not be a loop's.
 * Statuses as above. *answer is malloc'ed (caller frees with memory_free), also when empty. */
apr_status_t requester_call(const char *address, const request_options_t *options, const void *body, size_t body_size, int16_t *code,
                            uint8_t **answer, size_t *answer_size);

#endif
