/* Sending messages (client.md 8). */
#ifndef QMQ_PRODUCER_H
#define QMQ_PRODUCER_H

#include "qmq/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qmq_producer qmq_producer_t;

typedef struct qmq_producer_options {
    size_t size;
    size_t max_queue;   /* messages that wait; default 10000 */
    int batch;          /* messages of one subject in a request; default 30 */
    int max_tries;      /* default 10 */
    int64_t timeout_ms; /* of one request; default 5000 */
    int window;         /* requests in flight to one broker group; default 4 */
} qmq_producer_options_t;

QMQ_API void qmq_producer_options_init(qmq_producer_options_t *options);
/* options may be NULL. */
QMQ_API qmq_producer_t *qmq_producer_create(qmq_client_t *client, const qmq_producer_options_t *options, qmq_error_t **error);

/* The message was accepted (error NULL) or finally failed. The message is freed after the call; error too. */
typedef void (*qmq_sent_fn)(void *arg, const qmq_message_t *message, const qmq_error_t *error);
/* Hands the message over (owned by the library from here on, also on failure) and returns. When the queue is full: waits at most wait_ms
 * for room, then QMQ_FULL; on a failure here done is not called. done may be NULL. */
QMQ_API int qmq_producer_send(qmq_producer_t *producer, qmq_message_t *message, int64_t wait_ms, qmq_sent_fn done, void *arg,
                              qmq_error_t **error);
/* Sends and waits for the verdict. The message stays the caller's. */
QMQ_API int qmq_producer_send_wait(qmq_producer_t *producer, const qmq_message_t *message, int64_t timeout_ms, qmq_error_t **error);
/* Waits until everything handed over before has its verdict; QMQ_TIMED_OUT when that takes longer. */
QMQ_API int qmq_producer_flush(qmq_producer_t *producer, int64_t timeout_ms);
/* Flushes at most timeout_ms; what is left fails with QMQ_CLOSED. */
QMQ_API void qmq_producer_destroy(qmq_producer_t *producer, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
