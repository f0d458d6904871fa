/* Receiving messages: a push consumer calls a handler, a pull consumer is asked (client.md 9-13). */
#ifndef QMQ_CONSUMER_H
#define QMQ_CONSUMER_H

#include "qmq/message.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum qmq_tag_mode { QMQ_TAGS_NONE, QMQ_TAGS_ANY, QMQ_TAGS_ALL } qmq_tag_mode_t;

typedef enum qmq_from {
    QMQ_FROM_LATEST,  /* a group that is new begins with messages sent from now on */
    QMQ_FROM_EARLIEST /* a group that is new begins with the oldest stored message; a broker of the original does not know this and begins
                         with the latest */
} qmq_from_t;

typedef struct qmq_consumer_options {
    size_t size;
    const char *group; /* consumer group; mandatory unless broadcast */
    bool broadcast;    /* every client gets every message: the group is the client id */
    qmq_tag_mode_t tag_mode;
    const char *const *tags; /* NULL-terminated, at most 10 */
    int threads;             /* handlers at the same time (push); default 2 */
    int batch;               /* messages a pull; default 50 */
    int64_t poll_ms;         /* how long a pull waits at the broker; default 2500 */
    int max_unacked;         /* pulling pauses above; default 100 */
    int max_retry;           /* deliveries before a dead letter, for messages that do not say it themselves; default 32 */
    qmq_from_t from;
    bool most_once; /* acknowledged before the handler runs: a failure is not repeated, a message may be lost, and retries are dropped */
} qmq_consumer_options_t;

QMQ_API void qmq_consumer_options_init(qmq_consumer_options_t *options);

typedef enum qmq_verdict {
    QMQ_DONE,  /* acknowledge */
    QMQ_RETRY, /* comes again through the retry subject, later a dead letter */
    QMQ_LATER  /* the handler keeps the message and calls qmq_message_ack itself */
} qmq_verdict_t;

typedef struct qmq_consumer qmq_consumer_t;
/* The message is the library's; with QMQ_LATER it stays valid until qmq_message_ack, which only who returns QMQ_LATER may call. */
typedef qmq_verdict_t (*qmq_handler_fn)(void *arg, qmq_message_t *message);
/* Starts at once. One consumer a (subject, group) in a client. The options and their texts are copied. */
QMQ_API qmq_consumer_t *qmq_consumer_start(qmq_client_t *client, const char *subject, const qmq_consumer_options_t *options,
                                           qmq_handler_fn handler, void *arg, qmq_error_t **error);
/* error_text NULL: done; else as QMQ_RETRY. Takes the message over. Any thread. (qmq_message_destroy on a received message instead leaves
 * it unacknowledged: it comes again.) */
QMQ_API void qmq_message_ack(qmq_message_t *message, const char *error_text);
/* As qmq_message_ack with an error, but the message comes again at wall_ms (through a delay server; without one as any failed message). A
 * time that is not later than now runs the handler of a push consumer again at once, with qmq_message_local_retries one higher. */
QMQ_API void qmq_message_retry_at(qmq_message_t *message, int64_t wall_ms, const char *error_text);
/* How often this delivery was run again at once. */
QMQ_API int qmq_message_local_retries(const qmq_message_t *message);
/* Waits until the consumer is subscribed at every broker group of its subject: from then on no message passes it by. Else the status and
 * *error say what is missing. */
QMQ_API int qmq_consumer_ready(qmq_consumer_t *consumer, int64_t timeout_ms, qmq_error_t **error);
/* Stops pulling, lets running handlers end (at most timeout_ms), sends the acknowledgements, frees. A handler that does not end in time is
 * left behind: its message comes again, and so do those received and not begun. */
QMQ_API void qmq_consumer_stop(qmq_consumer_t *consumer, int64_t timeout_ms);

typedef struct qmq_puller qmq_puller_t;
QMQ_API qmq_puller_t *qmq_puller_create(qmq_client_t *client, const char *subject, const qmq_consumer_options_t *options,
                                        qmq_error_t **error);
/* Waits at most timeout_ms (negative: only looks) until messages are there and takes up to max of them, those of the retry subject first;
 * *count of them in `messages`, to be acknowledged one by one with qmq_message_ack. None in time is no error, but not being subscribed is.
 * A pull may bring more than max (up to options.batch): they are kept for the next call. */
QMQ_API int qmq_puller_pull(qmq_puller_t *puller, qmq_message_t **messages, size_t max, int64_t timeout_ms, size_t *count,
                            qmq_error_t **error);
/* Sends the acknowledgements (at most timeout_ms), frees. */
QMQ_API void qmq_puller_destroy(qmq_puller_t *puller, int64_t timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
