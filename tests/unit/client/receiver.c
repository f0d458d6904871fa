#include "receiver.h"

#include "portability/clock.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

void receiver_init(receiver_t *r) {
    memset(r, 0, sizeof *r);
    mutex_init(&r->lock);
    condition_init(&r->changed);
}

void receiver_free(receiver_t *r) {
    for (size_t i = 0; i < r->count; i++) qmq_message_destroy(r->held[i]);
    condition_destroy(&r->changed);
    mutex_destroy(&r->lock);
}

qmq_verdict_t receiver_handle(void *arg, qmq_message_t *m) {
    receiver_t *r = arg;
    mutex_lock(&r->lock);
    size_t n = r->count++;
    (void)snprintf(r->ids[n], sizeof r->ids[n], "%s", qmq_message_id(m));
    (void)snprintf(r->subject, sizeof r->subject, "%s", qmq_message_subject(m));
    r->attempts[n] = qmq_message_attempt(m);
    r->local_retries[n] = qmq_message_local_retries(m);
    qmq_verdict_t verdict = r->holds ? QMQ_LATER : r->fails > 0 ? QMQ_RETRY : QMQ_DONE;
    if (r->holds) r->held[n] = m;
    if (!r->holds && r->fails > 0) {
        r->fails--;
        if (r->fails_for_later) {
            qmq_message_retry_at(m, clock_wall_ms() + r->in_ms, "not now");
            verdict = QMQ_LATER;
        }
    }
    while (r->blocks) condition_wait(&r->changed, &r->lock);
    mutex_unlock(&r->lock);
    return verdict;
}

size_t receiver_count(receiver_t *r) {
    mutex_lock(&r->lock);
    size_t n = r->count;
    mutex_unlock(&r->lock);
    return n;
}

typedef struct wanted {
    receiver_t *receiver;
    size_t count;
} wanted_t;

static bool has(void *arg) {
    wanted_t *w = arg;
    return receiver_count(w->receiver) >= w->count;
}

bool receiver_wait(receiver_t *r, size_t at_least) {
    wanted_t w = {r, at_least};
    return test_wait(has, &w, 20.0);
}

void receiver_ack(receiver_t *r, size_t n, const char *error_text) {
    mutex_lock(&r->lock);
    qmq_message_t *m = r->held[n];
    r->held[n] = NULL;
    mutex_unlock(&r->lock);
    qmq_message_ack(m, error_text);
}

void receiver_unblock(receiver_t *r) {
    mutex_lock(&r->lock);
    r->blocks = false;
    condition_broadcast(&r->changed);
    mutex_unlock(&r->lock);
}
