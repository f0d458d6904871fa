/* A pull consumer: the application asks, the loop asks the brokers (client.md 12). One question at a time. */
#include "base/memory.h"
#include "client/source.h"
#include "client/weight.h"
#include "portability/clock.h"
#include "portability/random.h"

#define SETTLE_PAUSE_US (100 * MILLISECOND_US)
#define FIRST_ROUTE_MS 5000 /* how long a caller who only looks waits for the first answer of the metaserver */
#define PULL_MOST 10000
#define MOST_GROUPS 64 /* that the choice looks at */

typedef enum phase { PHASE_IDLE, PHASE_RETRY, PHASE_SUBJECT } phase_t;

struct qmq_puller {
    qmq_client_t *client;
    subscription_t *subscription;
    mutex_t turn; /* callers of pull, one after the other */
    mutex_t lock;
    condition_t changed;
    qmq_message_t *kept; /* received and not handed out yet */
    qmq_message_t **last_kept;
    size_t kept_count;
    bool answered; /* the question under way has its answer */
    bool settled;
    /* Loop. */
    phase_t phase;
    int wanted;
    bool looks;          /* only what is there now */
    int64_t deadline_us; /* of the question */
    size_t asked;        /* groups of the subject asked for it */
    bool pulling;
    loop_timer_t again;
    route_watcher_t watcher;
};

static void drive(qmq_puller_t *p);

static void on_deliver(void *owner, qmq_message_t *messages) {
    qmq_puller_t *p = owner;
    mutex_lock(&p->lock);
    *p->last_kept = messages;
    for (; *p->last_kept != NULL; p->kept_count++) p->last_kept = &(*p->last_kept)->next;
    mutex_unlock(&p->lock);
}

static void on_progress(void *owner) {
    qmq_puller_t *p = owner;
    bool settled = p->subscription->stopping && subscription_is_settled(p->subscription);
    mutex_lock(&p->lock);
    if (settled != p->settled) condition_broadcast(&p->changed);
    p->settled = settled;
    mutex_unlock(&p->lock);
}

static void end_question(qmq_puller_t *p) {
    p->phase = PHASE_IDLE;
    loop_timer_stop(p->client->loop, &p->again);
    mutex_lock(&p->lock);
    p->answered = true;
    condition_broadcast(&p->changed);
    mutex_unlock(&p->lock);
}

static void on_pulled(void *owner, source_t *s, int count) {
    qmq_puller_t *p = owner;
    p->pulling = false;
    if (!s->entry->is_retry) s->weight = weight_after(s->weight, p->wanted, count);
    if (p->phase == PHASE_IDLE) return;
    if (count > 0) {
        end_question(p);
        return;
    }
    p->phase = PHASE_SUBJECT;
    if (count < 0 && !p->looks) {
        loop_timer_start(p->client->loop, &p->again, SETTLE_PAUSE_US);
    } else {
        drive(p);
    }
}

static source_t *ready_source(entry_t *e, const broker_group_t *g) {
    source_t *s = source_get(e, g->name);
    s->pulled = on_pulled;
    return source_can_pull(s) ? s : NULL;
}

/* A source by weight; NULL when none can be asked. */
static source_t *choose(entry_t *e) {
    source_t *sources[MOST_GROUPS];
    int weights[MOST_GROUPS];
    size_t count = 0;
    for (size_t i = 0; i < e->route->count && count < MOST_GROUPS; i++) {
        source_t *s = ready_source(e, e->route->groups[i]);
        if (s == NULL) continue;
        sources[count] = s;
        weights[count++] = s->weight;
    }
    if (count == 0) return NULL;
    return sources[weight_choose(weights, count, (int64_t)random_below((uint64_t)weight_sum(weights, count)))];
}

static void ask(qmq_puller_t *p, source_t *s, int64_t wait_ms) {
    p->pulling = true;
    source_pull(s, p->wanted, wait_ms);
}

static bool ask_retry_subject(qmq_puller_t *p) {
    subscription_t *sub = p->subscription;
    source_t *s = sub->entry_count > 1 ? choose(&sub->entries[1]) : NULL;
    if (s != NULL) ask(p, s, -1);
    return s != NULL;
}

static void drive(qmq_puller_t *p) {
    entry_t *e = &p->subscription->entries[0];
    if (p->phase == PHASE_IDLE || p->pulling || p->subscription->stopping) return;
    if (!e->route->answered) return; /* comes again with the answer, or the caller's time ends */
    if (p->phase == PHASE_RETRY && ask_retry_subject(p)) return;
    p->phase = PHASE_SUBJECT;
    int64_t left_us = p->deadline_us - loop_now_us(p->client->loop);
    if (p->looks ? p->asked >= e->route->count : left_us <= 0) {
        end_question(p);
        return;
    }
    source_t *s = choose(e);
    if (s != NULL) {
        p->asked++;
        ask(p, s, p->looks ? -1 : left_us / MILLISECOND_US);
    } else if (p->looks) {
        end_question(p);
    } else {
        loop_timer_start(p->client->loop, &p->again, SETTLE_PAUSE_US);
    }
}

static void on_again(loop_timer_t *timer) {
    drive((qmq_puller_t *)(void *)((char *)timer - offsetof(qmq_puller_t, again)));
}

static void on_route_changed(route_watcher_t *w) {
    drive((qmq_puller_t *)(void *)((char *)w - offsetof(qmq_puller_t, watcher)));
}

static void start_on_loop(void *arg) {
    qmq_puller_t *p = arg;
    subscription_start(p->subscription);
    route_watch(p->subscription->entries[0].route, &p->watcher);
}

qmq_puller_t *qmq_puller_create(qmq_client_t *client, const char *subject, const qmq_consumer_options_t *options, qmq_error_t **error) {
    subscription_t *s = subscription_create(client, subject, options, error);
    if (s == NULL) return NULL;
    qmq_puller_t *p = memory_zalloc(sizeof *p);
    p->client = client;
    p->subscription = s;
    mutex_init(&p->turn);
    mutex_init(&p->lock);
    condition_init(&p->changed);
    p->last_kept = &p->kept;
    p->again.fire = on_again;
    p->watcher.changed = on_route_changed;
    s->owner = p;
    s->deliver = on_deliver;
    s->progressed = on_progress;
    if (!subscription_claim(s, error)) {
        qmq_puller_destroy(p, 0);
        return NULL;
    }
    client_call(client, start_on_loop, p);
    return p;
}

/* A question, handed to the loop. */
typedef struct question {
    qmq_puller_t *puller;
    size_t max;
    int64_t deadline_us;
    bool looks;
    qmq_error_t *problem;
} question_t;

static void begin_on_loop(void *arg) {
    question_t *q = arg;
    qmq_puller_t *p = q->puller;
    int batch = subscription_batch(p->subscription);
    p->wanted = q->max > (size_t)batch ? (q->max > PULL_MOST ? PULL_MOST : (int)q->max) : batch;
    p->looks = q->looks;
    p->deadline_us = q->deadline_us;
    p->asked = 0;
    p->phase = PHASE_RETRY;
    drive(p);
}

static void end_on_loop(void *arg) {
    question_t *q = arg;
    qmq_puller_t *p = q->puller;
    p->phase = PHASE_IDLE;
    loop_timer_stop(p->client->loop, &p->again);
    const route_t *r = p->subscription->entries[0].route;
    if (r->count == 0) q->problem = route_problem(r);
}

static size_t take_kept(qmq_puller_t *p, qmq_message_t **to, size_t max) {
    size_t count = 0;
    mutex_lock(&p->lock);
    while (count < max && p->kept != NULL) {
        to[count++] = p->kept;
        p->kept = p->kept->next;
        p->kept_count--;
    }
    if (p->kept == NULL) p->last_kept = &p->kept;
    mutex_unlock(&p->lock);
    return count;
}

static void ask_and_wait(question_t *q, int64_t patience_us) {
    qmq_puller_t *p = q->puller;
    mutex_lock(&p->lock);
    p->answered = false;
    mutex_unlock(&p->lock);
    client_call(p->client, begin_on_loop, q);
    mutex_lock(&p->lock);
    while (!p->answered && client_left_us(patience_us) > 0) (void)condition_wait_us(&p->changed, &p->lock, client_left_us(patience_us));
    mutex_unlock(&p->lock);
    client_call(p->client, end_on_loop, q);
}

int qmq_puller_pull(qmq_puller_t *p, qmq_message_t **messages, size_t max, int64_t timeout_ms, size_t *count, qmq_error_t **error) {
    int64_t now = clock_mono_us();
    bool looks = timeout_ms < 0;
    *count = 0;
    if (max == 0) return QMQ_OK;
    mutex_lock(&p->turn);
    *count = take_kept(p, messages, max);
    question_t q = {.puller = p, .max = max, .deadline_us = now + (looks ? FIRST_ROUTE_MS : timeout_ms) * MILLISECOND_US, .looks = looks};
    if (*count == 0) {
        ask_and_wait(&q, q.deadline_us);
        *count = take_kept(p, messages, max);
    }
    mutex_unlock(&p->turn);
    if (*count == 0 && q.problem != NULL) return client_fail(error, q.problem);
    qmq_error_free(q.problem);
    return QMQ_OK;
}

static void stop_on_loop(void *arg) {
    qmq_puller_t *p = arg;
    subscription_stop(p->subscription);
    on_progress(p);
}

static void detach_on_loop(void *arg) {
    qmq_puller_t *p = arg;
    loop_timer_stop(p->client->loop, &p->again);
    if (p->subscription->entries[0].route != NULL) route_unwatch(p->subscription->entries[0].route, &p->watcher);
    subscription_detach(p->subscription);
}

void qmq_puller_destroy(qmq_puller_t *p, int64_t timeout_ms) {
    if (p == NULL) return;
    int64_t deadline = clock_mono_us() + timeout_ms * MILLISECOND_US;
    client_call(p->client, stop_on_loop, p);
    mutex_lock(&p->lock);
    while (!p->settled && client_left_us(deadline) > 0) (void)condition_wait_us(&p->changed, &p->lock, client_left_us(deadline));
    mutex_unlock(&p->lock);
    client_call(p->client, detach_on_loop, p);
    for (qmq_message_t *m = p->kept; m != NULL;) {
        qmq_message_t *next = m->next;
        qmq_message_destroy(m);
        m = next;
    }
    subscription_release(p->subscription);
    condition_destroy(&p->changed);
    mutex_destroy(&p->lock);
    mutex_destroy(&p->turn);
    memory_free(p);
}
