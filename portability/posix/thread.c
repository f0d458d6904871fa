#include "portability/thread.h"

#include "portability/clock.h"
#include "portability/posix/system.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NAME_SIZE 16 /* the system's limit, terminating zero included */
#define FOREVER_US ((int64_t)1000000 * 3600 * 24 * 365 * 100)

static_assert(sizeof(pthread_mutex_t) <= sizeof(mutex_t), "mutex_t is too small for this system");
static_assert(sizeof(pthread_cond_t) <= sizeof(condition_t), "condition_t is too small for this system");
static_assert(_Alignof(pthread_mutex_t) <= _Alignof(mutex_t), "mutex_t is not aligned for this system");
static_assert(_Alignof(pthread_cond_t) <= _Alignof(condition_t), "condition_t is not aligned for this system");

struct thread {
    pthread_t id;
    void (*body)(void *arg);
    void *arg;
    char name[NAME_SIZE];
};

static pthread_mutex_t *native_mutex(mutex_t *m) {
    return (pthread_mutex_t *)(void *)m->opaque;
}

static pthread_cond_t *native_condition(condition_t *c) {
    return (pthread_cond_t *)(void *)c->opaque;
}

static void require(int error, const char *what) {
    if (error != 0) system_fatal(what, error);
}

void mutex_init(mutex_t *m) {
    require(pthread_mutex_init(native_mutex(m), NULL), "mutex_init");
}

void mutex_destroy(mutex_t *m) {
    require(pthread_mutex_destroy(native_mutex(m)), "mutex_destroy");
}

void mutex_lock(mutex_t *m) {
    require(pthread_mutex_lock(native_mutex(m)), "mutex_lock");
}

int mutex_try_lock(mutex_t *m) {
    int error = pthread_mutex_trylock(native_mutex(m));
    if (error == EBUSY) return 0;
    require(error, "mutex_try_lock");
    return 1;
}

void mutex_unlock(mutex_t *m) {
    require(pthread_mutex_unlock(native_mutex(m)), "mutex_unlock");
}

void condition_init(condition_t *c) {
    pthread_condattr_t attributes;
    require(pthread_condattr_init(&attributes), "condition_init");
    require(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), "condition_init");
    require(pthread_cond_init(native_condition(c), &attributes), "condition_init");
    require(pthread_condattr_destroy(&attributes), "condition_init");
}

void condition_destroy(condition_t *c) {
    require(pthread_cond_destroy(native_condition(c)), "condition_destroy");
}

void condition_wait(condition_t *c, mutex_t *m) {
    require(pthread_cond_wait(native_condition(c), native_mutex(m)), "condition_wait");
}

static struct timespec real_deadline(int64_t us) {
    struct timespec t;
    if (clock_gettime(CLOCK_MONOTONIC, &t) != 0) system_fatal("clock_gettime", errno);
    t.tv_sec += (time_t)(us / 1000000);
    t.tv_nsec += (long)(us % 1000000) * 1000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

apr_status_t condition_wait_us(condition_t *c, mutex_t *m, int64_t timeout_us) {
    if (timeout_us < 0) timeout_us = 0;
    if (timeout_us > FOREVER_US) timeout_us = FOREVER_US;
    int64_t end = clock_mono_us() + timeout_us;
    for (int64_t left = timeout_us;; left = end - clock_mono_us()) {
        if (left < 0) left = 0;
        struct timespec deadline = real_deadline(system_wait_us(left));
        int error = pthread_cond_timedwait(native_condition(c), native_mutex(m), &deadline);
        if (error == 0) return APR_SUCCESS;
        if (error != ETIMEDOUT) system_fatal("condition_wait_us", error);
        if (clock_mono_us() >= end) return APR_TIMEUP;
    }
}

void condition_signal(condition_t *c) {
    require(pthread_cond_signal(native_condition(c)), "condition_signal");
}

void condition_broadcast(condition_t *c) {
    require(pthread_cond_broadcast(native_condition(c)), "condition_broadcast");
}

static void *run_thread(void *arg) {
    thread_t *t = arg;
    require(pthread_setname_np(pthread_self(), t->name), "thread name");
    t->body(t->arg);
    return NULL;
}

/* Signals are the application's business: none but those that a thread causes itself is handled on our threads. */
static void block_signals(sigset_t *before) {
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
    sigset_t all;
    sigfillset(&all);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) sigdelset(&all, own[i]);
    require(pthread_sigmask(SIG_BLOCK, &all, before), "signal mask");
}

apr_status_t thread_start(thread_t **out, const char *name, void (*body)(void *arg), void *arg) {
    thread_t *t = system_alloc(sizeof *t);
    t->body = body;
    t->arg = arg;
    memcpy(t->name, name, strnlen(name, NAME_SIZE - 1));
    sigset_t before;
    block_signals(&before);
    int error = pthread_create(&t->id, NULL, run_thread, t);
    require(pthread_sigmask(SIG_SETMASK, &before, NULL), "signal mask");
    if (error != 0) {
        free(t);
        return APR_FROM_OS_ERROR(error);
    }
    *out = t;
    return APR_SUCCESS;
}

void thread_join(thread_t *t) {
    require(pthread_join(t->id, NULL), "thread_join");
    free(t);
}

void thread_sleep_us(int64_t us) {
    int64_t end = clock_mono_us() + us;
    for (int64_t left = us; left > 0; left = end - clock_mono_us()) {
        struct timespec deadline = real_deadline(system_wait_us(left));
        int error = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL);
        if (error != 0 && error != EINTR) system_fatal("sleep", error);
    }
}
