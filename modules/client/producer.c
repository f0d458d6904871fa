/* The callers' half of a producer: the bounded queue, waiting, callbacks. */
#include "base/memory.h"
#include "client/producer_impl.h"
#include "portability/clock.h"

#define DEFAULT_QUEUE 10000
#define DEFAULT_BATCH 30
#define DEFAULT_TRIES 10
#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_WINDOW 4

void sending_list_init(sending_list_t *l) {
    l->first = NULL;
    l->last = &l->first;
    l->count = 0;
}

void sending_list_add(sending_list_t *l, sending_t *s) {
    if (l->first == NULL) l->last = &l->first; /* the list may have been moved */
    s->next = NULL;
    *l->last = s;
    l->last = &s->next;
    l->count++;
}

sending_t *sending_list_take(sending_list_t *l) {
    sending_t *s = l->first;
    if (s == NULL) return NULL;
    l->first = s->next;
    l->count--;
    if (l->first == NULL) l->last = &l->first;
    return s;
}

void qmq_producer_options_init(qmq_producer_options_t *o) {
    memset(o, 0, sizeof *o);
    o->size = sizeof *o;
    o->max_queue = DEFAULT_QUEUE;
    o->batch = DEFAULT_BATCH;
    o->max_tries = DEFAULT_TRIES;
    o->timeout_ms = DEFAULT_TIMEOUT_MS;
    o->window = DEFAULT_WINDOW;
}

static void run_arrived(task_t *task) {
    qmq_producer_t *p = (qmq_producer_t *)(void *)((char *)task - offsetof(qmq_producer_t, arrived));
    mutex_lock(&p->lock);
    sending_list_t list = p->inbox;
    sending_list_init(&p->inbox);
    p->posted = false;
    mutex_unlock(&p->lock);
    if (list.first != NULL) producer_route(p, &list);
}

qmq_producer_t *qmq_producer_create(qmq_client_t *client, const qmq_producer_options_t *options, qmq_error_t **error) {
    qmq_producer_options_t o;
    qmq_producer_options_init(&o);
    if (options != NULL) memcpy(&o, options, options->size < sizeof o ? options->size : sizeof o);
    if (o.max_queue == 0 || o.batch < 1 || o.max_tries < 1 || o.timeout_ms < 1 || o.window < 1) {
        (void)client_fail(error,
                          error_create(QMQ_INVALID, "Begin with qmq_producer_options_init and set what is to differ",
                                       "an option of the producer is below 1 (max_queue %zu, batch %d, max_tries %d, timeout_ms %lld, "
                                       "window %d)",
                                       o.max_queue, o.batch, o.max_tries, (long long)o.timeout_ms, o.window));
        return NULL;
    }
    qmq_producer_t *p = memory_zalloc(sizeof *p);
    p->client = client;
    p->options = o;
    p->arrived.run = run_arrived;
    mutex_init(&p->lock);
    condition_init(&p->changed);
    sending_list_init(&p->inbox);
    return p;
}

/* ---- verdicts */

typedef struct verdicts {
    job_t job;
    qmq_producer_t *producer;
    sending_list_t list;
} verdicts_t;

static void free_sending(sending_t *s) {
    qmq_error_free(s->error);
    qmq_message_destroy(s->message);
    memory_free(s);
}

/* Somebody who waits for all that was handed over before. */
typedef struct flusher {
    struct flusher *next;
    uint64_t last; /* number of the last one it waits for */
    size_t remaining;
} flusher_t;

static void count_ended(qmq_producer_t *p, uint64_t number) {
    mutex_lock(&p->lock);
    p->pending--;
    for (flusher_t *f = p->flushers; f != NULL; f = f->next) f->remaining -= number <= f->last ? 1 : 0;
    condition_broadcast(&p->changed);
    mutex_unlock(&p->lock);
}

/* Room in the queue is made before the callback: a callback may send. */
static void make_room(qmq_producer_t *p) {
    mutex_lock(&p->lock);
    p->queued--;
    condition_broadcast(&p->changed);
    mutex_unlock(&p->lock);
}

static void end(qmq_producer_t *p, sending_t *s) {
    uint64_t number = s->number;
    make_room(p);
    if (s->done != NULL) s->done(s->arg, s->message, s->error);
    free_sending(s);
    count_ended(p, number);
}

static void run_verdicts(job_t *job) {
    verdicts_t *v = (verdicts_t *)(void *)job;
    qmq_producer_t *p = v->producer;
    for (sending_t *s = sending_list_take(&v->list); s != NULL; s = sending_list_take(&v->list)) end(p, s);
    memory_free(v);
}

/* Without a callback, or with one of our own, there is nobody who could block. */
static bool ends_on_loop(const sending_t *s) {
    return s->direct || s->done == NULL;
}

void producer_finish(qmq_producer_t *p, sending_list_t *list) {
    verdicts_t *v = NULL;
    for (sending_t *s = sending_list_take(list); s != NULL; s = sending_list_take(list)) {
        if (ends_on_loop(s)) {
            end(p, s);
            continue;
        }
        if (v == NULL) {
            v = memory_zalloc(sizeof *v);
            v->producer = p;
            v->job.run = run_verdicts;
            sending_list_init(&v->list);
        }
        sending_list_add(&v->list, s);
    }
    if (v != NULL && executor_submit(p->client->callbacks, &v->job) != APR_SUCCESS) run_verdicts(&v->job);
}

/* ---- handing over */

static int hand_over(qmq_producer_t *p, sending_t *s, int64_t wait_ms, qmq_error_t **error) {
    int64_t deadline = clock_mono_us() + (wait_ms < 0 ? 0 : wait_ms) * MILLISECOND_US;
    mutex_lock(&p->lock);
    while (!p->closed && p->queued >= p->options.max_queue) {
        int64_t left = client_left_us(deadline);
        if (left == 0) break;
        (void)condition_wait_us(&p->changed, &p->lock, left);
    }
    bool closed = p->closed;
    bool full = p->queued >= p->options.max_queue;
    if (!closed && !full) {
        p->queued++;
        p->pending++;
        s->number = ++p->handed;
        sending_list_add(&p->inbox, s);
        if (!p->posted) loop_post(p->client->loop, &p->arrived);
        p->posted = true;
    }
    mutex_unlock(&p->lock);
    if (closed)
        return client_fail(error, error_create(QMQ_CLOSED, "Send before the producer is destroyed", "the producer is being closed"));
    if (full)
        return client_fail(error, error_create(QMQ_FULL, "Send more slowly, wait longer, or raise max_queue",
                                               "the queue of %zu messages is full", p->options.max_queue));
    return QMQ_OK;
}

int qmq_producer_send(qmq_producer_t *p, qmq_message_t *message, int64_t wait_ms, qmq_sent_fn done, void *arg, qmq_error_t **error) {
    sending_t *s = memory_zalloc(sizeof *s);
    s->message = message;
    s->done = done;
    s->arg = arg;
    int status = hand_over(p, s, wait_ms, error);
    if (status != QMQ_OK) free_sending(s);
    return status;
}

/* Who waits may give up before the verdict comes. */
typedef struct waiter {
    shared_t shared;
    mutex_t lock;
    condition_t done;
    bool ended;
    int status;
    qmq_error_t *error;
} waiter_t;

static void free_waiter(shared_t *shared) {
    waiter_t *w = (waiter_t *)(void *)shared;
    qmq_error_free(w->error);
    condition_destroy(&w->done);
    mutex_destroy(&w->lock);
    memory_free(w);
}

static void on_verdict(void *arg, const qmq_message_t *message, const qmq_error_t *error) {
    (void)message;
    waiter_t *w = arg;
    mutex_lock(&w->lock);
    w->ended = true;
    w->status = qmq_error_status(error);
    if (error != NULL) w->error = error_create(w->status, qmq_error_remedy(error), "%s", qmq_error_message(error));
    condition_signal(&w->done);
    mutex_unlock(&w->lock);
    shared_release(&w->shared);
}

static int wait_for_verdict(waiter_t *w, const char *id, int64_t deadline, qmq_error_t **error) {
    mutex_lock(&w->lock);
    while (!w->ended && client_left_us(deadline) > 0) (void)condition_wait_us(&w->done, &w->lock, client_left_us(deadline));
    qmq_error_t *e = w->error;
    w->error = NULL;
    bool ended = w->ended;
    mutex_unlock(&w->lock);
    if (!ended)
        e = error_create(QMQ_TIMED_OUT, "It may still arrive: a second send with the same id is safe for consumers that look at ids",
                         "message %s was not confirmed in time", id);
    return e == NULL ? QMQ_OK : client_fail(error, e);
}

int qmq_producer_send_wait(qmq_producer_t *p, const qmq_message_t *message, int64_t timeout_ms, qmq_error_t **error) {
    int64_t deadline = clock_mono_us() + timeout_ms * MILLISECOND_US;
    waiter_t *w = memory_zalloc(sizeof *w);
    shared_init(&w->shared, free_waiter);
    shared_retain(&w->shared);
    mutex_init(&w->lock);
    condition_init(&w->done);
    sending_t *s = memory_zalloc(sizeof *s);
    s->message = message_copy(message);
    s->done = on_verdict;
    s->arg = w;
    s->direct = true;
    int status = hand_over(p, s, timeout_ms, error);
    if (status == QMQ_OK) {
        status = wait_for_verdict(w, message->id, deadline, error);
    } else {
        free_sending(s);
        shared_release(&w->shared);
    }
    shared_release(&w->shared);
    return status;
}

int qmq_producer_flush(qmq_producer_t *p, int64_t timeout_ms) {
    int64_t deadline = clock_mono_us() + timeout_ms * MILLISECOND_US;
    mutex_lock(&p->lock);
    flusher_t me = {p->flushers, p->handed, p->pending};
    p->flushers = &me;
    while (me.remaining > 0 && client_left_us(deadline) > 0) (void)condition_wait_us(&p->changed, &p->lock, client_left_us(deadline));
    flusher_t **at = &p->flushers;
    while (*at != &me) at = &(*at)->next;
    *at = me.next;
    mutex_unlock(&p->lock);
    return me.remaining == 0 ? QMQ_OK : QMQ_TIMED_OUT;
}

static void abandon_on_loop(void *arg) {
    qmq_producer_t *p = arg;
    run_arrived(&p->arrived);
    producer_abandon(p);
}

void qmq_producer_destroy(qmq_producer_t *p, int64_t timeout_ms) {
    if (p == NULL) return;
    mutex_lock(&p->lock);
    p->closed = true;
    condition_broadcast(&p->changed);
    mutex_unlock(&p->lock);
    (void)qmq_producer_flush(p, timeout_ms);
    client_call(p->client, abandon_on_loop, p);
    mutex_lock(&p->lock);
    while (p->pending > 0) condition_wait(&p->changed, &p->lock);
    mutex_unlock(&p->lock);
    condition_destroy(&p->changed);
    mutex_destroy(&p->lock);
    memory_free(p);
}
