/* The loop's half of a producer: lanes, batches, retries (client.md 8.4, 8.5). */
#include "base/memory.h"
#include "base/status.h"
#include "client/producer_impl.h"
#include "portability/clock.h"
#include "protocol/codes.h"
#include "protocol/send.h"

#include <stdio.h>

#define BATCH_MOST_BYTES ((size_t)1024 * 1024)
#define FIRST_PAUSE_US (50 * MILLISECOND_US)
#define MOST_PAUSE_US (2 * SECOND_US)
#define BUSY_TEXT "broker busy"

/* One request under way. */
typedef struct batch {
    struct batch *next;
    struct batch **link;
    qmq_client_t *client;
    lane_t *lane; /* NULL: the producer is gone */
    broker_group_t *group;
    sending_list_t messages;
} batch_t;

/* Messages whose next try is a while off. */
typedef struct pause {
    struct pause *next;
    struct pause **link;
    qmq_producer_t *producer;
    loop_timer_t timer;
    sending_list_t messages;
} pause_t;

static void lane_pump(lane_t *lane);

static view_t key_of(const void *value) {
    return view_of(((const lane_t *)value)->key);
}

/* ---- verdicts */

static void fail_all(sending_list_t *list, int status, const char *remedy, const char *text) {
    for (sending_t *s = list->first; s != NULL; s = s->next) {
        qmq_error_free(s->error);
        s->error = error_create(status, remedy, "message %s of subject %s: %s", s->message->id, s->message->subject, text);
    }
}

static void set_error(sending_t *s, int status, const char *remedy, const char *format, const char *group, const char *text) {
    char *what = memory_printf(format, group, text);
    qmq_error_free(s->error);
    s->error = error_create(status, remedy, "message %s of subject %s: %s", s->message->id, s->message->subject, what);
    memory_free(what);
}

static bool has_other_group(const lane_t *lane, const broker_group_t *tried) {
    int64_t now = loop_now_us(lane->producer->client->loop);
    for (size_t i = 0; i < lane->route->count; i++) {
        if (lane->route->groups[i] != tried && broker_group_is_available(lane->route->groups[i], now)) return true;
    }
    return false;
}

static void on_pause_over(loop_timer_t *timer) {
    pause_t *p = (pause_t *)(void *)((char *)timer - offsetof(pause_t, timer));
    sending_list_t messages = p->messages;
    if (messages.first == NULL) sending_list_init(&messages);
    qmq_producer_t *producer = p->producer;
    *p->link = p->next;
    if (p->next != NULL) p->next->link = p->link;
    memory_free(p);
    producer_route(producer, &messages);
}

static int64_t pause_after(int tries) {
    int64_t us = FIRST_PAUSE_US;
    for (int i = 1; i < tries && us < MOST_PAUSE_US; i++) us *= 2;
    return us > MOST_PAUSE_US ? MOST_PAUSE_US : us;
}

/* The next try goes to the next group at once; to the same one after a pause. */
static void try_again(lane_t *lane, const broker_group_t *tried, sending_list_t *list) {
    if (list->first == NULL) return;
    qmq_producer_t *producer = lane->producer;
    if (has_other_group(lane, tried)) {
        producer_route(producer, list);
        return;
    }
    pause_t *p = memory_zalloc(sizeof *p);
    p->producer = producer;
    p->messages = *list;
    p->timer.fire = on_pause_over;
    p->next = producer->pauses;
    p->link = &producer->pauses;
    if (p->next != NULL) p->next->link = &p->next;
    producer->pauses = p;
    loop_timer_start(producer->client->loop, &p->timer, pause_after(list->first->tries));
}

/* Divides a failed batch into what is tried again and what had its last try. */
static void retry_or_fail(lane_t *lane, const broker_group_t *tried, sending_list_t *failed, sending_list_t *final) {
    sending_list_t again;
    sending_list_init(&again);
    for (sending_t *s = sending_list_take(failed); s != NULL; s = sending_list_take(failed))
        sending_list_add(s->tries < lane->producer->options.max_tries ? &again : final, s);
    try_again(lane, tried, &again);
}

/* ---- answers */

static void reject_group(batch_t *b) {
    broker_group_reject(b->group, loop_now_us(b->client->loop));
    route_refresh(b->lane->route);
}

static sending_t *find_message(sending_list_t *list, view_t id) {
    for (sending_t *s = list->first; s != NULL; s = s->next) {
        if (view_equal(view_of(s->message->id), id)) return s;
    }
    return NULL;
}

typedef enum outcome { OUTCOME_FINISHED, OUTCOME_AGAIN, OUTCOME_FINAL } outcome_t;

static outcome_t judge(batch_t *b, sending_t *s, const send_result_t *r) {
    char *remark = r->remark.size > 0 ? memory_strndup(r->remark.data, r->remark.size) : memory_strdup("no remark");
    outcome_t outcome = OUTCOME_AGAIN;
    const char *group = b->group->name;
    if (r->code == SEND_SUCCESS || r->code == SEND_DUPLICATE) {
        outcome = OUTCOME_FINISHED;
    } else if (r->code == SEND_READ_ONLY) {
        reject_group(b);
        set_error(s, QMQ_REFUSED, "Look at the broker: its disk may be full", "broker group %s takes no messages now: %s", group, remark);
    } else if (r->code == SEND_BLOCK) {
        outcome = OUTCOME_FINAL;
        set_error(s, QMQ_REFUSED, "Ask the operator why it is blocked", "broker group %s blocks it: %s", group, remark);
    } else if (r->code == SEND_BROKER_BUSY || strcmp(remark, BUSY_TEXT) == 0) {
        outcome = OUTCOME_FINAL;
        set_error(s, QMQ_REFUSED, "Send more slowly, or add brokers", "broker group %s is busy: %s", group, remark);
    } else {
        set_error(s, QMQ_REFUSED, "Look at the broker's log", "broker group %s refused it: %s", group, remark);
    }
    memory_free(remark);
    return outcome;
}

/* Listed messages get their own result; all others were taken (client.md 4.2). */
static void take_results(batch_t *b, view_t body, sending_list_t *failed, sending_list_t *final) {
    cursor_t c = cursor_of(body);
    send_result_t r;
    enum { NOTHING_SAID = 0, SAID_AGAIN = 1, SAID_FINAL = 2 };
    int *said = NULL;
    size_t count = b->messages.count;
    if (body.size > 0) said = memory_zalloc(count * sizeof *said);
    while (said != NULL && send_result_next(&c, &r)) {
        sending_t *s = find_message(&b->messages, r.message_id);
        if (s == NULL) continue;
        size_t at = 0;
        for (sending_t *x = b->messages.first; x != s; x = x->next) at++;
        outcome_t o = judge(b, s, &r);
        said[at] = o == OUTCOME_AGAIN ? SAID_AGAIN : o == OUTCOME_FINAL ? SAID_FINAL : NOTHING_SAID;
    }
    size_t at = 0;
    for (sending_t *s = sending_list_take(&b->messages); s != NULL; s = sending_list_take(&b->messages), at++) {
        int what = said == NULL ? NOTHING_SAID : said[at];
        if (what == NOTHING_SAID) {
            qmq_error_free(s->error);
            s->error = NULL;
        }
        sending_list_add(what == SAID_AGAIN ? failed : final, s);
    }
    memory_free(said);
}

static void fail_unanswered(batch_t *b, apr_status_t status) {
    breaker_failed(&b->group->breaker, loop_now_us(b->client->loop));
    for (sending_t *s = b->messages.first; s != NULL; s = s->next) {
        set_error(s, status == APR_TIMEUP ? QMQ_TIMED_OUT : QMQ_UNREACHABLE, "Check that the broker runs and can be reached",
                  status == APR_TIMEUP          ? "no answer of broker group %s at %s in time"
                  : status == QMQ_E_UNREACHABLE ? "no connection to broker group %s at %s"
                                                : "the connection to broker group %s at %s was lost",
                  b->group->name, b->group->master);
    }
    route_refresh(b->lane->route);
}

static void free_batch(batch_t *b) {
    broker_group_release(b->group);
    memory_free(b);
}

static void evaluate(batch_t *b, apr_status_t status, const frame_t *response) {
    lane_t *lane = b->lane;
    sending_list_t failed, final;
    sending_list_init(&failed);
    sending_list_init(&final);
    if (status == APR_SUCCESS) breaker_succeeded(&b->group->breaker);
    if (status != APR_SUCCESS) {
        fail_unanswered(b, status);
    } else if (response->code == RESPONSE_SUCCESS) {
        take_results(b, response->body, &failed, &final);
    } else {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", response->code);
        if (response->code == RESPONSE_BROKER_REJECT) reject_group(b);
        for (sending_t *s = b->messages.first; s != NULL; s = s->next)
            set_error(s, QMQ_REFUSED, "Look at the broker's log", "broker group %s answered with code %s", b->group->name, code);
    }
    if (b->messages.first != NULL) failed = b->messages;
    if (failed.first == NULL) sending_list_init(&failed);
    retry_or_fail(lane, b->group, &failed, &final);
    producer_finish(lane->producer, &final);
    lane_pump(lane);
}

static void on_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    (void)block;
    batch_t *b = arg;
    b->group->in_flight--;
    if (b->lane != NULL) {
        *b->link = b->next;
        if (b->next != NULL) b->next->link = b->link;
        evaluate(b, status, response);
    }
    free_batch(b);
}

/* ---- lanes */

static bool fill_batch(batch_t *b, lane_t *lane, writer_t *w) {
    int64_t now_ms = clock_wall_ms();
    bool delayed = lane->type == CLIENT_DELAY_PRODUCER;
    while (lane->waiting.first != NULL && b->messages.count < (size_t)lane->producer->options.batch && w->used < BATCH_MOST_BYTES) {
        sending_t *s = sending_list_take(&lane->waiting);
        s->tries++;
        message_encode(w, s->message, lane->subject, delayed, now_ms);
        sending_list_add(&b->messages, s);
    }
    return !w->failed;
}

static void send_batch(lane_t *lane, broker_group_t *g) {
    qmq_producer_t *p = lane->producer;
    writer_t w;
    batch_t *b = memory_zalloc(sizeof *b);
    b->client = p->client;
    b->lane = lane;
    b->group = g;
    sending_list_init(&b->messages);
    writer_init(&w, 4096);
    if (!fill_batch(b, lane, &w)) {
        writer_free(&w);
        fail_all(&b->messages, QMQ_INTERNAL, "Send smaller messages, or free memory", "it cannot be encoded");
        producer_finish(p, &b->messages);
        memory_free(b);
        return;
    }
    broker_group_retain(g);
    g->in_flight++;
    b->next = p->batches;
    b->link = &p->batches;
    if (b->next != NULL) b->next->link = &b->next;
    p->batches = b;
    client_request(p->client, g->master, REQUEST_SEND_MESSAGE, p->options.timeout_ms * MILLISECOND_US, &w, on_answer, b);
}

/* The next group whose window has room, round robin; NULL: all are full or there is none. */
static broker_group_t *pick_group(lane_t *lane) {
    int64_t now = loop_now_us(lane->producer->client->loop);
    int at = lane->last_group;
    for (size_t i = 0; i < lane->route->count; i++) {
        broker_group_t *g = broker_groups_pick(lane->route->groups, lane->route->count, at, now, &at);
        if (g->in_flight >= lane->producer->options.window) continue;
        lane->last_group = at;
        return g;
    }
    return NULL;
}

static void lane_pump(lane_t *lane) {
    loop_t *loop = lane->producer->client->loop;
    while (lane->waiting.first != NULL) {
        broker_group_t *g = pick_group(lane);
        if (g == NULL) break;
        send_batch(lane, g);
    }
    if (lane->waiting.first == NULL || lane->route->count > 0) {
        loop_timer_stop(loop, &lane->patience);
    } else if (!loop_timer_active(&lane->patience)) {
        loop_timer_start(loop, &lane->patience, lane->producer->options.timeout_ms * MILLISECOND_US);
    }
}

static void on_route_changed(route_watcher_t *w) {
    lane_pump((lane_t *)(void *)((char *)w - offsetof(lane_t, watcher)));
}

/* No group in all the time a request may take: what waits fails, with the reason. */
static void on_patience_over(loop_timer_t *timer) {
    lane_t *lane = (lane_t *)(void *)((char *)timer - offsetof(lane_t, patience));
    sending_list_t failed = lane->waiting;
    if (failed.first == NULL) return;
    sending_list_init(&lane->waiting);
    qmq_error_t *why = route_problem(lane->route);
    fail_all(&failed, qmq_error_status(why), qmq_error_remedy(why), qmq_error_message(why));
    qmq_error_free(why);
    producer_finish(lane->producer, &failed);
}

static lane_t *get_lane(qmq_producer_t *p, int type, const char *subject) {
    char *key = memory_printf("%d %s", type, subject);
    lane_t *lane = table_get(&p->lanes, view_of(key));
    if (lane != NULL) {
        memory_free(key);
        return lane;
    }
    lane = memory_zalloc(sizeof *lane);
    lane->producer = p;
    lane->type = type;
    lane->key = key;
    lane->subject = strchr(key, ' ') + 1;
    lane->last_group = -1;
    lane->watcher.changed = on_route_changed;
    lane->patience.fire = on_patience_over;
    sending_list_init(&lane->waiting);
    if (p->lanes.key_of == NULL) table_init(&p->lanes, key_of);
    table_put(&p->lanes, lane);
    lane->route = route_acquire(p->client, type, subject, "");
    route_watch(lane->route, &lane->watcher);
    return lane;
}

/* Delayed or not is decided here, once per try. */
void producer_route(qmq_producer_t *p, sending_list_t *list) {
    int64_t now_ms = clock_wall_ms();
    lane_t *last = NULL;
    for (sending_t *s = sending_list_take(list); s != NULL; s = sending_list_take(list)) {
        int type = message_is_delayed(s->message, now_ms) ? CLIENT_DELAY_PRODUCER : CLIENT_PRODUCER;
        lane_t *lane = last != NULL && last->type == type && strcmp(last->subject, s->message->subject) == 0
                           ? last
                           : get_lane(p, type, s->message->subject);
        if (last != NULL && last != lane) lane_pump(last);
        sending_list_add(&lane->waiting, s);
        last = lane;
    }
    if (last != NULL) lane_pump(last);
}

static void close_list(qmq_producer_t *p, sending_list_t *list) {
    fail_all(list, QMQ_CLOSED, "Flush the producer before it is destroyed", "the producer was closed before it was confirmed");
    producer_finish(p, list);
}

static void free_lane(lane_t *lane) {
    loop_timer_stop(lane->producer->client->loop, &lane->patience);
    route_unwatch(lane->route, &lane->watcher);
    route_release(lane->route);
    memory_free(lane->key);
    memory_free(lane);
}

void producer_abandon(qmq_producer_t *p) {
    size_t at = 0;
    for (lane_t *lane = table_next(&p->lanes, &at); lane != NULL; lane = table_next(&p->lanes, &at)) close_list(p, &lane->waiting);
    for (batch_t *b = p->batches; b != NULL; b = b->next) {
        b->lane = NULL; /* freed when its request ends */
        close_list(p, &b->messages);
    }
    p->batches = NULL;
    while (p->pauses != NULL) {
        pause_t *pause = p->pauses;
        p->pauses = pause->next;
        loop_timer_stop(p->client->loop, &pause->timer);
        close_list(p, &pause->messages);
        memory_free(pause);
    }
    at = 0;
    for (lane_t *lane = table_next(&p->lanes, &at); lane != NULL; lane = table_next(&p->lanes, &at)) free_lane(lane);
    table_free(&p->lanes);
}
