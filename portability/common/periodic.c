#include "portability/clock.h"
#include "portability/common/system.h"
#include "portability/executor.h"
#include "portability/thread.h"

#include <stdbool.h>
#include <stdlib.h>

struct periodic {
    mutex_t lock;
    condition_t changed;
    thread_t *thread;
    int64_t period_us;
    void (*run)(void *arg);
    void *arg;
    bool triggered;
    bool stopping;
};

/* Waits for the end of the period or a trigger; false: stop. */
static bool wait_for_turn(periodic_t *p) {
    int64_t end = clock_mono_us() + p->period_us;
    mutex_lock(&p->lock);
    while (!p->triggered && !p->stopping) {
        int64_t left = end - clock_mono_us();
        if (left <= 0) break;
        if (condition_wait_us(&p->changed, &p->lock, left) == APR_TIMEUP) break;
    }
    bool goes_on = !p->stopping;
    p->triggered = false;
    mutex_unlock(&p->lock);
    return goes_on;
}

static void repeat(void *arg) {
    periodic_t *p = arg;
    while (wait_for_turn(p)) p->run(p->arg);
}

static void periodic_free(periodic_t *p) {
    condition_destroy(&p->changed);
    mutex_destroy(&p->lock);
    free(p);
}

apr_status_t periodic_start(periodic_t **out, const char *name, int64_t period_us, void (*run)(void *arg), void *arg) {
    if (period_us <= 0) return APR_EINVAL;
    periodic_t *p = system_alloc(sizeof *p);
    mutex_init(&p->lock);
    condition_init(&p->changed);
    p->period_us = period_us;
    p->run = run;
    p->arg = arg;
    apr_status_t status = thread_start(&p->thread, name, repeat, p);
    if (status != APR_SUCCESS) {
        periodic_free(p);
        return status;
    }
    *out = p;
    return APR_SUCCESS;
}

void periodic_trigger(periodic_t *p) {
    mutex_lock(&p->lock);
    p->triggered = true;
    condition_signal(&p->changed);
    mutex_unlock(&p->lock);
}

void periodic_stop(periodic_t *p) {
    if (p == NULL) return;
    mutex_lock(&p->lock);
    p->stopping = true;
    condition_signal(&p->changed);
    mutex_unlock(&p->lock);
    thread_join(p->thread);
    periodic_free(p);
}
