/* The action log: batches of actions are encoded, written with one call for all that wait, and then applied to the progress in log order
 * (storage.md 6, 9). */
#ifndef QMQ_STORE_ACTION_LOG_H
#define QMQ_STORE_ACTION_LOG_H

#include "store/append_plan.h"
#include "store/append_ring.h"
#include "store/group_progress.h"
#include "store/space.h"

typedef struct action_log {
    segmented_log_t segments;
    append_ring_t ring;
    append_plan_t plan;
    group_progress_t *progress;
    space_t *space;
    _Atomic int64_t applied; /* actions that end at or below are applied */
    log_limit_t limit;
} action_log_t;

/* After recovery. */
apr_status_t action_log_start(action_log_t *a, group_progress_t *progress, space_t *space);
/* Completes what was submitted. */
void action_log_stop(action_log_t *a);
/* Any thread. */
void action_log_append(action_log_t *a, store_action_batch_t *batch);

#endif
