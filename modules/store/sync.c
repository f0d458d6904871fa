#include "store/sync.h"

#include "portability/clock.h"

void syncer_init(syncer_t *y, segmented_log_t *messages, segmented_log_t *actions, space_t *space, const store_options_t *options) {
    y->logs[SPACE_MESSAGES].segments = messages;
    y->logs[SPACE_ACTIONS].segments = actions;
    y->space = space;
    y->period_us = options->sync_period_us;
    y->timer = metrics_timer(options->metrics, "storeMessageLogFlushTimer", METRIC_NO_LABELS);
    mutex_init(&y->lock);
}

/* Waiters that the last sync covers, or all when it failed, taken off the list in order. */
static store_sync_waiter_t *take_covered(syncer_t *y, sync_log_t *l, apr_status_t status) {
    store_sync_waiter_t *taken = NULL, **to = &taken;
    int64_t synced = atomic_load(&l->segments->synced);
    mutex_lock(&y->lock);
    store_sync_waiter_t **at = &l->first;
    l->last = NULL;
    while (*at != NULL) {
        store_sync_waiter_t *w = *at;
        if (status == APR_SUCCESS && w->end_offset > synced) {
            l->last = w;
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = NULL;
        *to = w;
        to = &w->next;
    }
    mutex_unlock(&y->lock);
    return taken;
}

static void release(store_sync_waiter_t *w, apr_status_t status) {
    while (w != NULL) {
        store_sync_waiter_t *next = w->next; /* a released one is its owner's */
        w->status = status;
        w->done(w);
        w = next;
    }
}

static apr_status_t sync_one(syncer_t *y, space_log_t which) {
    sync_log_t *l = &y->logs[which];
    int64_t start = clock_mono_us();
    bool dirty = atomic_load(&l->segments->synced) != segmented_log_end(l->segments);
    apr_status_t status = segmented_log_sync(l->segments);
    if (dirty) metric_time_us(y->timer, clock_mono_us() - start);
    if (status != APR_SUCCESS && !segmented_log_may_retry(status)) space_sync_failed(y->space, l->segments, status);
    release(take_covered(y, l, status), status);
    return status;
}

static bool is_awaited(syncer_t *y, space_log_t which) {
    mutex_lock(&y->lock);
    bool awaited = y->logs[which].first != NULL;
    mutex_unlock(&y->lock);
    return awaited;
}

/* The period of the thread counts from its last run, so a run that only served waiters must not put the other log off. */
static void run(void *arg) {
    syncer_t *y = arg;
    int64_t now = clock_mono_us();
    bool due = now >= y->next_us;
    if (due) y->next_us = now + y->period_us;
    for (space_log_t which = SPACE_MESSAGES; which < SPACE_LOGS; which++) {
        if (due || is_awaited(y, which)) (void)sync_one(y, which); /* reported inside */
    }
    if (due) y->synced(y->arg);
}

apr_status_t syncer_start(syncer_t *y, void (*synced)(void *arg), void *arg) {
    y->synced = synced;
    y->arg = arg;
    return periodic_start(&y->thread, "store-sync", y->period_us, run, y);
}

void syncer_stop(syncer_t *y) {
    periodic_stop(y->thread);
    y->thread = NULL;
}

void syncer_await(syncer_t *y, space_log_t which, store_sync_waiter_t *w) {
    sync_log_t *l = &y->logs[which];
    w->next = NULL;
    if (atomic_load(&l->segments->synced) >= w->end_offset) {
        release(w, APR_SUCCESS);
        return;
    }
    mutex_lock(&y->lock);
    if (l->first == NULL) {
        l->first = w;
    } else {
        l->last->next = w;
    }
    l->last = w;
    mutex_unlock(&y->lock);
    periodic_trigger(y->thread);
}

apr_status_t syncer_sync_all(syncer_t *y) {
    apr_status_t messages = sync_one(y, SPACE_MESSAGES);
    apr_status_t actions = sync_one(y, SPACE_ACTIONS);
    return messages != APR_SUCCESS ? messages : actions;
}
