/* A handler that remembers what it was given and does what the test tells it. */
#ifndef QMQ_TESTS_UNIT_CLIENT_RECEIVER_H
#define QMQ_TESTS_UNIT_CLIENT_RECEIVER_H

#include "portability/thread.h"
#include "qmq/qmq.h"

#define RECEIVER_MOST 2000

typedef struct receiver {
    mutex_t lock;
    condition_t changed;
    char ids[RECEIVER_MOST][32];
    int attempts[RECEIVER_MOST];
    int local_retries[RECEIVER_MOST];
    char subject[64];                   /* of the last one */
    qmq_message_t *held[RECEIVER_MOST]; /* handed out with QMQ_LATER and not acknowledged yet */
    size_t count;
    bool holds;           /* QMQ_LATER */
    int fails;            /* the next so many are QMQ_RETRY */
    bool fails_for_later; /* they are qmq_message_retry_at, in_ms from now */
    int64_t in_ms;
    bool blocks;
} receiver_t;

void receiver_init(receiver_t *r);
void receiver_free(receiver_t *r);
qmq_verdict_t receiver_handle(void *arg, qmq_message_t *m);
bool receiver_wait(receiver_t *r, size_t at_least);
size_t receiver_count(receiver_t *r);
/* Acknowledges the n-th message that is held. */
void receiver_ack(receiver_t *r, size_t n, const char *error_text);
void receiver_unblock(receiver_t *r);

#endif
