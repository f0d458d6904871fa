#include "broker/worker.h"

#include "base/memory.h"
#include "broker/waiters.h"
#include "portability/clock.h"

/* A batch is handed over early when it holds this much, so that one append stays within the cache. */
#define BATCH_BYTES (1024 * 1024)
#define BATCH_MESSAGES 4096
/* What is kept of batches that came back: a burst must not own its memory for ever. */
#define SPARE_BATCHES 4
#define SPARE_CAPACITY (2 * BATCH_MESSAGES)

typedef struct message_batch {
    store_batch_t batch; /* first: the store hands it back */
    store_sync_waiter_t sync;
    task_t task;
    worker_t *worker;
    struct message_batch *spare;
    store_message_t *messages;
    size_t count;
    size_t capacity;
    size_t bytes;
    int sources;
    int64_t begun_us; /* its append */
    message_source_t *first_source;
    message_source_t **last_source;
} message_batch_t;

typedef struct action_batch {
    store_action_batch_t batch; /* first */
    store_sync_waiter_t sync;
    task_t task;
    worker_t *worker;
    struct action_batch *spare;
    store_action_t *actions;
    size_t count;
    size_t capacity;
    action_source_t *first_source;
    action_source_t **last_source;
} action_batch_t;

struct worker {
    broker_t *broker;
    loop_t *loop;
    int index;
    task_t flush;
    bool flush_deferred;
    bool flushing;
    message_batch_t *messages; /* being filled */
    size_t staged;             /* slots of the source that is not committed yet */
    action_batch_t *actions;
    message_batch_t *spare_messages;
    action_batch_t *spare_actions;
    int spare_message_count;
    int spare_action_count;
    mutex_t lock;
    condition_t idle;
    int in_flight;      /* batches; under lock */
    _Atomic int queued; /* requests of message batches that are not written yet */
};

static message_batch_t *message_batch_get(worker_t *w);
static action_batch_t *action_batch_get(worker_t *w);

static void worker_entered(worker_t *w) {
    mutex_lock(&w->lock);
    w->in_flight++;
    mutex_unlock(&w->lock);
}

static void worker_left(worker_t *w) {
    mutex_lock(&w->lock);
    if (--w->in_flight == 0) condition_broadcast(&w->idle);
    mutex_unlock(&w->lock);
}

static void flush_messages(worker_t *w) {
    message_batch_t *m = w->messages;
    if (m == NULL || m->first_source == NULL) return;
    w->messages = NULL;
    for (message_source_t *s = m->first_source; s != NULL; s = s->next) s->messages = m->messages + s->first;
    m->batch.messages = m->messages;
    m->batch.count = m->count;
    m->begun_us = clock_mono_us();
    atomic_fetch_add_explicit(&w->queued, m->sources, memory_order_relaxed);
    worker_entered(w);
    store_append(w->broker->store, &m->batch);
}

static void flush_actions(worker_t *w) {
    action_batch_t *a = w->actions;
    if (a == NULL || a->count == 0) return;
    w->actions = NULL;
    a->batch.actions = a->actions;
    a->batch.count = a->count;
    worker_entered(w);
    store_append_actions(w->broker->store, &a->batch);
}

static void worker_flush(task_t *task) {
    worker_t *w = (worker_t *)((char *)task - offsetof(worker_t, flush));
    w->flush_deferred = false;
    w->flushing = true;
    flush_messages(w);
    flush_actions(w);
    w->flushing = false;
}

static void worker_defer_flush(worker_t *w) {
    if (w->flush_deferred) return;
    w->flush_deferred = true;
    /* What an append sets off is appended in the next round: a group with many requests waiting must not keep the loop from its sockets. */
    if (w->flushing)
        loop_post(w->loop, &w->flush);
    else
        loop_defer(w->loop, &w->flush);
}

static void message_batch_free(message_batch_t *m) {
    memory_free(m->messages);
    memory_free(m);
}

static void message_batch_put_back(worker_t *w, message_batch_t *m) {
    if (w->spare_message_count == SPARE_BATCHES || m->capacity > SPARE_CAPACITY) {
        message_batch_free(m);
        return;
    }
    w->spare_message_count++;
    m->spare = w->spare_messages;
    w->spare_messages = m;
}

static void action_batch_free(action_batch_t *a) {
    memory_free(a->actions);
    memory_free(a);
}

static void action_batch_put_back(worker_t *w, action_batch_t *a) {
    if (w->spare_action_count == SPARE_BATCHES || a->capacity > SPARE_CAPACITY) {
        action_batch_free(a);
        return;
    }
    w->spare_action_count++;
    a->spare = w->spare_actions;
    w->spare_actions = a;
}

static void messages_stored(message_batch_t *m) {
    worker_t *w = m->worker;
    int64_t took_us = clock_mono_us() - m->begun_us;
    atomic_fetch_sub_explicit(&w->queued, m->sources, memory_order_relaxed);
    for (size_t i = 0; i < m->count;) {
        store_subject_t *subject = m->messages[i].subject_handle;
        uint32_t stored = 0;
        for (; i < m->count && m->messages[i].subject_handle == subject; i++) stored += m->messages[i].status == APR_SUCCESS;
        if (stored == 0) continue;
        waiters_wake(subject);
        subject_time(w->broker, subject, SUBJECT_PUT_TIME, took_us, stored);
    }
    message_source_t *s = m->first_source;
    m->first_source = NULL;
    m->last_source = &m->first_source;
    while (s != NULL) {
        message_source_t *next = s->next;
        s->end_offset = m->batch.end_offset;
        if (s->wants_disk) {
            s->next = NULL;
            *m->last_source = s;
            m->last_source = &s->next;
        } else {
            s->stored(s);
        }
        s = next;
    }
    if (m->first_source != NULL) {
        m->sync.end_offset = m->batch.end_offset;
        store_await_message_sync(w->broker->store, &m->sync);
        return;
    }
    message_batch_put_back(w, m);
    worker_left(w);
}

/* What the disk may not have was not accepted. */
static void refuse_source(message_source_t *s, apr_status_t status) {
    for (size_t i = 0; i < s->count; i++) {
        if (s->messages[i].status == APR_SUCCESS) s->messages[i].status = status;
    }
}

static void messages_synced(message_batch_t *m) {
    worker_t *w = m->worker;
    message_source_t *s = m->first_source;
    while (s != NULL) {
        message_source_t *next = s->next;
        if (m->sync.status != APR_SUCCESS) refuse_source(s, m->sync.status);
        s->stored(s);
        s = next;
    }
    message_batch_put_back(w, m);
    worker_left(w);
}

static void actions_appended(action_batch_t *a) {
    worker_t *w = a->worker;
    action_source_t *s = a->first_source;
    a->first_source = NULL;
    a->last_source = &a->first_source;
    while (s != NULL) {
        action_source_t *next = s->next;
        s->status = a->batch.status;
        if (s->wants_disk && s->status == APR_SUCCESS) {
            s->next = NULL;
            *a->last_source = s;
            a->last_source = &s->next;
        } else {
            s->appended(s);
        }
        s = next;
    }
    if (a->first_source != NULL) {
        a->sync.end_offset = a->batch.end_offset;
        store_await_action_sync(w->broker->store, &a->sync);
        return;
    }
    action_batch_put_back(w, a);
    worker_left(w);
}

static void actions_synced(action_batch_t *a) {
    worker_t *w = a->worker;
    action_source_t *s = a->first_source;
    while (s != NULL) {
        action_source_t *next = s->next;
        s->status = a->sync.status;
        s->appended(s);
        s = next;
    }
    action_batch_put_back(w, a);
    worker_left(w);
}

static void messages_stored_task(task_t *task) {
    messages_stored((message_batch_t *)((char *)task - offsetof(message_batch_t, task)));
}

static void messages_synced_task(task_t *task) {
    messages_synced((message_batch_t *)((char *)task - offsetof(message_batch_t, task)));
}

static void actions_appended_task(task_t *task) {
    actions_appended((action_batch_t *)((char *)task - offsetof(action_batch_t, task)));
}

static void actions_synced_task(task_t *task) {
    actions_synced((action_batch_t *)((char *)task - offsetof(action_batch_t, task)));
}

/* From another thread. It counts as in flight until it has left the loop's code: by then the task may have run, and without it
 * worker_drain would let the loop be freed meanwhile. */
static void worker_post(worker_t *w, task_t *task) {
    worker_entered(w);
    loop_post(w->loop, task);
    worker_left(w);
}

/* Whoever wrote the batch calls these; the rest happens on the worker's own loop. */
static void message_batch_done(store_batch_t *batch) {
    message_batch_t *m = (message_batch_t *)batch;
    if (loop_is_current(m->worker->loop))
        messages_stored(m);
    else
        worker_post(m->worker, &m->task);
}

static void action_batch_done(store_action_batch_t *batch) {
    action_batch_t *a = (action_batch_t *)batch;
    if (loop_is_current(a->worker->loop))
        actions_appended(a);
    else
        worker_post(a->worker, &a->task);
}

/* Always by way of the loop: a source's verdict may come inside the call that waits otherwise, deep in a chain of them. */
static void message_batch_synced(store_sync_waiter_t *waiter) {
    message_batch_t *m = (message_batch_t *)((char *)waiter - offsetof(message_batch_t, sync));
    m->task.run = messages_synced_task;
    worker_post(m->worker, &m->task);
}

static void action_batch_synced(store_sync_waiter_t *waiter) {
    action_batch_t *a = (action_batch_t *)((char *)waiter - offsetof(action_batch_t, sync));
    a->task.run = actions_synced_task;
    worker_post(a->worker, &a->task);
}

static message_batch_t *message_batch_get(worker_t *w) {
    message_batch_t *m = w->spare_messages;
    if (m != NULL) {
        w->spare_messages = m->spare;
        w->spare_message_count--;
    } else {
        m = memory_zalloc(sizeof *m);
    }
    m->batch.done = message_batch_done;
    m->sync.done = message_batch_synced;
    m->task.run = messages_stored_task;
    m->worker = w;
    m->count = 0;
    m->bytes = 0;
    m->sources = 0;
    m->first_source = NULL;
    m->last_source = &m->first_source;
    return m;
}

static action_batch_t *action_batch_get(worker_t *w) {
    action_batch_t *a = w->spare_actions;
    if (a != NULL) {
        w->spare_actions = a->spare;
        w->spare_action_count--;
    } else {
        a = memory_zalloc(sizeof *a);
    }
    a->batch.done = action_batch_done;
    a->sync.done = action_batch_synced;
    a->task.run = actions_appended_task;
    a->worker = w;
    a->count = 0;
    a->first_source = NULL;
    a->last_source = &a->first_source;
    return a;
}

store_message_t *worker_stage_message(worker_t *w) {
    if (w->messages == NULL) w->messages = message_batch_get(w);
    message_batch_t *m = w->messages;
    size_t at = m->count + w->staged;
    if (at == m->capacity) {
        m->capacity = m->capacity == 0 ? 64 : m->capacity * 2;
        m->messages = memory_realloc(m->messages, m->capacity * sizeof *m->messages);
    }
    w->staged++;
    return &m->messages[at];
}

void worker_commit_messages(worker_t *w, message_source_t *source) {
    message_batch_t *m = w->messages;
    source->next = NULL;
    source->first = m->count;
    source->count = w->staged;
    for (size_t i = 0; i < w->staged; i++) m->bytes += m->messages[m->count + i].payload_size;
    m->count += w->staged;
    m->sources++;
    w->staged = 0;
    *m->last_source = source;
    m->last_source = &source->next;
    if (m->bytes >= BATCH_BYTES || m->count >= BATCH_MESSAGES)
        flush_messages(w);
    else
        worker_defer_flush(w);
}

void worker_rollback_messages(worker_t *w) {
    w->staged = 0;
}

void worker_add_actions(worker_t *w, action_source_t *source) {
    if (w->actions == NULL) w->actions = action_batch_get(w);
    action_batch_t *a = w->actions;
    if (a->count + source->count > a->capacity) {
        a->capacity = (a->count + source->count) * 2;
        a->actions = memory_realloc(a->actions, a->capacity * sizeof *a->actions);
    }
    memcpy(a->actions + a->count, source->actions, source->count * sizeof *a->actions);
    a->count += source->count;
    source->next = NULL;
    *a->last_source = source;
    a->last_source = &source->next;
    worker_defer_flush(w);
}

static void positions_saved_task(task_t *task) {
    position_wait_t *p = (position_wait_t *)((char *)task - offsetof(position_wait_t, task));
    worker_t *w = p->worker;
    p->saved(p);
    worker_left(w);
}

static void positions_saved(store_sync_waiter_t *waiter) {
    position_wait_t *p = (position_wait_t *)((char *)waiter - offsetof(position_wait_t, waiter));
    p->status = waiter->status;
    worker_post(p->worker, &p->task);
}

void worker_await_positions(worker_t *w, position_wait_t *p) {
    p->worker = w;
    p->task.run = positions_saved_task;
    p->waiter.done = positions_saved;
    worker_entered(w);
    store_await_positions(w->broker->store, &p->waiter);
}

worker_t *worker_create(broker_t *b, int index) {
    worker_t *w = memory_zalloc(sizeof *w);
    w->broker = b;
    w->index = index;
    w->loop = loops_at(b->loops, index);
    w->flush.run = worker_flush;
    mutex_init(&w->lock);
    condition_init(&w->idle);
    return w;
}

void worker_destroy(worker_t *w) {
    if (w->messages != NULL) message_batch_free(w->messages);
    if (w->actions != NULL) action_batch_free(w->actions);
    while (w->spare_messages != NULL) {
        message_batch_t *m = w->spare_messages;
        w->spare_messages = m->spare;
        message_batch_free(m);
    }
    while (w->spare_actions != NULL) {
        action_batch_t *a = w->spare_actions;
        w->spare_actions = a->spare;
        action_batch_free(a);
    }
    condition_destroy(&w->idle);
    mutex_destroy(&w->lock);
    memory_free(w);
}

void worker_drain(worker_t *w) {
    mutex_lock(&w->lock);
    while (w->in_flight > 0) condition_wait(&w->idle, &w->lock);
    mutex_unlock(&w->lock);
}

broker_t *worker_broker(const worker_t *w) {
    return w->broker;
}

loop_t *worker_loop(const worker_t *w) {
    return w->loop;
}

int worker_queued(const worker_t *w) {
    return atomic_load_explicit(&w->queued, memory_order_relaxed);
}

int worker_index(const worker_t *w) {
    return w->index;
}
