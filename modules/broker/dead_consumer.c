#include "broker/dead_consumer.h"

#include "base/memory.h"
#include "portability/clock.h"

/* A consumer's limiter saves up this much of a second's permits. */
#define BURST_SECONDS 1.0

enum { DEAD_RESTS, DEAD_RUNS, DEAD_ENDED };
enum { DEAD_BEGINS, DEAD_READS, DEAD_MOVES, DEAD_WRITES, DEAD_FORGETS };

static step_t dead_run(operation_t *op);

dead_consumer_t *dead_consumer_create(broker_t *b, store_group_t *progress, view_t consumer_id, bool forget, int64_t now_us) {
    dead_consumer_t *d = memory_zalloc(sizeof *d + consumer_id.size);
    d->op.run = dead_run;
    d->op.knows = -1;
    d->broker = b;
    d->progress = progress;
    memcpy(d->text, consumer_id.data, consumer_id.size);
    d->consumer_id = view_make(d->text, consumer_id.size);
    d->forget = forget;
    d->found_us = d->filled_us = now_us;
    d->permits = 1;
    atomic_init(&d->state, DEAD_RESTS);
    return d;
}

bool dead_consumer_begin(dead_consumer_t *d) {
    d->group = group_get(d->broker, store_group_subject(d->progress), store_group_name(d->progress));
    if (d->group == NULL) return false;
    group_count(d->group, GROUP_RETRY_TASKS, 1);
    if (d->forget) group_count(d->group, GROUP_OFFLINE_TASKS, 1);
    log_info(d->broker->log, "consumer %.*s of group %.*s, subject %.*s is gone%s", VIEW_ARG(d->consumer_id),
             VIEW_ARG(group_name(d->group)), VIEW_ARG(group_subject_name(d->group)),
             d->forget ? " for good: it is forgotten once its messages are moved"
                       : ": its un-acknowledged messages go to the retry subject");
    return true;
}

void dead_consumer_free(dead_consumer_t *d) {
    memory_free(d);
}

static bool is_back(const dead_consumer_t *d) {
    return heartbeats_of(group_heartbeats(d->group), d->consumer_id) > d->found_us;
}

bool dead_consumer_step(dead_consumer_t *d, bool stopping) {
    int state = atomic_load(&d->state);
    if (state == DEAD_RUNS) return false;
    if (state == DEAD_ENDED || stopping || is_back(d)) return true;
    double rate = broker_settings(d->broker)->retry_move_rate;
    int64_t now = clock_mono_us();
    d->permits += rate * (double)(now - d->filled_us) / 1e6;
    double most = rate * BURST_SECONDS < 1 ? 1 : rate * BURST_SECONDS;
    if (d->permits > most) d->permits = most;
    d->filled_us = now;
    if (d->permits < 1 || group_is_crowded(d->group)) return false;
    d->permitted = (int64_t)d->permits;
    d->phase = DEAD_BEGINS;
    atomic_store(&d->state, DEAD_RUNS);
    group_submit(d->group, &d->op, NULL);
    return false;
}

/* The operation, on the group's home loop. Once the state has changed the task may be freed. */

static step_t dead_rest(dead_consumer_t *d, bool ended) {
    if (d->has_move) retry_move_free(&d->move);
    d->has_move = false;
    atomic_store(&d->state, ended ? DEAD_ENDED : DEAD_RESTS);
    return STEP_DONE;
}

static void dead_written(action_source_t *source) {
    dead_consumer_t *d = (dead_consumer_t *)((char *)source - offsetof(dead_consumer_t, source));
    group_continue(d->group);
}

static void dead_moved(message_source_t *source) {
    retry_move_t *m = (retry_move_t *)((char *)source - offsetof(retry_move_t, source));
    dead_consumer_t *d = (dead_consumer_t *)((char *)m - offsetof(dead_consumer_t, move));
    group_continue(d->group);
}

static void dead_back(task_t *task) {
    dead_consumer_t *d = (dead_consumer_t *)((char *)task - offsetof(dead_consumer_t, back));
    group_continue(d->group);
}

static void dead_read(job_t *job) {
    dead_consumer_t *d = (dead_consumer_t *)((char *)job - offsetof(dead_consumer_t, job));
    d->read_status = retry_move_read(&d->move, d->group, d->consumer_id, d->first, d->last, true, &d->last);
    loop_post(worker_loop(group_home(d->group)), &d->back);
}

static step_t dead_write(dead_consumer_t *d, int phase, action_type_t type) {
    d->phase = phase;
    d->action = (store_action_t){.type = type,
                                 .group = d->progress,
                                 .consumer_id = d->consumer_id,
                                 .time_ms = clock_wall_ms(),
                                 .first_pull = d->first,
                                 .last_pull = d->last};
    d->source.actions = &d->action;
    d->source.count = 1;
    d->source.appended = dead_written;
    worker_add_actions(group_home(d->group), &d->source);
    return STEP_WAITS;
}

/* Messages first, then the acknowledgement: a crash in between doubles, never loses. */
static step_t dead_move(dead_consumer_t *d) {
    if (retry_move_count(&d->move) == 0) return dead_write(d, DEAD_WRITES, ACTION_RANGE_ACK);
    d->phase = DEAD_MOVES;
    d->move.source.stored = dead_moved;
    retry_move_append(&d->move, d->group);
    return STEP_WAITS;
}

static step_t dead_begin(dead_consumer_t *d) {
    int64_t pulled, acked;
    bool known = store_consumer_position(d->progress, d->consumer_id, &pulled, &acked);
    if (is_back(d) || !known) return dead_rest(d, true);
    if (pulled <= acked) return d->forget ? dead_write(d, DEAD_FORGETS, ACTION_FOREVER_OFFLINE) : dead_rest(d, true);
    d->first = acked + 1;
    d->last = pulled - acked > d->permitted ? acked + d->permitted : pulled;
    retry_move_init(&d->move, d->group);
    d->has_move = true;
    if (retry_move_read(&d->move, d->group, d->consumer_id, d->first, d->last, false, &d->last) == APR_SUCCESS) return dead_move(d);
    d->phase = DEAD_READS;
    d->job.run = dead_read;
    d->back.run = dead_back;
    return executor_submit(d->broker->readers, &d->job) == APR_SUCCESS ? STEP_WAITS : dead_rest(d, false);
}

static bool dead_is_written(const dead_consumer_t *d) {
    if (d->source.status != APR_SUCCESS) group_count(d->group, GROUP_ACTION_ERRORS, 1);
    return d->source.status == APR_SUCCESS;
}

static step_t dead_count(dead_consumer_t *d) {
    if (!dead_is_written(d)) return dead_rest(d, false);
    int64_t moved = d->last - d->first + 1;
    d->permits -= (double)moved;
    metric_labels_t labels = {"consumerId", d->consumer_id, NULL, {NULL, 0}};
    metric_add(metrics_counter(d->broker->metrics, "consumerAckTimeoutErrorCountInc", labels), moved);
    log_info(d->broker->log, "consumer %.*s of group %.*s, subject %.*s: pulled messages %lld..%lld went to the retry subject",
             VIEW_ARG(d->consumer_id), VIEW_ARG(group_name(d->group)), VIEW_ARG(group_subject_name(d->group)), (long long)d->first,
             (long long)d->last);
    return dead_rest(d, false);
}

static step_t dead_run(operation_t *op) {
    dead_consumer_t *d = (dead_consumer_t *)op;
    switch (d->phase) {
    case DEAD_BEGINS:
        return dead_begin(d);
    case DEAD_READS:
        return d->read_status == APR_SUCCESS ? dead_move(d) : dead_rest(d, false);
    case DEAD_MOVES:
        return retry_move_succeeded(&d->move) ? dead_write(d, DEAD_WRITES, ACTION_RANGE_ACK) : dead_rest(d, false);
    case DEAD_WRITES:
        return dead_count(d);
    default:
        return dead_rest(d, dead_is_written(d));
    }
}
