#include "net/loops.h"

#include "base/memory.h"
#include "portability/host.h"
#include "portability/thread.h"

#include <stdio.h>

#define RECEIVE_BLOCK_SIZE ((size_t)1024 * 1024)
#define LOOPS_MOST 256

typedef struct one_loop {
    loop_t *loop;
    connection_context_t *context;
    thread_t *thread;
} one_loop_t;

struct loops {
    int count;
    one_loop_t at[];
};

/* A function somebody waits for; lies on the waiter's stack. */
typedef struct call {
    task_t task;
    void (*fn)(void *arg);
    void *arg;
    mutex_t lock;
    condition_t ended;
    bool done;
} call_t;

static void run_loop(void *arg) {
    one_loop_t *one = arg;
    /* The loop ends when it is stopped, or cannot wait any more; then nothing is left to be done here. */
    (void)loop_run(one->loop);
}

static apr_status_t start_one(one_loop_t *one, const char *name, int index, size_t block_size) {
    char thread_name[64];
    (void)snprintf(thread_name, sizeof thread_name, "%s-%d", name, index);
    apr_status_t status = loop_create(&one->loop, thread_name);
    if (status != APR_SUCCESS) return status;
    one->context = connection_context_create(one->loop, block_size);
    return thread_start(&one->thread, thread_name, run_loop, one);
}

static void do_nothing(void *arg) {
    (void)arg;
}

apr_status_t loops_start(loops_t **out, const char *name, int count) {
    if (count <= 0) count = host_cores();
    if (count > LOOPS_MOST) count = LOOPS_MOST;
    loops_t *l = memory_zalloc(sizeof *l + (size_t)count * sizeof *l->at);
    apr_status_t status = APR_SUCCESS;
    while (status == APR_SUCCESS && l->count < count) {
        status = start_one(&l->at[l->count], name, l->count, RECEIVE_BLOCK_SIZE);
        l->count++;
    }
    if (status != APR_SUCCESS) {
        loops_stop(l);
        return status;
    }
    for (int i = 0; i < count; i++) loops_call(l, i, do_nothing, NULL);
    *out = l;
    return APR_SUCCESS;
}

int loops_count(const loops_t *l) {
    return l->count;
}

loop_t *loops_at(const loops_t *l, int index) {
    return l->at[index].loop;
}

connection_context_t *loops_context(const loops_t *l, int index) {
    return l->at[index].context;
}

int loops_current(const loops_t *l) {
    for (int i = 0; i < l->count; i++) {
        if (loop_is_current(l->at[i].loop)) return i;
    }
    return -1;
}

static void run_call(task_t *task) {
    call_t *call = (call_t *)(void *)task;
    call->fn(call->arg);
    /* Signalled under the lock: the waiter frees it as soon as it has the lock. */
    mutex_lock(&call->lock);
    call->done = true;
    condition_signal(&call->ended);
    mutex_unlock(&call->lock);
}

void loops_call(loops_t *l, int index, void (*fn)(void *arg), void *arg) {
    call_t call = {.task = {NULL, run_call}, .fn = fn, .arg = arg};
    mutex_init(&call.lock);
    condition_init(&call.ended);
    loop_post(l->at[index].loop, &call.task);
    mutex_lock(&call.lock);
    while (!call.done) condition_wait(&call.ended, &call.lock);
    mutex_unlock(&call.lock);
    condition_destroy(&call.ended);
    mutex_destroy(&call.lock);
}

static void stop_one(one_loop_t *one) {
    if (one->thread == NULL) return;
    loop_stop(one->loop);
    thread_join(one->thread);
}

void loops_stop(loops_t *l) {
    if (l == NULL) return;
    for (int i = 0; i < l->count; i++) stop_one(&l->at[i]);
    /* Only now: a loop that ended may still have been posted to by one that had not. */
    for (int i = 0; i < l->count; i++) connection_context_destroy(l->at[i].context);
    for (int i = 0; i < l->count; i++) loop_destroy(l->at[i].loop);
    memory_free(l);
}
