#include "broker/pull_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "protocol/codes.h"

/* After looking at so many messages in vain the search goes on in a thread that may take its time: no loop is held hostage. */
#define LOOKS_ON_LOOP 2000

void pull_forget(pull_t *p) {
    chain_clear(&p->body);
    p->messages = 0;
    poll_result_clear(&p->result);
    p->action_count = 0;
    p->new_next = -1;
    p->due_ms = 0;
}

static store_action_t *pull_add_action(pull_t *p, action_type_t type) {
    if (p->action_count == p->action_capacity) {
        size_t capacity = p->action_capacity * 2;
        store_action_t *actions = memory_alloc(capacity * sizeof *actions);
        memcpy(actions, p->actions, p->action_count * sizeof *actions);
        if (p->actions != &p->first_action) memory_free(p->actions);
        p->actions = actions;
        p->action_capacity = capacity;
    }
    store_action_t *a = &p->actions[p->action_count++];
    memset(a, 0, sizeof *a);
    a->type = type;
    a->group = group_progress(p->op.group);
    a->consumer_id = p->consumer_id;
    a->time_ms = clock_wall_ms();
    a->broadcast = p->broadcast;
    return a;
}

static void pull_add_pulled(pull_t *p, int64_t first_pull, int64_t first_message, int64_t count) {
    store_action_t *a = pull_add_action(p, ACTION_PULL);
    a->first_pull = first_pull;
    a->last_pull = first_pull + count - 1;
    a->first_message = first_message;
    a->last_message = first_message + count - 1;
}

static void pull_add_acked(pull_t *p, int64_t first, int64_t last) {
    store_action_t *a = pull_add_action(p, ACTION_RANGE_ACK);
    a->first_pull = first;
    a->last_pull = last;
}

static void body_head(pull_t *p, int64_t first_pull) {
    uint8_t *head = chain_append_room(&p->body, PULL_RESPONSE_HEAD);
    put_u64(head, (uint64_t)first_pull);
    put_u64(head + 8, UINT64_MAX);
}

/* Versions below 8 get the message without its tag section; the flag byte stays (wire-protocol.md 7.6). */
static void body_message(pull_t *p, const slice_t *payload) {
    p->messages++;
    if (p->version < VERSION_8) {
        message_t m;
        cursor_t c = cursor_make(payload->data, payload->size);
        if (message_parse(&c, &m) && m.tag_size > 0) {
            slice_t front = {payload->data, m.tag_offset, payload->owner};
            size_t rest = m.tag_offset + m.tag_size;
            slice_t back = {payload->data + rest, payload->size - rest, payload->owner};
            chain_append_slice(&p->body, front);
            chain_append_slice(&p->body, back);
            return;
        }
    }
    chain_append_slice(&p->body, *payload);
}

static bool pull_filters(const pull_t *p) {
    return p->env_key.size > 0 || tag_filter_is_active(&p->filter);
}

static bool pull_wants(const pull_t *p, const slice_t *payload) {
    if (!pull_filters(p)) return true;
    message_t m;
    cursor_t c = cursor_make(payload->data, payload->size);
    if (!message_parse(&c, &m)) return false;
    if (p->env_key.size > 0 && !sub_env_matches(p->rule, &m)) return false;
    return !tag_filter_is_active(&p->filter) || tag_filter_matches(&p->filter, &m);
}

static apr_status_t pull_poll(pull_t *p, int64_t from, int max, bool strict, int64_t entries_before_ms, bool may_block) {
    broker_t *b = group_broker(p->op.group);
    poll_options_t o = {from, max, broker_settings(b)->pull_answer_max_bytes, strict, entries_before_ms, may_block};
    poll_result_clear(&p->result);
    return store_poll(b->store, group_subject(p->op.group), &o, &p->result);
}

/* One un-acked message by its pull sequence into the body. */
static found_t unacked_message(pull_t *p, int64_t pull_sequence, bool may_block) {
    int64_t sequence = p->broadcast ? pull_sequence : store_pull_lookup(group_progress(p->op.group), p->consumer_id, pull_sequence);
    if (sequence < 0) return FOUND_NOTHING;
    apr_status_t rv = pull_poll(p, sequence, 1, true, INT64_MAX, may_block);
    if (rv == QMQ_E_COLD) return FOUND_COLD;
    if (rv != APR_SUCCESS || p->result.count != 1 || p->result.messages[0].sequence != sequence) {
        group_count(p->op.group, GROUP_READ_ERRORS, 1);
        return FOUND_NOTHING;
    }
    const slice_t *payload = &p->result.messages[0].payload;
    if (!pull_wants(p, payload)) return FOUND_NOTHING;
    if (p->body.bytes == 0) body_head(p, pull_sequence);
    body_message(p, payload);
    return FOUND_MESSAGES;
}

/* What the filter of a broadcast consumer leaves out counts as pulled too: nothing to report then. */
static void report_unreadable(const pull_t *p, int64_t first, int64_t last) {
    broker_t *b = group_broker(p->op.group);
    int64_t suppressed;
    if ((p->broadcast && pull_filters(p)) || !log_permit(&b->unreadable_limit, 1000000, &suppressed)) return;
    log_warn(b->log,
             "nothing is left of pulled messages %lld..%lld of subject %.*s, group %.*s, consumer %.*s: acknowledging them on its behalf "
             "(%lld like it before)",
             (long long)first, (long long)last, VIEW_ARG(group_subject_name(p->op.group)), VIEW_ARG(group_name(p->op.group)),
             VIEW_ARG(p->consumer_id), (long long)suppressed);
}

/* broker.md 6.4 A, with the right behaviour of BUG-12. */
static found_t find_unacked(pull_t *p, bool may_block) {
    int64_t pulled, acked;
    store_consumer_position(group_progress(p->op.group), p->consumer_id, &pulled, &acked);
    int64_t low = p->last > acked ? p->last : acked;
    if (pulled <= low) return FOUND_NOTHING;
    size_t limit = broker_settings(group_broker(p->op.group))->pull_answer_max_bytes;
    int64_t first = -1;
    int count = 0;
    for (int64_t sequence = low + 1; sequence <= pulled && count < p->request_num && p->body.bytes < limit; sequence++) {
        found_t found = unacked_message(p, sequence, may_block);
        if (found == FOUND_COLD) return FOUND_COLD;
        if (found == FOUND_MESSAGES) {
            if (count++ == 0) first = sequence;
        } else if (count > 0) {
            break;
        } else if (!may_block && sequence - low >= LOOKS_ON_LOOP) {
            return FOUND_COLD;
        }
    }
    if (count > 0) {
        group_count(p->op.group, GROUP_FOUND_LOST, count);
        if (low == acked && first > low + 1) pull_add_acked(p, low + 1, first - 1);
        return FOUND_MESSAGES;
    }
    if (low != acked) return FOUND_NOTHING;
    group_count(p->op.group, GROUP_FOUND_LOST_EMPTY, 1);
    report_unreadable(p, low + 1, pulled);
    pull_add_acked(p, low + 1, pulled);
    return FOUND_AGAIN;
}

/* Where the group stands. One nobody knew is written down at once, so that a restart does not make it skip what is sent meanwhile (BUG-31);
 * a reset may have given it its place before. */
static found_t find_position(pull_t *p) {
    group_t *g = p->op.group;
    int64_t next;
    if (group_position(g, p->from_earliest, &next)) {
        group_set_next(g, next);
        return FOUND_NOTHING;
    }
    log_info(group_broker(g)->log, "new group %.*s of subject %.*s starts at message %lld", VIEW_ARG(group_name(g)),
             VIEW_ARG(group_subject_name(g)), (long long)next);
    int64_t consumer_pulled, acked;
    store_consumer_position(group_progress(g), p->consumer_id, &consumer_pulled, &acked);
    pull_add_pulled(p, p->broadcast ? next : consumer_pulled + 1, next, 0);
    /* A broadcast consumer counts in message sequences: what was there before it came is none of its business. */
    if (p->broadcast && next > 0) pull_add_acked(p, 0, next - 1);
    p->new_next = next;
    return FOUND_AGAIN;
}

/* Without a filter everything read is handed out as one run. */
static void hand_out_all(pull_t *p, int64_t first_pull) {
    size_t count = p->result.count;
    int64_t first = p->result.last - (int64_t)count + 1;
    if (first != p->result.first) group_count(p->op.group, GROUP_RANGE_ERRORS, 1);
    if (p->broadcast) first_pull = first;
    body_head(p, first_pull);
    for (size_t i = 0; i < count; i++) body_message(p, &p->result.messages[i].payload);
    pull_add_pulled(p, first_pull, first, (int64_t)count);
    p->new_next = p->result.last + 1;
}

/* Runs of matching messages, one action each, then one for the tail that was filtered away (broker.md 6.4 B5). A broadcast answer ends with
 * its first run (BUG-16). */
static found_t hand_out_matching(pull_t *p, int64_t first_pull) {
    size_t count = p->result.count;
    int64_t first = p->result.last - (int64_t)count + 1;
    size_t i = 0;
    bool any = false;
    while (i < count) {
        while (i < count && !pull_wants(p, &p->result.messages[i].payload)) i++;
        size_t begin = i;
        if (begin == count) break;
        if (p->broadcast) first_pull = first + (int64_t)begin;
        if (!any) body_head(p, first_pull);
        any = true;
        while (i < count && pull_wants(p, &p->result.messages[i].payload)) body_message(p, &p->result.messages[i++].payload);
        pull_add_pulled(p, first_pull, first + (int64_t)begin, (int64_t)(i - begin));
        first_pull += (int64_t)(i - begin);
        p->new_next = first + (int64_t)i;
        if (p->broadcast) return FOUND_MESSAGES;
    }
    int64_t end = p->result.last + 1;
    if (p->new_next != end) {
        group_count(p->op.group, GROUP_RANGE_ERRORS, 1);
        pull_add_pulled(p, p->broadcast ? end : first_pull, end, 0);
        p->new_next = end;
    }
    return any ? FOUND_MESSAGES : FOUND_FILTERED;
}

/* A message of a retry subject is there but too young: when will it be old enough? */
static found_t retry_due(pull_t *p, bool may_block) {
    int64_t min, next;
    group_t *g = p->op.group;
    if (!store_subject_bounds(group_subject(g), &min, &next) || group_next(g) >= next) return FOUND_NOTHING;
    apr_status_t rv = pull_poll(p, group_next(g), 1, false, INT64_MAX, may_block);
    if (rv == QMQ_E_COLD) return FOUND_COLD;
    if (rv == APR_SUCCESS && p->result.count > 0)
        p->due_ms = p->result.messages[0].entry_time_ms + broker_settings(group_broker(g))->retry_delay_ms;
    return FOUND_NOTHING;
}

/* broker.md 6.4 B. */
static found_t find_new(pull_t *p, bool may_block) {
    group_t *g = p->op.group;
    found_t found = find_position(p);
    if (found != FOUND_NOTHING) return found;
    int64_t begin = group_next(g);
    bool retry = group_kind(g) == SUBJECT_RETRY;
    int64_t before = retry ? store_entry_now_ms(group_broker(g)->store) - broker_settings(group_broker(g))->retry_delay_ms : INT64_MAX;
    for (;;) {
        int64_t from = group_next(g);
        apr_status_t rv = pull_poll(p, from, p->request_num, false, before, may_block);
        if (rv == QMQ_E_COLD) return FOUND_COLD;
        if (rv != APR_SUCCESS) {
            group_count(g, GROUP_FIND_ERRORS, 1);
            int64_t suppressed;
            if (log_permit(&group_broker(g)->unreadable_limit, 1000000, &suppressed))
                log_error(group_broker(g)->log, "cannot read subject %.*s from message %lld", VIEW_ARG(group_subject_name(g)),
                          (long long)from);
            return FOUND_NOTHING;
        }
        if (p->result.first > from && from >= 0 && group_kind(g) == SUBJECT_NORMAL) group_count(g, GROUP_EXPIRED, p->result.first - from);
        if (p->result.count > 0) break;
        if (p->result.status == POLL_OFFSET_OVERFLOW) {
            group_count(g, GROUP_OVERFLOWS, 1);
            log_warn(group_broker(g)->log, "group %.*s of subject %.*s stood at message %lld, beyond the end %lld: corrected",
                     VIEW_ARG(group_name(g)), VIEW_ARG(group_subject_name(g)), (long long)from, (long long)p->result.next_begin);
        }
        group_set_next(g, p->result.next_begin);
        if (p->result.next_begin <= from) return retry ? retry_due(p, may_block) : FOUND_NOTHING;
        if (!may_block && p->result.next_begin - begin >= LOOKS_ON_LOOP) return FOUND_COLD;
    }
    int64_t pulled, acked;
    store_consumer_position(group_progress(g), p->consumer_id, &pulled, &acked);
    int64_t read = clock_mono_us();
    found = FOUND_MESSAGES;
    if (pull_filters(p))
        found = hand_out_matching(p, pulled + 1);
    else
        hand_out_all(p, pulled + 1);
    group_time(g, GROUP_READ_TIME, read, clock_mono_us());
    return found;
}

found_t pull_find(pull_t *p, bool may_block) {
    pull_forget(p);
    if (p->env_key.size > 0) {
        sub_env_release(p->rule);
        p->rule = sub_env_rule(group_broker(p->op.group)->sub_env, p->env_key);
    }
    int64_t began = clock_mono_us();
    found_t found = find_unacked(p, may_block);
    int64_t looked = clock_mono_us();
    group_time(p->op.group, GROUP_FIND_LOST_TIME, began, looked);
    if (found == FOUND_NOTHING) {
        found = find_new(p, may_block);
        group_time(p->op.group, GROUP_FIND_NEW_TIME, looked, clock_mono_us());
    }
    if (found == FOUND_COLD || found == FOUND_NOTHING) {
        int64_t due = p->due_ms;
        pull_forget(p);
        p->due_ms = due;
    }
    return found;
}
