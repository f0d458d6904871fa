/* Data syncs of both logs, on a thread of their own: every sync period, and at once when somebody waits for one. All who wait on any
 * subject are served by the next sync (group commit). */
#ifndef QMQ_STORE_SYNC_H
#define QMQ_STORE_SYNC_H

#include "portability/executor.h"
#include "store/space.h"

#include <stdbool.h>

typedef struct sync_log {
    segmented_log_t *segments;
    store_sync_waiter_t *first; /* in order of arrival; under the syncer's lock */
    store_sync_waiter_t *last;
} sync_log_t;

typedef struct syncer {
    sync_log_t logs[SPACE_LOGS];
    space_t *space;
    mutex_t lock;
    int64_t period_us;
    int64_t next_us; /* when both are due; syncer thread only */
    metric_t *timer;
    periodic_t *thread;
    /* After a sync, on its thread. */
    void (*synced)(void *arg);
    void *arg;
} syncer_t;

void syncer_init(syncer_t *y, segmented_log_t *messages, segmented_log_t *actions, space_t *space, const store_options_t *options);
apr_status_t syncer_start(syncer_t *y, void (*synced)(void *arg), void *arg);
/* Nobody begins to wait any more. */
void syncer_stop(syncer_t *y);
/* Any thread; calls done at once when there is nothing to wait for. */
void syncer_await(syncer_t *y, space_log_t which, store_sync_waiter_t *w);
/* Syncs both logs now. Blocks; any thread. */
apr_status_t syncer_sync_all(syncer_t *y);

#endif
