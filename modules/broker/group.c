#include "broker/group.h"

#include "base/memory.h"
#include "broker/pull.h"
#include "portability/clock.h"

#include <stdio.h>

/* Requests of a group that wait for their turn (broker.md 6.3). */
#define PENDING_MOST 10000

/* Where the group's wake-up stands; a wake-up that comes while one runs makes it run again. */
enum wake_state { WAKE_IDLE, WAKE_QUEUED, WAKE_RUNNING, WAKE_AGAIN };

struct group {
    operation_t wake; /* first: its run finds the group */
    waiter_t waiter;
    loop_timer_t timer;
    group_t *older; /* made before; list of the broker */
    broker_t *broker;
    store_group_t *progress;
    store_subject_t *subject;
    mutex_t lock;
    int pending;    /* operations under way and, as one, held pulls; under lock */
    worker_t *home; /* changes only while pending is 0; under lock */
    atomic_int wake_state;
    subject_kind_t kind;
    _Atomic int64_t next;
    operation_t *queue;
    operation_t **queue_end;
    operation_t *running;
    operation_t *overlapped; /* its action is being written while others run */
    held_t *held;
    held_t *held_last;
    held_t *trying;
    heartbeats_t heartbeats;
    figures_t figures;
    atomic_bool has_gauges;
    _Atomic(metric_t *) actor_time;
};

static void group_take(group_t *g, operation_t *op);

static void group_arrived(task_t *task) {
    operation_t *op = (operation_t *)task; /* first member */
    atomic_fetch_sub_explicit(&op->group->broker->posted, 1, memory_order_relaxed);
    group_take(op->group, op);
}

static worker_t *group_enter(group_t *g, worker_t *from) {
    mutex_lock(&g->lock);
    if (g->pending++ == 0 && from != NULL) g->home = from;
    worker_t *home = g->home;
    mutex_unlock(&g->lock);
    return home;
}

static void group_leave(group_t *g) {
    mutex_lock(&g->lock);
    g->pending--;
    mutex_unlock(&g->lock);
}

bool group_is_crowded(group_t *g) {
    mutex_lock(&g->lock);
    bool crowded = g->pending >= PENDING_MOST;
    mutex_unlock(&g->lock);
    return crowded;
}

void group_submit(group_t *g, operation_t *op, worker_t *from) {
    op->group = g;
    worker_t *home = group_enter(g, from);
    if (home == from) {
        group_take(g, op);
        return;
    }
    op->task.run = group_arrived;
    atomic_fetch_add_explicit(&g->broker->posted, 1, memory_order_relaxed);
    loop_post(worker_loop(home), &op->task);
}

static void group_time_run(group_t *g, int64_t from_us, int64_t to_us) {
    metric_t *timer = atomic_load_explicit(&g->actor_time, memory_order_relaxed);
    if (timer == NULL) {
        char name[ACTOR_NAME_SIZE];
        metric_labels_t labels = {"actor", group_actor_name(g, name), NULL, {NULL, 0}};
        timer = metrics_timer(g->broker->metrics, "actorProcessTime", labels);
        atomic_store_explicit(&g->actor_time, timer, memory_order_relaxed);
    }
    metric_time_span(timer, from_us, to_us);
}

/* True when the operation at the front may run now. */
static bool group_is_free(const group_t *g) {
    if (g->running != NULL || g->queue == NULL) return false;
    return g->overlapped == NULL || g->queue->knows >= g->overlapped->covers;
}

/* The running operation has taken a step; false when it waits or when nothing of the group may be touched any more. */
static bool group_stepped(group_t *g, step_t step) {
    if (step == STEP_WAITS) return false;
    if (step == STEP_OVERLAPS) {
        g->overlapped = g->running;
        g->running = NULL;
        return true;
    }
    g->running = NULL;
    bool more = g->queue != NULL;
    group_leave(g);
    return more;
}

/* Runs what is queued until something waits. The group may belong to another loop once the last operation left, so nothing of it is touched
 * after that. */
static void group_turn(group_t *g) {
    while (group_is_free(g)) {
        operation_t *op = g->queue;
        g->queue = op->next;
        if (g->queue == NULL) g->queue_end = &g->queue;
        g->running = op;
        int64_t began = clock_mono_us();
        step_t step = op->run(op);
        group_time_run(g, began, clock_mono_us());
        if (!group_stepped(g, step)) return;
    }
}

static void group_take(group_t *g, operation_t *op) {
    op->next = NULL;
    *g->queue_end = op;
    g->queue_end = &op->next;
    group_turn(g);
}

void group_continue(group_t *g) {
    if (group_stepped(g, g->running->run(g->running))) group_turn(g);
}

void group_continue_overlapped(group_t *g) {
    operation_t *op = g->overlapped;
    g->overlapped = NULL;
    (void)op->run(op);
    bool more = g->queue != NULL;
    group_leave(g);
    if (more) group_turn(g);
}

/* Waking. */

static step_t group_wake_run(operation_t *op) {
    group_t *g = (group_t *)op;
    for (;;) {
        if (g->trying == NULL) atomic_store(&g->wake_state, WAKE_RUNNING);
        if (pull_retry_held(g) == STEP_WAITS) return STEP_WAITS;
        int running = WAKE_RUNNING;
        if (atomic_compare_exchange_strong(&g->wake_state, &running, WAKE_IDLE)) return STEP_DONE;
    }
}

/* Only queues: it is called under the waiters' lock and from timers. */
static void group_wake(group_t *g) {
    int state = atomic_load(&g->wake_state);
    for (;;) {
        int wanted = state == WAKE_IDLE ? WAKE_QUEUED : state == WAKE_RUNNING ? WAKE_AGAIN : state;
        if (wanted == state) return;
        if (atomic_compare_exchange_weak(&g->wake_state, &state, wanted)) {
            if (wanted == WAKE_AGAIN) return;
            break;
        }
    }
    worker_t *here = broker_current_worker(g->broker);
    worker_t *home = group_enter(g, here);
    atomic_fetch_add_explicit(&g->broker->posted, 1, memory_order_relaxed);
    if (home == here)
        loop_defer(worker_loop(home), &g->wake.task);
    else
        loop_post(worker_loop(home), &g->wake.task);
}

static void group_waiter_woken(waiter_t *w) {
    group_t *g = (group_t *)((char *)w - offsetof(group_t, waiter));
    group_count(g, GROUP_RESUMED, 1);
    group_wake(g);
}

static void group_timer_fired(loop_timer_t *t) {
    group_wake((group_t *)((char *)t - offsetof(group_t, timer)));
}

void group_wait_for_messages(group_t *g) {
    waiters_register(g->broker, g->subject, &g->waiter);
}

void group_wake_in(group_t *g, int64_t delay_us) {
    loop_t *loop = worker_loop(g->home);
    if (loop_timer_active(&g->timer) && g->timer.due_us <= loop_now_us(loop) + delay_us) return;
    loop_timer_start(loop, &g->timer, delay_us);
}

/* Held pulls. */

held_t *group_held_first(const group_t *g) {
    return g->held;
}

void group_hold(group_t *g, held_t *h) {
    if (g->held == NULL) (void)group_enter(g, NULL);
    h->next = NULL;
    h->previous = g->held_last;
    if (g->held_last != NULL)
        g->held_last->next = h;
    else
        g->held = h;
    g->held_last = h;
}

void group_unhold(group_t *g, held_t *h) {
    if (h->previous != NULL)
        h->previous->next = h->next;
    else
        g->held = h->next;
    if (h->next != NULL)
        h->next->previous = h->previous;
    else
        g->held_last = h->previous;
    if (g->held != NULL) return;
    waiters_unregister(g->broker, g->subject, &g->waiter);
    loop_timer_stop(worker_loop(g->home), &g->timer);
    group_leave(g);
}

held_t *group_trying(const group_t *g) {
    return g->trying;
}

void group_set_trying(group_t *g, held_t *h) {
    g->trying = h;
}

/* Making and finding. */

static void group_destroy(group_t *g) {
    heartbeats_free(&g->heartbeats);
    figures_free(&g->figures);
    mutex_destroy(&g->lock);
    memory_free(g);
}

static group_t *group_create(broker_t *b, store_group_t *progress, store_subject_t *subject) {
    group_t *g = memory_zalloc(sizeof *g);
    g->wake.run = group_wake_run;
    g->wake.group = g;
    g->wake.knows = -1;
    g->wake.task.run = group_arrived;
    g->waiter.wake = group_waiter_woken;
    g->timer.fire = group_timer_fired;
    g->broker = b;
    g->progress = progress;
    g->subject = subject;
    g->home = b->workers[0];
    g->kind = subject_kind(store_group_subject(progress));
    atomic_init(&g->next, -1);
    g->queue_end = &g->queue;
    mutex_init(&g->lock);
    heartbeats_init(&g->heartbeats);
    group_t *winner = store_group_set_user(progress, g);
    if (winner != g) {
        group_destroy(g);
        return winner;
    }
    atomic_fetch_add_explicit(&b->group_count, 1, memory_order_relaxed);
    g->older = atomic_load(&b->groups);
    while (!atomic_compare_exchange_weak(&b->groups, &g->older, g)) {}
    return g;
}

group_t *group_get(broker_t *b, view_t subject, view_t group) {
    store_group_t *progress = store_group_get(b->store, subject, group);
    if (progress == NULL) return NULL;
    group_t *g = store_group_user(progress);
    if (g != NULL) return g;
    store_subject_t *handle = store_subject_get(b->store, subject);
    return handle == NULL ? NULL : group_create(b, progress, handle);
}

void group_each(broker_t *b, void (*visit)(void *arg, group_t *g), void *arg) {
    for (group_t *g = atomic_load(&b->groups); g != NULL; g = g->older) visit(arg, g);
}

void group_free_all(broker_t *b) {
    group_t *g = atomic_load(&b->groups);
    while (g != NULL) {
        group_t *older = g->older;
        group_destroy(g);
        g = older;
    }
}

worker_t *group_home(const group_t *g) {
    return g->home;
}

broker_t *group_broker(const group_t *g) {
    return g->broker;
}

store_group_t *group_progress(const group_t *g) {
    return g->progress;
}

store_subject_t *group_subject(const group_t *g) {
    return g->subject;
}

view_t group_subject_name(const group_t *g) {
    return store_group_subject(g->progress);
}

view_t group_name(const group_t *g) {
    return store_group_name(g->progress);
}

subject_kind_t group_kind(const group_t *g) {
    return g->kind;
}

int64_t group_next(const group_t *g) {
    return atomic_load_explicit(&g->next, memory_order_relaxed);
}

view_t group_actor_name(const group_t *g, char to[ACTOR_NAME_SIZE]) {
    int size = snprintf(to, ACTOR_NAME_SIZE, "%.*s-%.*s", VIEW_ARG(group_subject_name(g)), VIEW_ARG(group_name(g)));
    return view_make(to, size < ACTOR_NAME_SIZE ? (size_t)size : ACTOR_NAME_SIZE - 1);
}

int group_pending(group_t *g) {
    mutex_lock(&g->lock);
    int pending = g->pending;
    mutex_unlock(&g->lock);
    return pending;
}

bool group_takes_gauges(group_t *g) {
    return !atomic_load_explicit(&g->has_gauges, memory_order_relaxed) && !atomic_exchange(&g->has_gauges, true);
}

heartbeats_t *group_heartbeats(group_t *g) {
    return &g->heartbeats;
}

void group_count(group_t *g, group_figure_t which, int64_t n) {
    group_figure_add(&g->figures, g->broker->metrics, group_subject_name(g), group_name(g), which, n);
}

void group_time(group_t *g, group_figure_t which, int64_t from_us, int64_t to_us) {
    group_figure_time(&g->figures, g->broker->metrics, group_subject_name(g), group_name(g), which, from_us, to_us);
}

bool group_position(const group_t *g, bool from_earliest, int64_t *next) {
    int64_t pulled, min;
    bool known = store_group_pulled(g->progress, &pulled);
    int64_t decided = group_next(g);
    if (decided >= 0) {
        *next = decided;
    } else if (!store_group_next(g->progress, next)) {
        if (!store_subject_bounds(g->subject, &min, next)) min = *next = 0;
        if (from_earliest) *next = min;
    }
    return known;
}

void group_set_next(group_t *g, int64_t next) {
    atomic_store_explicit(&g->next, next, memory_order_relaxed);
}

void group_move_to(group_t *g, int64_t next) {
    log_info(g->broker->log, "group %.*s of subject %.*s is moved to message %lld", VIEW_ARG(group_name(g)),
             VIEW_ARG(group_subject_name(g)), (long long)next);
    group_set_next(g, next);
    store_group_move(g->progress, next);
    int64_t min = 0, end = 0;
    if (g->held != NULL && store_subject_bounds(g->subject, &min, &end) && next < end) group_wake_in(g, 0);
}
