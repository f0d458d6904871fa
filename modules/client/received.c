#include "client/received.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "protocol/pull.h"

#define LOUD_ATTEMPTS 5

static qmq_message_t *take_one(source_t *s, const message_t *wire, int64_t offset, int64_t now_ms) {
    subscription_t *sub = s->entry->subscription;
    qmq_message_t *m = message_decode(wire, sub->subject, now_ms);
    m->pull_offset = offset;
    m->broker_group = memory_strdup(s->broker_group);
    m->source = s;
    m->ack = ack_queue_append(&s->acks, offset);
    m->subscription = sub;
    subscription_retain(sub);
    return m;
}

/* Another group's delayed retry, or bytes that nobody can read. A dead letter names the group that failed; whoever consumes it is meant. */
static bool is_to_be_dropped(const qmq_message_t *m) {
    const attribute_t *only = message_find(m, view_of(KEY_ONLY_GROUP));
    if (m->subscription->options.most_once && m->attempt > 1) return true;
    if (m->corrupt) {
        client_log(m->subscription->client, QMQ_LOG_WARN, "message %s of subject %s has attributes that cannot be read and is skipped",
                   m->id, m->subject);
        return true;
    }
    return !m->subscription->is_dead_letter && only != NULL && only->value_size > 0 && strcmp(only->value, m->subscription->group) != 0;
}

static void complete_attributes(qmq_message_t *m) {
    message_put_i64(m, "qmq_pullOffset", m->pull_offset);
    if (message_find_i64(m, KEY_MAX_RETRY, -1) < 0) message_put_i64(m, KEY_MAX_RETRY, subscription_max_retry(m->subscription));
    if (message_find(m, view_of(KEY_CREATE_TIME)) == NULL) message_put_i64(m, KEY_CREATE_TIME, m->created_ms);
    message_put(m, view_of(KEY_ONLY_GROUP), view_of(m->subscription->group));
    if (m->attempt > LOUD_ATTEMPTS)
        client_log(m->subscription->client, QMQ_LOG_INFO, "message %s of subject %s is delivered for the %dth time", m->id, m->subject,
                   m->attempt);
}

/* Before any handler sees them; what the handlers say does not matter any more. */
static void acknowledge_before(qmq_message_t *list) {
    for (qmq_message_t *m = list; m != NULL; m = m->next) {
        ack_queue_complete(&m->source->acks, m->ack);
        m->ack = NULL;
    }
}

int received_take(source_t *s, view_t body) {
    subscription_t *sub = s->entry->subscription;
    qmq_message_t *kept = NULL, **last_kept = &kept;
    qmq_message_t *dropped = NULL, **last_dropped = &dropped;
    int64_t offset = 0;
    int64_t now_ms = clock_wall_ms();
    int count = 0;
    cursor_t c = cursor_of(body);
    if (body.size == 0) return 0;
    if (!pull_response_read_head(&c, &offset)) return -1;
    message_t wire;
    while (cursor_left(&c) > 0 && message_parse(&c, &wire)) {
        qmq_message_t *m = take_one(s, &wire, offset++, now_ms);
        bool drop = is_to_be_dropped(m);
        if (!drop) complete_attributes(m);
        qmq_message_t ***last = drop ? &last_dropped : &last_kept;
        **last = m;
        *last = &m->next;
        count++;
    }
    if (c.failed)
        client_log(sub->client, QMQ_LOG_ERROR, "broker group %s sent an answer that ends in the middle of a message of %s", s->broker_group,
                   s->entry->subject);
    while (dropped != NULL) {
        qmq_message_t *next = dropped->next;
        source_finish(dropped);
        dropped = next;
    }
    if (sub->options.most_once) {
        acknowledge_before(kept);
        source_flush(s);
    }
    if (kept != NULL) sub->deliver(sub->owner, kept);
    return c.failed && count == 0 ? -1 : count;
}
