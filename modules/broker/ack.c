#include "broker/ack.h"

#include "base/memory.h"
#include "base/status.h"
#include "broker/dead_consumers.h"
#include "broker/group.h"
#include "broker/retry.h"
#include "portability/clock.h"
#include "protocol/ack.h"
#include "protocol/codes.h"

/* No consumer counts further; the store takes up to twice that, and one refused action fails its whole batch. */
#define LAST_PULL_SEQUENCE ((int64_t)1 << 60)

typedef enum ack_phase {
    ACK_BEGINS,
    ACK_READS_GAP,   /* on a reader thread */
    ACK_MOVES_GAP,   /* messages of the gap are being appended to the retry subject */
    ACK_WRITES_RANGE /* the acknowledged range, the gap included */
} ack_phase_t;

typedef struct ack {
    operation_t op; /* first */
    reply_to_t reply;
    action_source_t source;
    store_action_t actions[2];
    retry_move_t move;
    bool has_move;
    job_t job;
    task_t back;
    ack_phase_t phase;
    apr_status_t read_status;
    int64_t first;
    int64_t last;
    int64_t gap_first;
    int64_t gap_last;
    int64_t arrived_us;
    bool broadcast;
    bool overlaps;      /* its action is being written while pulls go on */
    view_t consumer_id; /* in text */
    char text[];
} ack_t;

static step_t ack_end(ack_t *a, int16_t code) {
    if (code != RESPONSE_SUCCESS) group_count(a->op.group, GROUP_ACK_ERRORS, 1);
    group_time(a->op.group, GROUP_ACK_TIME, a->arrived_us, clock_mono_us());
    reply_send(&a->reply, code, NULL);
    if (a->has_move) retry_move_free(&a->move);
    memory_free(a);
    return STEP_DONE;
}

static void ack_appended(action_source_t *source) {
    ack_t *a = (ack_t *)((char *)source - offsetof(ack_t, source));
    if (a->overlaps)
        group_continue_overlapped(a->op.group);
    else
        group_continue(a->op.group);
}

static void ack_moved(message_source_t *source) {
    retry_move_t *m = (retry_move_t *)((char *)source - offsetof(retry_move_t, source));
    ack_t *a = (ack_t *)((char *)m - offsetof(ack_t, move));
    group_continue(a->op.group);
}

static store_action_t *ack_action(ack_t *a, action_type_t type, int64_t first, int64_t last) {
    store_action_t *action = &a->actions[a->source.count++];
    *action = (store_action_t){.type = type,
                               .group = group_progress(a->op.group),
                               .consumer_id = a->consumer_id,
                               .time_ms = clock_wall_ms(),
                               .broadcast = a->broadcast,
                               .first_pull = first,
                               .last_pull = last};
    return action;
}

/* An acknowledgement of a consumer nobody knows would be ignored: its pulls were lost with the end of the action log. An empty pull makes
 * it known, so that its sequences go on behind what it acknowledged (BUG-11). */
static void ack_introduce(ack_t *a) {
    int64_t pulled, acked, next;
    bool known = store_consumer_position(group_progress(a->op.group), a->consumer_id, &pulled, &acked);
    a->overlaps = known && a->last <= pulled;
    if (known || a->last < 0) return;
    (void)group_position(a->op.group, false, &next);
    store_action_t *pull = ack_action(a, ACTION_PULL, a->last + 1, a->last);
    pull->first_message = next;
    pull->last_message = next - 1;
}

static step_t ack_write(ack_t *a, int64_t first, int64_t last) {
    group_t *g = a->op.group;
    a->phase = ACK_WRITES_RANGE;
    a->source.count = 0;
    ack_introduce(a);
    (void)ack_action(a, ACTION_RANGE_ACK, first, last);
    a->source.actions = a->actions;
    a->source.appended = ack_appended;
    a->source.wants_disk = broker_wants_disk(group_broker(g), group_subject_name(g));
    worker_add_actions(group_home(g), &a->source);
    return a->overlaps ? STEP_OVERLAPS : STEP_WAITS;
}

static void ack_back(task_t *task) {
    ack_t *a = (ack_t *)((char *)task - offsetof(ack_t, back));
    group_continue(a->op.group);
}

static void ack_read_gap(job_t *job) {
    ack_t *a = (ack_t *)((char *)job - offsetof(ack_t, job));
    a->read_status = retry_move_read(&a->move, a->op.group, a->consumer_id, a->gap_first, a->gap_last, true, &a->gap_last);
    loop_post(worker_loop(group_home(a->op.group)), &a->back);
}

static step_t ack_begin(ack_t *a);

/* The messages of gap_first..gap_last were read: they go to the retry subject. */
static step_t ack_move_gap(ack_t *a) {
    if (retry_move_count(&a->move) == 0) return ack_begin(a);
    a->phase = ACK_MOVES_GAP;
    a->move.source.stored = ack_moved;
    retry_move_append(&a->move, a->op.group);
    return STEP_WAITS;
}

static void ack_report_gap(ack_t *a, int64_t acked) {
    group_t *g = a->op.group;
    broker_t *b = group_broker(g);
    group_count(g, GROUP_ACKS_LOST, a->first - 1 - acked);
    int64_t suppressed;
    if (!log_permit(&b->gap_limit, 1000000, &suppressed)) return;
    log_error(b->log,
              "consumer %.*s of group %.*s, subject %.*s acknowledged %lld..%lld but never %lld..%lld: these go to the retry subject (%lld "
              "like it before)",
              VIEW_ARG(a->consumer_id), VIEW_ARG(group_name(g)), VIEW_ARG(group_subject_name(g)), (long long)a->first, (long long)a->last,
              (long long)acked + 1, (long long)a->first - 1, (long long)suppressed);
}

/* Offsets acked + 1 .. first - 1 were never acknowledged (broker.md 7 step 5.3): their messages are moved, a bounded number at a time; then
 * the whole range is written as one. */
static step_t ack_next_gap(ack_t *a, int64_t end) {
    group_t *g = a->op.group;
    a->gap_first = a->gap_last + 1;
    a->gap_last = end;
    apr_status_t rv = retry_move_read(&a->move, g, a->consumer_id, a->gap_first, end, false, &a->gap_last);
    if (rv == APR_SUCCESS) return ack_move_gap(a);
    a->phase = ACK_READS_GAP;
    a->job.run = ack_read_gap;
    a->back.run = ack_back;
    if (executor_submit(group_broker(g)->readers, &a->job) == APR_SUCCESS) return STEP_WAITS;
    return ack_end(a, RESPONSE_BROKER_ERROR);
}

static step_t ack_begin(ack_t *a) {
    int64_t pulled, acked;
    store_consumer_position(group_progress(a->op.group), a->consumer_id, &pulled, &acked);
    if (!a->has_move && a->first <= acked) {
        int64_t end = a->last < acked ? a->last : acked;
        group_count(a->op.group, GROUP_ACKED_TWICE, end - a->first + 1);
    }
    if (a->last <= acked) return ack_end(a, RESPONSE_SUCCESS);
    int64_t end = a->first - 1 < pulled ? a->first - 1 : pulled;
    if (end > a->last) end = a->last; /* last < first: what lies behind last stays as it is */
    if (!a->broadcast && end > acked) {
        if (!a->has_move) {
            ack_report_gap(a, acked);
            retry_move_init(&a->move, a->op.group);
            a->has_move = true;
            a->gap_last = acked;
        }
        if (a->gap_last < end) return ack_next_gap(a, end);
    }
    return ack_write(a, acked + 1, a->last);
}

static step_t ack_run(operation_t *op) {
    ack_t *a = (ack_t *)op;
    switch (a->phase) {
    case ACK_BEGINS:
        return ack_begin(a);
    case ACK_READS_GAP:
        return a->read_status == APR_SUCCESS ? ack_move_gap(a) : ack_end(a, RESPONSE_BROKER_ERROR);
    case ACK_MOVES_GAP:
        return retry_move_succeeded(&a->move) ? ack_begin(a) : ack_end(a, RESPONSE_BROKER_ERROR);
    case ACK_WRITES_RANGE:
        break;
    }
    if (a->source.status == APR_SUCCESS) return ack_end(a, RESPONSE_SUCCESS);
    group_count(op->group, GROUP_ACTION_ERRORS, 1);
    return ack_end(a, RESPONSE_BROKER_ERROR);
}

static void ack_count_request(group_t *g, const ack_request_t *r) {
    group_count(g, GROUP_ACK_REQUESTS, 1);
    group_count(g, GROUP_ACK_REQUEST_RATE, 1);
    if (!r->broadcast) consumer_seen(g, r->consumer_id);
}

static void ack_note_heartbeat(broker_t *b, const ack_request_t *r) {
    store_group_t *progress = store_group_find(b->store, r->subject, r->group);
    group_t *g = progress == NULL ? NULL : group_get(b, r->subject, r->group);
    if (g != NULL) ack_count_request(g, r);
}

void ack_command(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    broker_t *b = arg;
    (void)block;
    ack_request_t r;
    if (!ack_request_read(request->body, request->version, &r) || r.subject.size == 0 || r.group.size == 0 || r.consumer_id.size == 0) {
        connection_reply(c, request, RESPONSE_BROKER_ERROR, NULL);
        return;
    }
    if (r.pull_offset_begin < 0) {
        ack_note_heartbeat(b, &r);
        connection_reply(c, request, RESPONSE_SUCCESS, NULL);
        return;
    }
    group_t *g = r.pull_offset_last > LAST_PULL_SEQUENCE ? NULL : group_get(b, r.subject, r.group);
    if (g == NULL || group_is_crowded(g)) {
        connection_reply(c, request, RESPONSE_BROKER_ERROR, NULL);
        return;
    }
    ack_count_request(g, &r);
    group_count(g, GROUP_ACKED, r.pull_offset_last - r.pull_offset_begin + 1);
    ack_t *a = memory_zalloc(sizeof *a + r.consumer_id.size);
    a->arrived_us = clock_mono_us();
    a->op.run = ack_run;
    a->op.knows = -1;
    a->op.covers = r.pull_offset_last;
    reply_to_init(&a->reply, c, request);
    a->first = r.pull_offset_begin;
    a->last = r.pull_offset_last;
    a->broadcast = r.broadcast;
    memcpy(a->text, r.consumer_id.data, r.consumer_id.size);
    a->consumer_id = view_make(a->text, r.consumer_id.size);
    group_submit(g, &a->op, broker_current_worker(b));
}
