#include "broker/pull.h"

#include "broker/dead_consumers.h"
#include "broker/gauges.h"
#include "broker/pull_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "protocol/codes.h"

/* A request that has waited this long beyond its hold is dropped without an answer: its client has given up (broker.md 6.3). */
#define PULL_GRACE_US (2500 * 1000)
#define PULL_DEFAULT_NUM 20
/* A request with names and tags beyond this is not held: pull.parked.max bounds how many are, this how big. */
#define HELD_TEXT_MOST 16384

static step_t pull_run(operation_t *op);
static step_t pull_attempt(pull_t *p);

static void pull_end(pull_t *p) {
    sub_env_release(p->rule);
    pull_forget(p);
    chain_clear(&p->body);
    poll_result_free(&p->result);
    if (p->actions != &p->first_action) memory_free(p->actions);
    peer_release(p->peer);
    memory_free(p);
}

/* Takes a held pull off its group; the group may belong to another loop afterwards unless an operation runs. */
static void pull_unhold(pull_t *p) {
    if (!p->is_held) return;
    group_t *g = p->op.group;
    broker_t *b = group_broker(g);
    p->is_held = false;
    atomic_fetch_sub_explicit(&b->parked_pulls, 1, memory_order_relaxed);
    loop_timer_stop(worker_loop(group_home(g)), &p->timer);
    group_unhold(g, &p->held);
}

/* Before the answer: it takes the body over. */
static void pull_count_answer(pull_t *p, int16_t code) {
    group_t *g = p->op.group;
    if (code == RESPONSE_SUCCESS) {
        group_count(g, GROUP_PULLED, (int64_t)p->messages);
        group_count(g, GROUP_PULLED_RATE, (int64_t)p->messages);
        group_count(g, GROUP_PULLED_BYTES, (int64_t)(p->body.bytes - PULL_RESPONSE_HEAD));
    } else {
        group_count(g, GROUP_PULLED_NOTHING, 1);
    }
    group_time(g, GROUP_PULL_TIME, p->arrived_us, clock_mono_us());
}

static void pull_answer(pull_t *p, int16_t code) {
    pull_count_answer(p, code);
    reply_send(&p->reply, code, code == RESPONSE_SUCCESS ? &p->body : NULL);
    pull_unhold(p);
    pull_end(p);
}

static void pull_drop(pull_t *p) {
    group_count(p->op.group, peer_is_gone(p->peer) ? GROUP_PULLS_INVALID : GROUP_PULLS_EXPIRED, 1);
    reply_drop(&p->reply);
    pull_unhold(p);
    pull_end(p);
}

/* Reading from the disk, on a reader thread, with the group waiting. */

static void pull_back(task_t *task) {
    pull_t *p = (pull_t *)((char *)task - offsetof(pull_t, back));
    group_continue(p->op.group);
}

static void pull_read(job_t *job) {
    pull_t *p = (pull_t *)((char *)job - offsetof(pull_t, job));
    p->found = pull_find(p, true);
    loop_post(worker_loop(group_home(p->op.group)), &p->back);
}

static step_t pull_read_disk(pull_t *p) {
    broker_t *b = group_broker(p->op.group);
    p->phase = PULL_READS_DISK;
    p->job.run = pull_read;
    p->back.run = pull_back;
    if (executor_submit(b->readers, &p->job) == APR_SUCCESS) return STEP_WAITS;
    int64_t suppressed;
    if (log_permit(&b->cold_limit, 60 * 1000000LL, &suppressed))
        log_warn(b->log, "more consumers read old messages than the disk serves: their pulls are answered as empty (%lld times)",
                 (long long)suppressed + 1);
    p->found = FOUND_NOTHING;
    return STEP_DONE;
}

static void pull_written(action_source_t *source) {
    pull_t *p = (pull_t *)((char *)source - offsetof(pull_t, source));
    group_continue(p->op.group);
}

/* Finds and writes down; ends with `found` FOUND_MESSAGES, FOUND_FILTERED or FOUND_NOTHING. Entered again after every wait. */
static step_t pull_attempt(pull_t *p) {
    group_t *g = p->op.group;
    for (;;) {
        switch (p->phase) {
        case PULL_FINDS:
            p->source.status = APR_SUCCESS; /* of an earlier try */
            p->found = pull_find(p, false);
            if (p->found == FOUND_COLD) {
                if (pull_read_disk(p) == STEP_WAITS) return STEP_WAITS;
                p->phase = PULL_FINDS;
                return STEP_DONE;
            }
            break;
        case PULL_READS_DISK:
            p->phase = PULL_FINDS;
            break;
        case PULL_WRITES:
            p->phase = PULL_FINDS;
            if (p->source.status != APR_SUCCESS) {
                group_count(g, GROUP_ACTION_ERRORS, 1);
                pull_forget(p);
                p->found = FOUND_NOTHING;
                return STEP_DONE;
            }
            if (p->new_next >= 0) group_set_next(g, p->new_next);
            if (p->found == FOUND_AGAIN) continue;
            return STEP_DONE;
        }
        if (p->action_count == 0) return STEP_DONE;
        p->phase = PULL_WRITES;
        p->source.actions = p->actions;
        p->source.count = p->action_count;
        p->source.appended = pull_written;
        p->source.wants_disk = broker_wants_disk(group_broker(g), group_subject_name(g));
        worker_add_actions(group_home(g), &p->source);
        return STEP_WAITS;
    }
}

/* Its client has given up by now. */
static bool pull_is_stale(const pull_t *p, int64_t now_us) {
    int64_t hold_us = p->timeout_ms > 0 ? p->timeout_ms * 1000 : 0;
    return peer_is_gone(p->peer) || now_us - p->arrived_us > hold_us + PULL_GRACE_US;
}

/* Holding. */

static void pull_hold_ended(loop_timer_t *timer) {
    pull_t *p = (pull_t *)((char *)timer - offsetof(pull_t, timer));
    group_count(p->op.group, GROUP_PULL_TIME_OUTS, 1);
    if (group_trying(p->op.group) == &p->held) {
        p->timed_out = true;
        return;
    }
    if (pull_is_stale(p, clock_mono_us()))
        pull_drop(p);
    else
        pull_answer(p, RESPONSE_NO_MESSAGE);
}

static bool pull_may_hold(pull_t *p) {
    broker_t *b = group_broker(p->op.group);
    if (p->timeout_ms <= 0 || clock_mono_us() >= p->deadline_us) return false;
    if (atomic_load(&b->stopping) || p->text_size > HELD_TEXT_MOST) return false;
    if (p->is_held || atomic_load_explicit(&b->parked_pulls, memory_order_relaxed) < broker_settings(b)->max_parked_pulls) return true;
    int64_t suppressed;
    if (log_permit(&b->parked_limit, 60 * 1000000LL, &suppressed))
        log_warn(b->log, "more than %d pulls wait for messages (pull.parked.max): further ones are answered at once (%lld times)",
                 broker_settings(b)->max_parked_pulls, (long long)suppressed + 1);
    return false;
}

static void pull_hold(pull_t *p) {
    group_t *g = p->op.group;
    poll_result_free(&p->result);
    group_count(g, GROUP_PULLS_SUSPENDED, 1);
    if (p->is_held) return;
    p->is_held = true;
    atomic_fetch_add_explicit(&group_broker(g)->parked_pulls, 1, memory_order_relaxed);
    group_hold(g, &p->held);
    p->timer.fire = pull_hold_ended;
    int64_t left = p->deadline_us - clock_mono_us();
    loop_timer_start(worker_loop(group_home(g)), &p->timer, left > 0 ? left : 0);
}

/* Waits for messages or, on a retry subject, for the time the next one is due. True when something came meanwhile, so that it pays to look
 * again at once. */
static bool pull_wait(pull_t *p) {
    group_t *g = p->op.group;
    int64_t seen = group_next(g);
    group_wait_for_messages(g);
    int64_t min, next;
    bool more = store_subject_bounds(group_subject(g), &min, &next) && next > seen;
    if (!more) return false;
    if (group_kind(g) != SUBJECT_RETRY || p->due_ms == 0) return true;
    int64_t wait_ms = p->due_ms - store_entry_now_ms(group_broker(g)->store);
    if (wait_ms < 0) wait_ms = 0;
    group_wake_in(g, (wait_ms + 1) * 1000);
    return false;
}

/* Answers when there is something to say; else holds. True when the pull stays held. */
static bool pull_conclude(pull_t *p) {
    if (p->found == FOUND_MESSAGES) {
        pull_answer(p, RESPONSE_SUCCESS);
        return false;
    }
    if (p->found == FOUND_FILTERED || p->timed_out || !pull_may_hold(p)) {
        pull_answer(p, RESPONSE_NO_MESSAGE);
        return false;
    }
    pull_hold(p);
    return true;
}

static step_t pull_run(operation_t *op) {
    pull_t *p = (pull_t *)op;
    if (p->phase == PULL_FINDS) {
        int64_t now = clock_mono_us();
        group_time(op->group, GROUP_PULL_QUEUE_TIME, p->arrived_us, now);
        if (pull_is_stale(p, now)) {
            pull_drop(p);
            return STEP_DONE;
        }
    }
    if (pull_attempt(p) == STEP_WAITS) return STEP_WAITS;
    group_t *g = p->op.group;
    bool failed = p->source.status != APR_SUCCESS;
    if (!pull_conclude(p) || !pull_wait(p) || failed) return STEP_DONE;
    /* Something came between the look and the registration: the held pulls are tried once more, this one among them. */
    group_wake_in(g, 0);
    return STEP_DONE;
}

/* The first held pull that finds nothing ends the round: those behind it would find nothing either. */
step_t pull_retry_held(group_t *g) {
    held_t *h = group_trying(g);
    if (h == NULL) h = group_held_first(g);
    while (h != NULL) {
        pull_t *p = (pull_t *)((char *)h - offsetof(pull_t, held));
        group_set_trying(g, h);
        if (p->phase == PULL_FINDS && peer_is_gone(p->peer)) {
            group_set_trying(g, NULL);
            pull_drop(p);
            h = group_held_first(g);
            continue;
        }
        if (pull_attempt(p) == STEP_WAITS) return STEP_WAITS;
        group_set_trying(g, NULL);
        bool failed = p->source.status != APR_SUCCESS;
        if (pull_conclude(p)) {
            if (pull_wait(p) && !failed && !p->looked_twice) {
                p->looked_twice = true;
                continue;
            }
            p->looked_twice = false;
            return STEP_DONE;
        }
        h = group_held_first(g);
    }
    return STEP_DONE;
}

void pull_answer_held(group_t *g) {
    if (group_trying(g) != NULL) return;
    held_t *h = group_held_first(g);
    while (h != NULL) {
        held_t *next = h->next;
        pull_answer((pull_t *)((char *)h - offsetof(pull_t, held)), RESPONSE_NO_MESSAGE);
        h = next;
    }
}

/* The request. */

static pull_t *pull_create(broker_t *b, connection_t *c, const frame_t *request, const pull_request_t *r) {
    size_t tags = r->has_tag_filter && tag_filter_is_active(&r->tag_filter) ? r->tag_filter.tags.size : 0;
    size_t env_key = b->sub_env == NULL ? 0 : sub_env_key(r, NULL);
    pull_t *p = memory_zalloc(sizeof *p + r->consumer_id.size + tags + env_key);
    p->op.run = pull_run;
    reply_to_init(&p->reply, c, request);
    p->peer = peer_of(c);
    p->arrived_us = clock_mono_us();
    p->timeout_ms = r->timeout_ms > INT32_MAX ? INT32_MAX : r->timeout_ms < 0 ? -1 : r->timeout_ms;
    p->deadline_us = p->arrived_us + p->timeout_ms * 1000;
    p->last = r->pull_offset_last;
    p->op.knows = p->last;
    p->request_num = r->request_num > PULL_MAX_REQUEST_NUM ? PULL_MAX_REQUEST_NUM : r->request_num;
    p->version = request->version;
    p->broadcast = r->broadcast;
    p->from_earliest = r->offset == PULL_OFFSET_EARLIEST;
    p->text_size = r->consumer_id.size + tags + env_key;
    memcpy(p->text, r->consumer_id.data, r->consumer_id.size);
    p->consumer_id = view_make(p->text, r->consumer_id.size);
    if (tags > 0) {
        p->filter = r->tag_filter;
        memcpy(p->text + r->consumer_id.size, r->tag_filter.tags.data, tags);
        p->filter.tags = view_make(p->text + r->consumer_id.size, tags);
    }
    if (env_key > 0) {
        (void)sub_env_key(r, p->text + r->consumer_id.size + tags);
        p->env_key = view_make(p->text + r->consumer_id.size + tags, env_key);
    }
    p->actions = &p->first_action;
    p->action_capacity = 1;
    chain_init(&p->body);
    poll_result_init(&p->result);
    p->new_next = -1;
    return p;
}

/* Un-acked messages of the group may have to move to its retry subject one day: that name must be storable too. */
static bool pull_names_are_servable(broker_t *b, const pull_request_t *r) {
    if (!pull_name_is_legal(r->subject) || !pull_name_is_legal(r->group) || !pull_name_is_legal(r->consumer_id)) return false;
    if (!subject_is_directory_name(r->subject)) return false;
    view_t real, group;
    subject_split(r->subject, &real, &group);
    if (r->broadcast || subject_kind(r->subject) != SUBJECT_NORMAL || subject_dead_name(real, r->group, NULL, 0) <= SUBJECT_MAX_BYTES)
        return true;
    int64_t suppressed;
    if (log_permit(&b->overflow_limit, 60 * 1000000LL, &suppressed))
        log_warn(b->log,
                 "pull of subject %.*s by group %.*s refused: the name of its retry or dead-letter subject would exceed %d bytes. Use "
                 "shorter names",
                 VIEW_ARG(r->subject), VIEW_ARG(r->group), SUBJECT_MAX_BYTES);
    return false;
}

/* Only subjects that exist have series of their own. */
static void pull_count_refused(broker_t *b, const pull_request_t *r, bool servable) {
    static const char other[] = "_other";
    bool known = store_subject_find(b->store, r->subject) != NULL;
    view_t subject = known ? r->subject : view_of(other), group = known ? r->group : view_of(other);
    refused_figure_add(b->metrics, subject, group, GROUP_PULL_REQUESTS, 1);
    refused_figure_add(b->metrics, subject, group, GROUP_PULL_REQUEST_RATE, 1);
    refused_figure_add(b->metrics, subject, group, GROUP_PULLED_NOTHING, 1);
    if (r->request_num <= 0) refused_figure_add(b->metrics, subject, group, GROUP_NON_POSITIVE_NUMS, 1);
    if (!servable) refused_figure_add(b->metrics, subject, group, GROUP_PULL_PARAM_ERRORS, 1);
}

void pull_command(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    broker_t *b = arg;
    (void)block;
    pull_request_t r;
    if (!pull_request_read(request->body, request->version, &r)) {
        connection_reply(c, request, RESPONSE_BROKER_ERROR, NULL);
        return;
    }
    if (r.request_num <= 0 && broker_settings(b)->allow_non_positive_request_num) r.request_num = PULL_DEFAULT_NUM;
    bool servable = pull_names_are_servable(b, &r);
    group_t *g = r.request_num <= 0 || !servable ? NULL : group_get(b, r.subject, r.group);
    if (g == NULL || group_is_crowded(g)) {
        pull_count_refused(b, &r, servable);
        connection_reply(c, request, RESPONSE_NO_MESSAGE, NULL);
        return;
    }
    group_count(g, GROUP_PULL_REQUESTS, 1);
    group_count(g, GROUP_PULL_REQUEST_RATE, 1);
    if (!r.broadcast) {
        consumer_seen(g, r.consumer_id);
        if (group_takes_gauges(g)) gauges_add_group(g);
    }
    group_submit(g, &pull_create(b, c, request, &r)->op, broker_current_worker(b));
}
