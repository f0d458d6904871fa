#include "store/action_log.h"

#include "base/status.h"
#include "portability/clock.h"
#include "store/action_record.h"

#define WARNING_US 10000000

static action_record_t record_of(const store_action_t *a) {
    action_record_t r = {(uint8_t)a->type,
                         store_group_subject(a->group),
                         store_group_name(a->group),
                         a->consumer_id,
                         a->time_ms,
                         a->broadcast,
                         a->first_pull,
                         a->last_pull,
                         a->first_message,
                         a->last_message};
    return r;
}

static void put_filler(uint8_t *to, int64_t now_ms) {
    (void)now_ms;
    action_filler_put(to);
}

/* All actions of a batch can be written and read back, or none of them is taken. */
static apr_status_t check(const action_log_t *a, const store_action_batch_t *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        action_record_t r = record_of(&batch->actions[i]);
        size_t size = action_record_size(&r);
        if (size == 0) return QMQ_E_INVALID;
        if (!append_plan_fits(&a->plan, (int64_t)size)) return QMQ_E_TOO_LONG;
    }
    return APR_SUCCESS;
}

/* Places a record; true when recovery could take it for one whose end was not written, if it were the last (action_record_looks_torn). */
static bool put(action_log_t *a, const action_record_t *r) {
    size_t size = action_record_size(r);
    int64_t position = append_plan_place(&a->plan, (int64_t)size) % a->segments.segment_size;
    uint8_t *to = append_plan_room(&a->plan, size);
    action_record_put(to, r);
    return action_record_looks_torn(to, size, position);
}

/* An empty PULL, as broker.md 6.4 has it behind what a filter left out: it says nothing that was not known, but something stands behind
 * the record before it. */
static void put_end(action_log_t *a, action_record_t r) {
    bool pulled = r.type == ACTION_PULL;
    r.type = ACTION_PULL;
    r.first_pull = r.last_pull + 1;
    r.last_message = pulled ? r.last_message : -1;
    r.first_message = r.last_message + 1;
    (void)put(a, &r);
}

static void stage(action_log_t *a, const store_action_batch_t *batch) {
    for (size_t i = 0; i < batch->count; i++) {
        action_record_t r = record_of(&batch->actions[i]);
        /* Its time is its end; no empty PULL may bring back who is gone. */
        if (r.type == ACTION_FOREVER_OFFLINE) r.time_ms |= 1;
        if (put(a, &r)) put_end(a, r);
    }
}

static void report(action_log_t *a, apr_status_t status) {
    int64_t suppressed = 0;
    char text[160];
    if (!log_permit(&a->limit, WARNING_US, &suppressed)) return;
    log_error(a->segments.log, "cannot append to the action log in %s: %s; pulls and acks are refused (%lld such lines suppressed)",
              a->segments.directory, status_text(status, text, sizeof text), (long long)suppressed);
}

/* Applies and completes in log order. */
static void complete(action_log_t *a, store_action_batch_t *batch, apr_status_t written) {
    int64_t end = segmented_log_end(&a->segments);
    while (batch != NULL) {
        batch->end_offset = end;
        store_action_batch_t *next = batch->next; /* a completed batch is its owner's */
        if (batch->status == APR_SUCCESS) batch->status = written;
        for (size_t i = 0; batch->status == APR_SUCCESS && i < batch->count; i++) group_progress_apply(a->progress, &batch->actions[i]);
        batch->done(batch);
        batch = next;
    }
    if (written == APR_SUCCESS) atomic_store_explicit(&a->applied, segmented_log_end(&a->segments), memory_order_release);
}

static int64_t drain(void *arg, append_node_t *node) {
    action_log_t *a = arg;
    store_action_batch_t *first = (store_action_batch_t *)node;
    apr_status_t written = APR_SUCCESS;
    int64_t took_us = 0;
    append_plan_begin(&a->plan, clock_wall_ms());
    bool open = space_takes_actions(a->space);
    for (store_action_batch_t *b = first; b != NULL; b = b->next) {
        b->status = open ? check(a, b) : QMQ_E_READONLY;
        if (b->status == APR_SUCCESS) stage(a, b);
    }
    if (a->plan.bytes > 0) written = append_plan_write(&a->plan, &took_us);
    if (written == APR_SUCCESS) {
        segmented_log_publish(&a->segments, a->plan.end);
        space_note_end(a->space, SPACE_ACTIONS, a->plan.end);
    } else {
        report(a, written);
    }
    complete(a, first, written);
    return took_us;
}

apr_status_t action_log_start(action_log_t *a, group_progress_t *progress, space_t *space) {
    a->progress = progress;
    atomic_store(&a->applied, segmented_log_end(&a->segments));
    a->space = space;
    append_plan_init(&a->plan, &a->segments, ACTION_FILLER_SIZE, put_filler);
    return append_ring_start(&a->ring, "store-actions", drain, a);
}

void action_log_stop(action_log_t *a) {
    append_ring_stop(&a->ring);
    append_plan_free(&a->plan);
}

void action_log_append(action_log_t *a, store_action_batch_t *batch) {
    append_ring_submit(&a->ring, (append_node_t *)batch);
}
