#include "client/source.h"

#include "base/memory.h"
#include "client/received.h"
#include "protocol/ack.h"
#include "protocol/codes.h"
#include "protocol/pull.h"

#define PULL_PATIENCE_MS 8000
#define LEAST_PULL_PATIENCE_MS 5000
#define ACK_PATIENCE_US (10 * SECOND_US)
#define UNAVAILABLE_PAUSE_US (100 * MILLISECOND_US)
#define FIRST_PAUSE_US (100 * MILLISECOND_US)
#define MOST_PAUSE_US (2 * SECOND_US)
#define FLUSH_US (200 * MILLISECOND_US)
#define ACK_AGAIN_US SECOND_US

/* A request under way; outlives its source. */
typedef struct source_call {
    source_t *source; /* NULL: nobody wants the answer any more */
    broker_group_t *group;
} source_call_t;

static void send_next_ack(source_t *s);

static subscription_t *subscription_of(const source_t *s) {
    return s->entry->subscription;
}

static qmq_client_t *client_of(const source_t *s) {
    return s->entry->subscription->client;
}

source_t *source_find(const entry_t *e, const char *broker_group) {
    for (source_t *s = e->sources; s != NULL; s = s->next) {
        if (strcmp(s->broker_group, broker_group) == 0) return s;
    }
    return NULL;
}

static void on_pull_timer(loop_timer_t *timer) {
    source_step((source_t *)(void *)((char *)timer - offsetof(source_t, pull_timer)));
}

static void on_ack_timer(loop_timer_t *timer) {
    source_flush((source_t *)(void *)((char *)timer - offsetof(source_t, ack_timer)));
}

source_t *source_get(entry_t *e, const char *broker_group) {
    source_t *s = source_find(e, broker_group);
    if (s != NULL) return s;
    s = memory_zalloc(sizeof *s);
    s->entry = e;
    s->broker_group = memory_strdup(broker_group);
    s->pause_us = FIRST_PAUSE_US;
    s->weight = 100;
    s->pull_timer.fire = on_pull_timer;
    s->ack_timer.fire = on_ack_timer;
    ack_queue_init(&s->acks, e->subscription->options.batch);
    s->next = e->sources;
    e->sources = s;
    return s;
}

void source_free(source_t *s) {
    if (s->pull != NULL) s->pull->source = NULL;
    if (s->ack != NULL) s->ack->source = NULL;
    loop_timer_stop(client_of(s)->loop, &s->pull_timer);
    loop_timer_stop(client_of(s)->loop, &s->ack_timer);
    ack_queue_free(&s->acks);
    memory_free(s->broker_group);
    memory_free(s);
}

static source_call_t *begin_call(source_t *s, broker_group_t *g) {
    source_call_t *call = memory_zalloc(sizeof *call);
    call->source = s;
    call->group = g;
    broker_group_retain(g);
    return call;
}

static void end_call(source_call_t *call) {
    broker_group_release(call->group);
    memory_free(call);
}

/* ---- pulling */

static broker_group_t *group_of(const source_t *s) {
    return route_find(s->entry->route, s->broker_group);
}

bool source_can_pull(const source_t *s) {
    const subscription_t *sub = subscription_of(s);
    broker_group_t *g = group_of(s);
    if (sub->stopping || s->pull != NULL || !subscription_is_online(sub) || g == NULL) return false;
    return broker_group_is_available(g, loop_now_us(sub->client->loop));
}

static void pause_pulls(source_t *s, int64_t us) {
    if (subscription_of(s)->pushes) loop_timer_start(client_of(s)->loop, &s->pull_timer, us);
}

/* Longer and longer while nothing works. */
static void pause_after_failure(source_t *s) {
    pause_pulls(s, s->pause_us);
    s->pause_us = s->pause_us * 2 > MOST_PAUSE_US ? MOST_PAUSE_US : s->pause_us * 2;
}

/* Number of messages, -1 when it failed. */
static int take_answer(source_t *s, source_call_t *call, const frame_t *response) {
    int count = 0;
    breaker_succeeded(&call->group->breaker);
    switch (response->code) {
    case RESPONSE_SUCCESS:
        count = received_take(s, response->body);
        break;
    case RESPONSE_NO_MESSAGE:
        break;
    case RESPONSE_BROKER_REJECT:
        broker_group_reject(call->group, loop_now_us(client_of(s)->loop));
        route_refresh(s->entry->route);
        count = -1;
        break;
    default:
        client_log(client_of(s), QMQ_LOG_WARN, "broker group %s answered a pull of %s with code %d", s->broker_group, s->entry->subject,
                   response->code);
        count = -1;
        break;
    }
    if (count >= 0) {
        s->pause_us = FIRST_PAUSE_US;
        s->subscribed = true;
    } else {
        pause_after_failure(s);
    }
    return count;
}

static void take_failure(source_t *s, source_call_t *call, apr_status_t status) {
    breaker_failed(&call->group->breaker, loop_now_us(client_of(s)->loop));
    if (status == APR_TIMEUP) return; /* the next pull follows at once, with the same offsets */
    route_refresh(s->entry->route);
    pause_after_failure(s);
}

static void on_pull_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    (void)block;
    source_call_t *call = arg;
    source_t *s = call->source;
    if (s != NULL) {
        subscription_t *sub = subscription_of(s);
        int count = -1;
        s->pull = NULL;
        if (status == APR_SUCCESS) {
            count = take_answer(s, call, response);
        } else {
            take_failure(s, call, status);
        }
        sub->progressed(sub->owner);
        if (s->pulled != NULL && call->source != NULL) s->pulled(sub->owner, s, count);
        if (call->source != NULL) source_step(s);
    }
    end_call(call);
}

/* Where the group begins when the broker does not know it yet. Messages of the retry subject are all meant for the group, also those stored
 * before its first pull there. */
static int64_t first_offset(const source_t *s) {
    return s->entry->is_retry || subscription_of(s)->options.from == QMQ_FROM_EARLIEST ? PULL_OFFSET_EARLIEST : PULL_OFFSET_UNUSED;
}

/* Looked up under the subject as it is pulled, as the original does. */
static int64_t patience_us(const source_t *s) {
    return subject_config_get(&client_of(s)->subject_config, s->entry->subject, "_pullRequestTimeout", LEAST_PULL_PATIENCE_MS, INT32_MAX,
                              PULL_PATIENCE_MS) *
           MILLISECOND_US;
}

void source_pull(source_t *s, int count, int64_t wait_ms) {
    subscription_t *sub = subscription_of(s);
    broker_group_t *g = group_of(s);
    pull_request_t q = {.subject = view_of(s->entry->subject),
                        .group = view_of(sub->group),
                        .consumer_id = view_of(sub->client->id),
                        .request_num = count,
                        .offset = first_offset(s),
                        .pull_offset_begin = s->acks.min,
                        .pull_offset_last = s->acks.max,
                        .timeout_ms = wait_ms,
                        .broadcast = sub->options.broadcast,
                        .has_sub_env = *sub->client->env != 0,
                        .env = view_of(sub->client->env),
                        .sub_env = view_of(sub->client->sub_env),
                        .has_tag_filter = sub->pushes,
                        .tag_filter = {.type = (int16_t)(sub->tag_count == 0 ? TAG_NONE : (int)sub->options.tag_mode),
                                       .count = sub->tag_count,
                                       .tags = view_make(sub->tags, sub->tags_size)}};
    q.has_tag_filter = q.has_tag_filter || sub->tag_count > 0;
    writer_t w;
    writer_init(&w, 256);
    pull_request_write(&w, VERSION_CURRENT, &q);
    s->pull = begin_call(s, g);
    s->acks.batch = subscription_batch(sub);
    client_request(sub->client, g->master, REQUEST_PULL_MESSAGE, patience_us(s) + (wait_ms > 0 ? wait_ms * MILLISECOND_US : 0), &w,
                   on_pull_answer, s->pull);
}

void source_step(source_t *s) {
    subscription_t *sub = subscription_of(s);
    if (!sub->pushes || loop_timer_active(&s->pull_timer)) return;
    if (!source_can_pull(s)) {
        /* Only unavailability ends by time alone; all else comes with an event. */
        if (!sub->stopping && s->pull == NULL && subscription_is_online(sub) && group_of(s) != NULL) pause_pulls(s, UNAVAILABLE_PAUSE_US);
        return;
    }
    if ((int64_t)s->acks.outstanding > subscription_max_unacked(sub)) return;
    /* The first one is answered at once: from then on the group is known at the broker. */
    source_pull(s, subscription_batch(sub), s->subscribed ? subscription_poll_ms(sub) : -1);
}

/* ---- acknowledging */

static void write_ack(const source_t *s, writer_t *w, int64_t begin, int64_t last) {
    const subscription_t *sub = subscription_of(s);
    ack_request_t q = {.subject = view_of(s->entry->subject),
                       .group = view_of(sub->group),
                       .consumer_id = view_of(sub->client->id),
                       .pull_offset_begin = begin,
                       .pull_offset_last = last,
                       .broadcast = begin >= 0 && sub->options.broadcast};
    writer_init(w, 128);
    ack_request_write(w, VERSION_CURRENT, &q);
}

static void on_ack_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    (void)block;
    source_call_t *call = arg;
    source_t *s = call->source;
    if (s != NULL) {
        subscription_t *sub = subscription_of(s);
        s->ack = NULL;
        if (status == APR_SUCCESS && response->code == RESPONSE_SUCCESS) {
            ack_queue_sent(&s->acks);
            send_next_ack(s);
            source_step(s);
        } else {
            route_refresh(s->entry->route);
            loop_timer_start(sub->client->loop, &s->ack_timer, ACK_AGAIN_US);
        }
        sub->progressed(sub->owner);
    }
    end_call(call);
}

/* One at a time, the oldest range first. */
static void send_next_ack(source_t *s) {
    const ack_range_t *range = ack_queue_next(&s->acks);
    broker_group_t *g = group_of(s);
    if (range == NULL || s->ack != NULL || g == NULL) return;
    writer_t w;
    write_ack(s, &w, range->begin, range->last);
    s->ack = begin_call(s, g);
    client_request(client_of(s), g->master, REQUEST_ACK, ACK_PATIENCE_US, &w, on_ack_answer, s->ack);
}

void source_finish(qmq_message_t *m) {
    source_t *s = m->source;
    ack_queue_complete(&s->acks, m->ack);
    qmq_message_destroy(m);
    if (subscription_of(s)->stopping) ack_queue_flush(&s->acks);
    send_next_ack(s);
    if (ack_queue_has_finished(&s->acks) && !loop_timer_active(&s->ack_timer))
        loop_timer_start(client_of(s)->loop, &s->ack_timer, FLUSH_US);
}

void source_flush(source_t *s) {
    ack_queue_flush(&s->acks);
    send_next_ack(s);
}

static void on_heartbeat_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    (void)arg, (void)status, (void)response, (void)block; /* the next one comes anyway */
}

void source_heartbeat(source_t *s) {
    bool was_busy = s->ack != NULL;
    source_flush(s);
    broker_group_t *g = group_of(s);
    if ((s->ack != NULL && !was_busy) || g == NULL) return;
    writer_t w;
    write_ack(s, &w, -1, -1);
    client_request(client_of(s), g->master, REQUEST_ACK, ACK_PATIENCE_US, &w, on_heartbeat_answer, NULL);
}

bool source_is_settled(const source_t *s) {
    return !ack_queue_has_finished(&s->acks) && ack_queue_next(&s->acks) == NULL;
}
