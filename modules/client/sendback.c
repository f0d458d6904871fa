#include "client/sendback.h"

#include "base/memory.h"
#include "client/source.h"
#include "portability/clock.h"
#include "protocol/codes.h"
#include "protocol/send.h"
#include "protocol/subject.h"

#define ANSWER_US (5 * SECOND_US)
#define AGAIN_US (5 * SECOND_US)
#define NO_ROUTE_US (200 * MILLISECOND_US)
#define ROUNDS_AT_ONCE 2
#define MOST_WAITS 10

typedef struct sendback {
    struct sendback *next;
    struct sendback **link;
    subscription_t *subscription; /* NULL: given up while a request was under way */
    qmq_client_t *client;
    qmq_message_t *original;
    qmq_message_t *copy;
    char *subject;
    route_t *route;
    loop_timer_t timer;
    broker_group_t *group; /* asked now */
    size_t tries;
    bool delayed; /* to a delay server, in the real subject */
    int waits;    /* for the first answer about delay servers */
} sendback_t;

static char *dead_name(const char *subject, const char *group) {
    size_t size = subject_dead_name(view_of(subject), view_of(group), NULL, 0);
    char *name = memory_zalloc(size + 1);
    (void)subject_dead_name(view_of(subject), view_of(group), name, size);
    return name;
}

static bool has_try_left(const subscription_t *s, const qmq_message_t *m) {
    return (int64_t)m->attempt + 1 <= message_find_i64(m, KEY_MAX_RETRY, subscription_max_retry(s)) && !s->is_dead_letter;
}

char *sendback_subject(const subscription_t *s, const qmq_message_t *m) {
    return has_try_left(s, m) ? memory_strdup(s->entries[1].subject) : dead_name(s->real_subject, s->real_group);
}

/* A time worth a delay server, and a try that is left. */
static bool is_for_later(const subscription_t *s, const qmq_message_t *m) {
    return m->retry_ms >= clock_wall_ms() + MESSAGE_LEAST_DELAY_MS && has_try_left(s, m);
}

static void unlink_it(sendback_t *b) {
    *b->link = b->next;
    if (b->next != NULL) b->next->link = b->link;
}

static void free_sendback(sendback_t *b) {
    loop_timer_stop(b->client->loop, &b->timer);
    broker_group_release(b->group);
    qmq_message_destroy(b->copy);
    memory_free(b->subject);
    memory_free(b);
}

static void give_up(sendback_t *b) {
    unlink_it(b);
    route_release(b->route);
    qmq_message_destroy(b->original);
    b->original = NULL;
    b->subscription = NULL;
    if (b->group == NULL) free_sendback(b);
}

void sendback_abandon(subscription_t *s) {
    while (s->sendbacks != NULL) give_up(s->sendbacks);
}

static void finish(sendback_t *b) {
    subscription_t *s = b->subscription;
    qmq_message_t *original = b->original;
    unlink_it(b);
    route_release(b->route);
    free_sendback(b);
    source_finish(original);
    s->progressed(s->owner);
}

/* The copy is stored; a broker that has it already is as good. *rejected: the broker takes nothing now. */
static bool is_stored(const frame_t *response, bool *rejected) {
    *rejected = response->code == RESPONSE_BROKER_REJECT;
    if (response->code != RESPONSE_SUCCESS) return false;
    cursor_t c = cursor_of(response->body);
    send_result_t r;
    while (send_result_next(&c, &r)) {
        *rejected = r.code == SEND_READ_ONLY;
        if (r.code != SEND_SUCCESS && r.code != SEND_DUPLICATE) return false;
    }
    return !c.failed;
}

static void try_now(sendback_t *b);

static void go_to(sendback_t *b, int client_type, char *subject) {
    route_release(b->route);
    memory_free(b->subject);
    b->subject = subject;
    b->tries = 0;
    b->delayed = client_type == CLIENT_DELAY_PRODUCER;
    b->route = route_acquire(b->client, client_type, subject, "");
}

/* Delay servers are asked once each; without one that takes it, it goes the way of any failed message. */
static void plan_delayed(sendback_t *b) {
    if (b->route->count == 0 && b->waits++ < MOST_WAITS) {
        loop_timer_start(b->client->loop, &b->timer, NO_ROUTE_US);
    } else if (b->tries < b->route->count) {
        try_now(b);
    } else {
        go_to(b, CLIENT_PRODUCER, sendback_subject(b->subscription, b->original));
        try_now(b);
    }
}

static void plan_next(sendback_t *b) {
    if (b->delayed) {
        plan_delayed(b);
        return;
    }
    if (b->route->count > 0 && b->tries < ROUNDS_AT_ONCE * b->route->count) {
        try_now(b);
    } else {
        loop_timer_start(b->client->loop, &b->timer, b->route->count == 0 ? NO_ROUTE_US : AGAIN_US);
    }
}

static void on_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    (void)block;
    sendback_t *b = arg;
    bool rejected = false;
    if (b->subscription == NULL) {
        free_sendback(b);
        return;
    }
    bool stored = status == APR_SUCCESS && is_stored(response, &rejected);
    if (rejected) broker_group_reject(b->group, loop_now_us(b->client->loop));
    broker_group_release(b->group);
    b->group = NULL;
    if (stored) {
        finish(b);
        return;
    }
    client_log(b->client, QMQ_LOG_WARN, "message %s could not be stored in %s; it is tried again", b->copy->id, b->subject);
    route_refresh(b->route);
    plan_next(b);
}

static void try_now(sendback_t *b) {
    int64_t now_ms = clock_wall_ms();
    broker_group_t *g = broker_groups_pick_random(b->route->groups, b->route->count, loop_now_us(b->client->loop));
    if (g == NULL) {
        plan_next(b);
        return;
    }
    writer_t w;
    writer_init(&w, 1024);
    message_encode(&w, b->copy, b->subject, b->delayed, now_ms);
    b->tries++;
    b->group = g;
    broker_group_retain(g);
    client_request(b->client, g->master, REQUEST_SEND_MESSAGE, ANSWER_US, &w, on_answer, b);
}

static void on_timer(loop_timer_t *timer) {
    try_now((sendback_t *)(void *)((char *)timer - offsetof(sendback_t, timer)));
}

void sendback_start(qmq_message_t *m) {
    subscription_t *s = m->subscription;
    sendback_t *b = memory_zalloc(sizeof *b);
    b->subscription = s;
    b->client = s->client;
    b->original = m;
    b->copy = message_copy(m);
    message_put_i64(b->copy, KEY_TIMES, (int64_t)m->attempt + 1);
    message_put_i64(b->copy, KEY_CREATE_TIME, clock_wall_ms());
    b->timer.fire = on_timer;
    b->next = s->sendbacks;
    b->link = &s->sendbacks;
    if (b->next != NULL) b->next->link = &b->next;
    s->sendbacks = b;
    if (is_for_later(s, m)) {
        qmq_message_set_schedule_ms(b->copy, m->retry_ms);
        message_put(b->copy, view_of(KEY_ONLY_GROUP), view_of(s->group));
        go_to(b, CLIENT_DELAY_PRODUCER, memory_strdup(s->subject));
    } else {
        go_to(b, CLIENT_PRODUCER, sendback_subject(s, m));
    }
    client_log(s->client, QMQ_LOG_INFO, "message %s of subject %s failed in group %s (attempt %d): %s", m->id, m->subject, s->group,
               m->attempt, m->error_text);
    try_now(b);
}
