/* Receiving messages: a push consumer calls a handler, a pull consumer is asked (client.md 9-13). */
#ifndef QMQ_CONSUMER_H
#define QMQ_CONSUMER_H

#include "qmq/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qmq_tag_mode { QMQ_TAGS_NONE, QMQ_TAGS_ANY, QMQ_TAGS_ALL } qmq_tag_mode_t;

typedef struct qmq_consumer_options {
    size_t size;
    const char *group; /* consumer group; mandatory unless broadcast */
    bool broadcast;    /* every client gets every message */
    qmq_tag_mode_t tag_mode;
    const char *const *tags; /* NULL-terminated */
    int threads;             /* handlers at the same time (push); default 2 */
    int batch;               /* messages a pull; default 50 */
    int64_t poll_ms;         /* how long a pull waits at the broker; default 2500 */
    int max_unacked;         /* pulling pauses above; default 100 */
    int max_retry;           /* before a dead letter; default 32 */
} qmq_consumer_options_t;

QMQ_API void qmq_consumer_options_init(qmq_consumer_options_t *options);

typedef enum qmq_verdict {
    QMQ_DONE,  /* acknowledge */
    QMQ_RETRY, /* comes again through the retry subject, later a dead letter */
    QMQ_LATER  /* the handler keeps the message and calls qmq_message_ack itself */
} qmq_verdict_t;

typedef struct qmq_consumer qmq_consumer_t;
/* The message is the library's; with QMQ_LATER it stays valid until qmq_message_ack. */
typedef qmq_verdict_t (*qmq_handler_fn)(void *arg, qmq_message_t *message);
/* Starts at once. A group that is new starts with messages sent from now on. */
QMQ_API qmq_consumer_t *qmq_consumer_start(qmq_client_t *client, const char *subject, const qmq_consumer_options_t *options,
                                           qmq_handler_fn handler, void *arg, qmq_error_t **error);
/* error_text NULL: done; else as QMQ_RETRY. Any thread. */
QMQ_API void qmq_message_ack(qmq_message_t *message, const char *error_text);
/* Waits until the consumer is subscribed at a broker (its first pull was answered or is held there); QMQ_TIMED_OUT otherwise. */
QMQ_API int qmq_consumer_ready(qmq_consumer_t *consumer, int64_t timeout_ms);
/* Stops pulling, lets running handlers end (at most timeout_ms), sends the acknowledgements, frees. */
QMQ_API void qmq_consumer_stop(qmq_consumer_t *consumer, int64_t timeout_ms);

typedef struct qmq_puller qmq_puller_t;
QMQ_API qmq_puller_t *qmq_puller_create(qmq_client_t *client, const char *subject, const qmq_consumer_options_t *options,
                                        qmq_error_t **error);
/* Waits at most timeout_ms (negative: only looks) for up to max messages; *count of them in `messages`, to be acknowledged one by one with
 * qmq_message_ack. */
QMQ_API int qmq_puller_pull(qmq_puller_t *puller, qmq_message_t **messages, size_t max, int64_t timeout_ms, size_t *count,
                            qmq_error_t **error);
/* Sends the acknowledgements (at most timeout_ms), frees. */
QMQ_API void qmq_puller_destroy(qmq_puller_t *puller, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
