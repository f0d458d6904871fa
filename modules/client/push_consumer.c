/* A push consumer: handler threads over a subscription that pulls by itself (client.md 9). */
#include "client/push_consumer.h"
#include "base/memory.h"
#include "client/subscription.h"
#include "portability/clock.h"

struct qmq_consumer {
    shared_t shared;                /* the application's, and one of every handler thread */
    struct qmq_consumer *next_left; /* in the client's list of those left behind */
    qmq_client_t *client;
    subscription_t *subscription;
    qmq_handler_fn handler;
    void *arg;
    mutex_t lock;
    condition_t changed;
    qmq_message_t *waiting; /* to be handled, in order */
    qmq_message_t **last_waiting;
    int running; /* handlers at work */
    bool closing;
    bool ready;
    bool settled;
    int thread_count;
    thread_t *threads[];
};

static void free_consumer(shared_t *shared) {
    qmq_consumer_t *c = (qmq_consumer_t *)(void *)shared;
    subscription_release(c->subscription);
    condition_destroy(&c->changed);
    mutex_destroy(&c->lock);
    memory_free(c);
}

/* ---- from the loop */

static void on_deliver(void *owner, qmq_message_t *messages) {
    qmq_consumer_t *c = owner;
    mutex_lock(&c->lock);
    *c->last_waiting = messages;
    while (*c->last_waiting != NULL) c->last_waiting = &(*c->last_waiting)->next;
    condition_broadcast(&c->changed);
    mutex_unlock(&c->lock);
}

static void on_progress(void *owner) {
    qmq_consumer_t *c = owner;
    bool ready = subscription_is_ready(c->subscription);
    bool settled = c->subscription->stopping && subscription_is_settled(c->subscription);
    mutex_lock(&c->lock);
    if (ready != c->ready || settled != c->settled) {
        c->ready = ready;
        c->settled = settled;
        condition_broadcast(&c->changed);
    }
    mutex_unlock(&c->lock);
}

/* ---- handler threads */

/* The next message; NULL when the consumer closes. */
static qmq_message_t *take(qmq_consumer_t *c) {
    mutex_lock(&c->lock);
    while (!c->closing && c->waiting == NULL) condition_wait(&c->changed, &c->lock);
    qmq_message_t *m = c->closing ? NULL : c->waiting;
    if (m != NULL) {
        c->waiting = m->next;
        if (c->waiting == NULL) c->last_waiting = &c->waiting;
        c->running++;
    }
    mutex_unlock(&c->lock);
    return m;
}

static void end_one(qmq_consumer_t *c) {
    mutex_lock(&c->lock);
    c->running--;
    if (c->closing) condition_broadcast(&c->changed);
    mutex_unlock(&c->lock);
}

static void run_handler(void *arg) {
    qmq_consumer_t *c = arg;
    for (qmq_message_t *m = take(c); m != NULL; m = take(c)) {
        switch (c->handler(c->arg, m)) {
        case QMQ_DONE:
            qmq_message_ack(m, NULL);
            break;
        case QMQ_RETRY:
            qmq_message_ack(m, "the handler asked for a retry");
            break;
        case QMQ_LATER:
            break;
        }
        end_one(c);
    }
    shared_release(&c->shared);
}

/* ---- public */

static void start_on_loop(void *arg) {
    qmq_consumer_t *c = arg;
    subscription_start(c->subscription);
}

static bool start_threads(qmq_consumer_t *c, int count, qmq_error_t **error) {
    for (int i = 0; i < count; i++) {
        shared_retain(&c->shared);
        if (thread_start(&c->threads[i], "qmq-handler", run_handler, c) == APR_SUCCESS) {
            c->thread_count++;
            continue;
        }
        shared_release(&c->shared);
        (void)client_fail(error, error_create(QMQ_INTERNAL, "Raise the limit of threads of this user, or ask for fewer",
                                              "handler thread %d of %d cannot be started", i + 1, count));
        return false;
    }
    return true;
}

qmq_consumer_t *qmq_consumer_start(qmq_client_t *client, const char *subject, const qmq_consumer_options_t *options, qmq_handler_fn handler,
                                   void *arg, qmq_error_t **error) {
    subscription_t *s = subscription_create(client, subject, options, error);
    if (s == NULL) return NULL;
    qmq_consumer_t *c = memory_zalloc(sizeof *c + (size_t)s->options.threads * sizeof(thread_t *));
    shared_init(&c->shared, free_consumer);
    mutex_init(&c->lock);
    condition_init(&c->changed);
    c->client = client;
    c->subscription = s;
    c->handler = handler;
    c->arg = arg;
    c->last_waiting = &c->waiting;
    s->pushes = true;
    s->owner = c;
    s->deliver = on_deliver;
    s->progressed = on_progress;
    if (!subscription_claim(s, error)) {
        shared_release(&c->shared);
        return NULL;
    }
    if (!start_threads(c, s->options.threads, error)) {
        qmq_consumer_stop(c, 0);
        return NULL;
    }
    client_call(client, start_on_loop, c);
    return c;
}

typedef struct why {
    qmq_consumer_t *consumer;
    qmq_error_t *error;
} why_t;

static void find_out_why(void *arg) {
    why_t *why = arg;
    why->error = subscription_problem(why->consumer->subscription);
}

int qmq_consumer_ready(qmq_consumer_t *c, int64_t timeout_ms, qmq_error_t **error) {
    int64_t deadline = clock_mono_us() + timeout_ms * MILLISECOND_US;
    mutex_lock(&c->lock);
    while (!c->ready && client_left_us(deadline) > 0) (void)condition_wait_us(&c->changed, &c->lock, client_left_us(deadline));
    bool ready = c->ready;
    mutex_unlock(&c->lock);
    if (ready) return QMQ_OK;
    why_t why = {c, NULL};
    client_call(c->client, find_out_why, &why);
    return client_fail(error, why.error);
}

static void stop_on_loop(void *arg) {
    qmq_consumer_t *c = arg;
    subscription_stop(c->subscription);
}

static void settle_on_loop(void *arg) {
    on_progress(arg);
}

static void detach_on_loop(void *arg) {
    qmq_consumer_t *c = arg;
    subscription_detach(c->subscription);
}

/* What was received and not begun comes again to whoever consumes next. */
static void drop_waiting(qmq_consumer_t *c) {
    while (c->waiting != NULL) {
        qmq_message_t *next = c->waiting->next;
        qmq_message_destroy(c->waiting);
        c->waiting = next;
    }
    c->last_waiting = &c->waiting;
}

/* True when all handlers ended in time. */
static bool close_handlers(qmq_consumer_t *c, int64_t deadline) {
    mutex_lock(&c->lock);
    c->closing = true;
    condition_broadcast(&c->changed);
    while (c->running > 0 && client_left_us(deadline) > 0) (void)condition_wait_us(&c->changed, &c->lock, client_left_us(deadline));
    bool ended = c->running == 0;
    mutex_unlock(&c->lock);
    return ended;
}

static void wait_settled(qmq_consumer_t *c, int64_t deadline) {
    client_call(c->client, settle_on_loop, c);
    mutex_lock(&c->lock);
    while (!c->settled && client_left_us(deadline) > 0) (void)condition_wait_us(&c->changed, &c->lock, client_left_us(deadline));
    mutex_unlock(&c->lock);
}

static void join_threads(qmq_consumer_t *c) {
    for (int i = 0; i < c->thread_count; i++) thread_join(c->threads[i]);
}

static void leave_behind(void *arg) {
    qmq_consumer_t *c = arg;
    c->next_left = c->client->left_behind;
    c->client->left_behind = c;
}

void push_consumer_reap(qmq_consumer_t *c, int64_t deadline_us) {
    while (c != NULL) {
        qmq_consumer_t *next = c->next_left;
        if (close_handlers(c, deadline_us)) join_threads(c);
        shared_release(&c->shared);
        c = next;
    }
}

void qmq_consumer_stop(qmq_consumer_t *c, int64_t timeout_ms) {
    if (c == NULL) return;
    int64_t deadline = clock_mono_us() + timeout_ms * MILLISECOND_US;
    client_call(c->client, stop_on_loop, c);
    bool ended = close_handlers(c, deadline);
    wait_settled(c, deadline);
    client_call(c->client, detach_on_loop, c);
    mutex_lock(&c->lock);
    drop_waiting(c);
    mutex_unlock(&c->lock);
    if (ended) {
        join_threads(c);
        shared_release(&c->shared);
        return;
    }
    client_log(c->client, QMQ_LOG_WARN, "a handler of subject %s did not end within %lld ms and is left behind", c->subscription->subject,
               (long long)timeout_ms);
    client_call(c->client, leave_behind, c);
}
