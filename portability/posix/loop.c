/* The loop itself: rounds of waiting, sockets, posted tasks, timers, deferred tasks. epoll and eventfd directly: an apr_socket_t
 * drags a pool of 8 KiB behind it, and apr_pollset wakes through a pipe and waits in milliseconds. */
#include "portability/loop.h"

#include "portability/clock.h"
#include "portability/posix/loop_private.h"
#include "portability/posix/system.h"
#include "portability/posix/timer_heap.h"

#include "base/status.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 256
#define DEFERRED_PER_ROUND 10000
#define DRAIN_PASSES 1000
#define FOREVER_US ((int64_t)-1)
#define LONGEST_WAIT_US ((int64_t)3600 * 1000000)

struct loop {
    int epoll_fd;
    int64_t now_us;
    task_t *deferred;
    task_t **deferred_end;
    watch_t *retired;
    connecting_t *connecting;
    timer_heap_t timers;
    bool has_fine_wait; /* the kernel knows epoll_pwait2 */
    bool ending;
    watch_t wake;
    char *name;
    struct epoll_event events[EVENTS_PER_ROUND];
    /* Below: other threads. */
    _Atomic(task_t *) posted; /* newest first */
    atomic_bool sleeping;     /* it waits, or will without looking at `posted` again */
    atomic_bool stop;
    _Atomic(const char *) owner;
};

/* A different address in every thread. */
static _Thread_local char thread_mark;

static void ignore_wake(watch_t *self, uint32_t events) {
    (void)self, (void)events;
}

apr_status_t watch_start(loop_t *l, watch_t *w, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) != 0) return system_error();
    w->armed = events;
    return APR_SUCCESS;
}

void watch_arm(loop_t *l, watch_t *w, uint32_t events) {
    if (w->armed == events) return;
    struct epoll_event e = {.events = events, .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) != 0) system_fatal("epoll_ctl", errno);
    w->armed = events;
}

void watch_stop(loop_t *l, watch_t *w) {
    struct epoll_event unused = {0};
    /* Not left to close: a child between fork and exec may hold the descriptor too, and events would name freed memory. */
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, &unused) != 0) system_fatal("epoll_ctl", errno);
}

void watch_retire(loop_t *l, watch_t *w) {
    w->retired = true;
    w->next = l->retired;
    l->retired = w;
}

void descriptor_close(int fd) {
    if (close(fd) != 0 && errno == EBADF) system_fatal("close", errno); /* other errors come from the peer; it is closed */
}

connecting_t **loop_connecting_list(loop_t *l) {
    return l->ending ? NULL : &l->connecting;
}

static apr_status_t open_descriptors(loop_t *l) {
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) return system_error();
    l->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake.fd < 0) return system_error();
    l->wake.ready = ignore_wake;
    return watch_start(l, &l->wake, EPOLLIN | EPOLLET); /* by edge: the counter never has to be read */
}

static void free_loop(loop_t *l) {
    if (l->wake.fd >= 0) descriptor_close(l->wake.fd);
    if (l->epoll_fd >= 0) descriptor_close(l->epoll_fd);
    timer_heap_free(&l->timers);
    free(l->name);
    free(l);
}

apr_status_t loop_create(loop_t **out, const char *name) {
    loop_t *l = system_alloc(sizeof *l);
    l->epoll_fd = l->wake.fd = -1;
    l->deferred_end = &l->deferred;
    l->has_fine_wait = true;
    l->name = system_copy(name);
    l->now_us = clock_mono_us();
    atomic_init(&l->posted, NULL);
    atomic_init(&l->sleeping, false);
    atomic_init(&l->stop, false);
    atomic_init(&l->owner, NULL);
    apr_status_t status = open_descriptors(l);
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
    if (!atomic_load(&l->sleeping) || !atomic_exchange(&l->sleeping, false)) return;
    uint64_t one = 1;
    ssize_t n;
    do {
        n = write(l->wake.fd, &one, sizeof one);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN) system_fatal("eventfd", errno); /* EAGAIN: the counter is full, the loop is awake */
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
    if (l->deferred != NULL || l->retired != NULL) return 0;
    const loop_timer_t *first = timer_heap_first(&l->timers);
    if (first == NULL) return FOREVER_US;
    int64_t left = first->due_us - clock_mono_us();
    if (left <= 0) return 0;
    return system_wait_us(left < LONGEST_WAIT_US ? left : LONGEST_WAIT_US);
}

static int poll_events(loop_t *l, int64_t wait_us) {
    if (l->has_fine_wait) {
        struct timespec t = {.tv_sec = (time_t)(wait_us / 1000000), .tv_nsec = (long)(wait_us % 1000000) * 1000};
        int n = epoll_pwait2(l->epoll_fd, l->events, EVENTS_PER_ROUND, wait_us == FOREVER_US ? NULL : &t, NULL);
        if (n >= 0 || errno != ENOSYS) return n;
        l->has_fine_wait = false;
    }
    int wait_ms = wait_us == FOREVER_US ? -1 : (int)((wait_us + 999) / 1000);
    return epoll_wait(l->epoll_fd, l->events, EVENTS_PER_ROUND, wait_ms);
}

static apr_status_t wait_for_events(loop_t *l, int *count) {
    int64_t wait_us = wait_time(l);
    if (wait_us != 0) {
        atomic_store(&l->sleeping, true);
        if (atomic_load(&l->posted) != NULL || atomic_load(&l->stop)) wait_us = 0;
    }
    int n = poll_events(l, wait_us);
    apr_status_t status = n >= 0 || errno == EINTR ? APR_SUCCESS : system_error();
    atomic_store_explicit(&l->sleeping, false, memory_order_relaxed);
    l->now_us = clock_mono_us();
    *count = n < 0 ? 0 : n;
    return status;
}

static void run_ready(loop_t *l, int count) {
    for (int i = 0; i < count; i++) {
        watch_t *w = l->events[i].data.ptr;
        if (!w->retired) w->ready(w, l->events[i].events);
    }
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

static void release_retired(loop_t *l) {
    watch_t *w = l->retired;
    l->retired = NULL;
    while (w != NULL) {
        watch_t *next = w->next;
        w->release(w);
        w = next;
    }
}

static void finish_round(loop_t *l) {
    int budget = DEFERRED_PER_ROUND;
    do {
        run_deferred(l, &budget);
        release_retired(l);
    } while (l->retired != NULL || (l->deferred != NULL && budget > 0));
}

static bool has_work(const loop_t *l) {
    return l->deferred != NULL || l->retired != NULL || atomic_load(&l->posted) != NULL;
}

/* Runs what is queued and what that queues; a task that queues itself for ever is given up. */
static void drain(loop_t *l) {
    for (int pass = 0; pass < DRAIN_PASSES && has_work(l); pass++) {
        run_posted(l);
        finish_round(l);
    }
}

apr_status_t loop_run(loop_t *l) {
    apr_status_t status = APR_SUCCESS;
    atomic_store_explicit(&l->owner, &thread_mark, memory_order_relaxed);
    while (status == APR_SUCCESS && !atomic_load(&l->stop)) {
        int count = 0;
        status = wait_for_events(l, &count);
        run_ready(l, count);
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
