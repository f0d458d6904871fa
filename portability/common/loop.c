/* The loop itself: rounds of waiting, sockets, posted tasks, timers, deferred tasks. How a system waits is its poller's matter. */
#include "portability/loop.h"

#include "portability/clock.h"
#include "portability/common/loop_round.h"
#include "portability/common/system.h"
#include "portability/common/timer_heap.h"

#include <stdatomic.h>
#include <stdlib.h>

#define DEFERRED_PER_ROUND 10000
#define DRAIN_PASSES 1000
#define FOREVER_US ((int64_t)-1)
#define LONGEST_WAIT_US ((int64_t)3600 * 1000000)

struct loop {
    poller_t *poller;
    int64_t now_us;
    task_t *deferred;
    task_t **deferred_end;
    task_t *last; /* youngest first */
    retiree_t *retired;
    connecting_t *connecting;
    timer_heap_t timers;
    bool ending;
    char *name;
    /* Below: other threads. */
    _Atomic(task_t *) posted; /* newest first */
    atomic_bool sleeping;     /* it waits, or will without looking at `posted` again */
    atomic_bool stop;
    _Atomic(const char *) owner;
};

/* A different address in every thread. */
static _Thread_local char thread_mark;

void loop_retire(loop_t *l, retiree_t *r) {
    r->next = l->retired;
    l->retired = r;
}

poller_t *loop_poller(loop_t *l) {
    return l->poller;
}

connecting_t **loop_connecting_list(loop_t *l) {
    return l->ending ? NULL : &l->connecting;
}

static void free_loop(loop_t *l) {
    if (l->poller != NULL) poller_destroy(l->poller);
    timer_heap_free(&l->timers);
    free(l->name);
    free(l);
}

apr_status_t loop_create(loop_t **out, const char *name) {
    loop_t *l = system_alloc(sizeof *l);
    l->deferred_end = &l->deferred;
    l->name = system_copy(name);
    l->now_us = clock_mono_us();
    atomic_init(&l->posted, NULL);
    atomic_init(&l->sleeping, false);
    atomic_init(&l->stop, false);
    atomic_init(&l->owner, NULL);
    apr_status_t status = poller_create(&l->poller);
    if (status != APR_SUCCESS) {
        free_loop(l);
        return status;
    }
    *out = l;
    return APR_SUCCESS;
}

bool loop_is_current(const loop_t *l) {
    return atomic_load_explicit(&l->owner, memory_order_relaxed) == &thread_mark;
}

int64_t loop_now_us(const loop_t *l) {
    return l->now_us;
}

/* Pairs with wait_for_events: each side writes its own flag first and then reads the other's, sequentially consistent, so that
 * at least one of them sees the other. */
static void wake(loop_t *l) {
    if (atomic_load(&l->sleeping) && atomic_exchange(&l->sleeping, false)) poller_wake(l->poller);
}

void loop_post(loop_t *l, task_t *task) {
    task_t *newest = atomic_load_explicit(&l->posted, memory_order_relaxed);
    do {
        task->next = newest;
    } while (!atomic_compare_exchange_weak(&l->posted, &newest, task));
    if (newest == NULL) wake(l); /* else whoever made it non-empty does */
}

void loop_stop(loop_t *l) {
    atomic_store(&l->stop, true);
    wake(l);
}

void loop_defer(loop_t *l, task_t *task) {
    task->next = NULL;
    *l->deferred_end = task;
    l->deferred_end = &task->next;
}

void loop_defer_last(loop_t *l, task_t *task) {
    task->next = l->last;
    l->last = task;
}

void loop_timer_start(loop_t *l, loop_timer_t *t, int64_t delay_us) {
    timer_heap_remove(&l->timers, t);
    int64_t now = clock_mono_us(); /* not the round's time, which is older: a timer must never be early */
    if (delay_us < 0) delay_us = 0;
    t->due_us = delay_us > INT64_MAX - now ? INT64_MAX : now + delay_us;
    timer_heap_add(&l->timers, t);
}

void loop_timer_stop(loop_t *l, loop_timer_t *t) {
    timer_heap_remove(&l->timers, t);
}

static int64_t wait_time(const loop_t *l) {
    if (l->deferred != NULL || l->last != NULL || l->retired != NULL || poller_is_ready(l->poller)) return 0;
    const loop_timer_t *first = timer_heap_first(&l->timers);
    if (first == NULL) return FOREVER_US;
    int64_t left = first->due_us - clock_mono_us();
    if (left <= 0) return 0;
    return system_wait_us(left < LONGEST_WAIT_US ? left : LONGEST_WAIT_US);
}

static apr_status_t wait_for_events(loop_t *l) {
    int64_t wait_us = wait_time(l);
    if (wait_us != 0) {
        atomic_store(&l->sleeping, true);
        if (atomic_load(&l->posted) != NULL || atomic_load(&l->stop)) wait_us = 0;
    }
    apr_status_t status = poller_wait(l->poller, wait_us);
    atomic_store_explicit(&l->sleeping, false, memory_order_relaxed);
    l->now_us = clock_mono_us();
    return status;
}

static void run_posted(loop_t *l) {
    if (atomic_load_explicit(&l->posted, memory_order_relaxed) == NULL) return;
    task_t *newest = atomic_exchange(&l->posted, NULL), *oldest = NULL;
    while (newest != NULL) {
        task_t *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        task_t *task = oldest;
        oldest = task->next; /* before run: the task's memory may end there */
        task->run(task);
    }
}

static void run_timers(loop_t *l) {
    for (;;) {
        loop_timer_t *first = timer_heap_first(&l->timers);
        if (first == NULL || first->due_us > l->now_us) return;
        timer_heap_remove(&l->timers, first);
        first->fire(first);
    }
}

static void run_deferred(loop_t *l, int *budget) {
    while (l->deferred != NULL && *budget > 0) {
        task_t *task = l->deferred;
        l->deferred = task->next;
        if (l->deferred == NULL) l->deferred_end = &l->deferred;
        (*budget)--;
        task->run(task);
    }
}

static void run_last(loop_t *l, int *budget) {
    task_t *task = l->last;
    l->last = NULL;
    while (task != NULL) {
        task_t *next = task->next;
        (*budget)--;
        task->run(task);
        task = next;
    }
}

static void release_retired(loop_t *l) {
    retiree_t *r = l->retired;
    l->retired = NULL;
    while (r != NULL) {
        retiree_t *next = r->next;
        r->release(r);
        r = next;
    }
}

static void finish_round(loop_t *l) {
    int budget = DEFERRED_PER_ROUND;
    do {
        run_deferred(l, &budget);
        run_last(l, &budget);
        release_retired(l);
    } while (l->retired != NULL || ((l->deferred != NULL || l->last != NULL) && budget > 0));
}

static bool has_work(const loop_t *l) {
    return l->deferred != NULL || l->last != NULL || l->retired != NULL || atomic_load(&l->posted) != NULL || poller_is_closing(l->poller);
}

/* Runs what is queued and what that queues; a task that queues itself for ever is given up. */
static void drain(loop_t *l) {
    for (int pass = 0; pass < DRAIN_PASSES && has_work(l); pass++) {
        if (poller_is_closing(l->poller)) poller_reap(l->poller);
        run_posted(l);
        finish_round(l);
    }
}

apr_status_t loop_run(loop_t *l) {
    apr_status_t status = APR_SUCCESS;
    atomic_store_explicit(&l->owner, &thread_mark, memory_order_relaxed);
    while (status == APR_SUCCESS && !atomic_load(&l->stop)) {
        status = wait_for_events(l);
        poller_dispatch(l->poller);
        run_posted(l);
        run_timers(l);
        finish_round(l);
    }
    drain(l);
    atomic_store_explicit(&l->owner, NULL, memory_order_relaxed);
    atomic_store(&l->stop, false);
    return status;
}

void loop_destroy(loop_t *l) {
    if (l == NULL) return;
    atomic_store_explicit(&l->owner, &thread_mark, memory_order_relaxed);
    l->ending = true;
    drain(l);
    while (l->connecting != NULL) connecting_abort(l->connecting);
    drain(l);
    free_loop(l);
}
