#include "portability/executor.h"

#include "base/status.h"
#include "portability/common/system.h"
#include "portability/thread.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define THREAD_NAME_SIZE 32

struct executor {
    mutex_t lock;
    condition_t changed;
    job_t *first;
    job_t **end;
    size_t waiting;
    size_t limit;
    bool stopping;
    size_t thread_count;
    thread_t *threads[];
};

/* NULL when the queue is empty and stays so. */
static job_t *take(executor_t *e) {
    mutex_lock(&e->lock);
    while (e->first == NULL && !e->stopping) condition_wait(&e->changed, &e->lock);
    job_t *job = e->first;
    if (job != NULL) {
        e->first = job->next;
        if (e->first == NULL) e->end = &e->first;
        e->waiting--;
    }
    mutex_unlock(&e->lock);
    return job;
}

static void work(void *arg) {
    for (job_t *job = take(arg); job != NULL; job = take(arg)) job->run(job);
}

static apr_status_t start_threads(executor_t *e, const char *name, size_t threads) {
    for (; e->thread_count < threads; e->thread_count++) {
        char own[THREAD_NAME_SIZE];
        snprintf(own, sizeof own, threads == 1 ? "%s" : "%s-%zu", name, e->thread_count + 1);
        apr_status_t status = thread_start(&e->threads[e->thread_count], own, work, e);
        if (status != APR_SUCCESS) return status;
    }
    return APR_SUCCESS;
}

apr_status_t executor_create(executor_t **out, const char *name, size_t threads, size_t limit) {
    if (threads == 0) return APR_EINVAL;
    executor_t *e = system_alloc(sizeof *e + threads * sizeof(thread_t *));
    mutex_init(&e->lock);
    condition_init(&e->changed);
    e->end = &e->first;
    e->limit = limit;
    apr_status_t status = start_threads(e, name, threads);
    if (status != APR_SUCCESS) {
        executor_destroy(e);
        return status;
    }
    *out = e;
    return APR_SUCCESS;
}

apr_status_t executor_submit(executor_t *e, job_t *job) {
    apr_status_t status = APR_SUCCESS;
    mutex_lock(&e->lock);
    if (e->stopping) {
        status = APR_EOF;
    } else if (e->limit > 0 && e->waiting >= e->limit) {
        status = QMQ_E_FULL;
    } else {
        job->next = NULL;
        *e->end = job;
        e->end = &job->next;
        e->waiting++;
        condition_signal(&e->changed);
    }
    mutex_unlock(&e->lock);
    return status;
}

void executor_stop(executor_t *e) {
    mutex_lock(&e->lock);
    e->stopping = true;
    condition_broadcast(&e->changed);
    mutex_unlock(&e->lock);
    for (; e->thread_count > 0; e->thread_count--) thread_join(e->threads[e->thread_count - 1]);
}

void executor_destroy(executor_t *e) {
    if (e == NULL) return;
    executor_stop(e);
    condition_destroy(&e->changed);
    mutex_destroy(&e->lock);
    free(e);
}
