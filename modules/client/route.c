#include "client/route.h"

#include "base/memory.h"
#include "client/client.h"
#include "portability/clock.h"
#include "protocol/client_register.h"
#include "protocol/codes.h"

#define PERIOD_US (60 * SECOND_US)
#define FIRST_PAUSE_US (100 * MILLISECOND_US)
#define REFRESH_US SECOND_US
#define ANSWER_US (10 * SECOND_US)

static void send_registration(route_t *r);

static view_t key_of(const void *value) {
    const route_t *r = value;
    return view_make(r->key, r->key_size);
}

void routes_init(routes_t *r, qmq_client_t *client) {
    r->client = client;
    r->newest = -1;
    table_init(&r->table, key_of);
}

static void free_groups(broker_group_t **groups, size_t count) {
    for (size_t i = 0; i < count; i++) broker_group_release(groups[i]);
    memory_free(groups);
}

static void free_route(route_t *r) {
    free_groups(r->groups, r->count);
    memory_free(r->subject);
    memory_free(r->group);
    memory_free(r->key);
    memory_free(r);
}

void routes_stop(routes_t *r) {
    r->stopped = true;
    size_t at = 0;
    for (route_t *one = table_next(&r->table, &at); one != NULL; one = table_next(&r->table, &at))
        loop_timer_stop(r->client->loop, &one->timer);
}

void routes_free(routes_t *r) {
    size_t at = 0;
    for (route_t *one = table_next(&r->table, &at); one != NULL; one = table_next(&r->table, &at)) free_route(one);
    table_free(&r->table);
}

static void tell_watchers(route_t *r) {
    route_watcher_t *next;
    for (route_watcher_t *w = r->watchers; w != NULL; w = next) {
        next = w->next;
        w->changed(w);
    }
}

/* ---- asking */

static void plan(route_t *r, int64_t us) {
    if (!r->client->routes.stopped && r->users > 0) loop_timer_start(r->client->loop, &r->timer, us);
}

/* Soon after a bad or empty answer, then less and less often. */
static void plan_again(route_t *r) {
    if (r->count > 0) {
        plan(r, PERIOD_US);
        return;
    }
    plan(r, r->pause_us);
    r->pause_us = r->pause_us * 2 > PERIOD_US ? PERIOD_US : r->pause_us * 2;
}

static void on_timer(loop_timer_t *timer) {
    send_registration((route_t *)(void *)((char *)timer - offsetof(route_t, timer)));
}

/* Groups usable for a client of this kind (client.md 5.5). */
static bool is_usable(const route_t *r, const route_group_t *g) {
    if (g->name.size == 0 || g->master.size == 0) return false;
    if (r->type == CLIENT_CONSUMER) return g->state == BROKER_RW || g->state == BROKER_R;
    return g->state == BROKER_RW || g->state == BROKER_W;
}

static broker_group_t *find_same(const route_t *r, const route_group_t *g) {
    for (size_t i = 0; i < r->count; i++) {
        if (view_equal(view_of(r->groups[i]->name), g->name) && view_equal(view_of(r->groups[i]->master), g->master)) return r->groups[i];
    }
    return NULL;
}

/* A group that stays keeps its breaker and its requests under way; that the metaserver lists it as usable ends its rejected mark. */
static void replace_groups(route_t *r, const client_register_response_t *answer) {
    broker_group_t **groups = memory_zalloc((size_t)(answer->group_count > 0 ? answer->group_count : 1) * sizeof *groups);
    size_t count = 0;
    route_group_t g;
    cursor_t c = cursor_of(answer->groups);
    for (int i = 0; i < answer->group_count && route_group_next(&c, &g); i++) {
        if (!is_usable(r, &g)) continue;
        broker_group_t *same = find_same(r, &g);
        if (same != NULL) {
            same->rejected = false;
            broker_group_retain(same);
        }
        groups[count++] = same != NULL ? same : broker_group_create(g.name, g.master);
    }
    if (count == 0 && r->type != CLIENT_CONSUMER) {
        memory_free(groups); /* what was known before stays in use */
        return;
    }
    free_groups(r->groups, r->count);
    r->groups = groups;
    r->count = count;
}

static void take_online_state(route_t *r, const client_register_response_t *answer) {
    routes_t *routes = &r->client->routes;
    if (answer->timestamp < routes->newest) return;
    routes->newest = answer->timestamp;
    bool online = answer->on_offline == STATE_ONLINE;
    if (r->type == CLIENT_CONSUMER && *r->group != 0 && online != r->online) {
        r->online = online;
        client_log(r->client, QMQ_LOG_INFO, "consumer group %s of subject %s was switched %s", r->group, r->subject, online ? "on" : "off");
    }
}

static bool take_answer(route_t *r, const frame_t *response) {
    client_register_response_t answer;
    if (response->code != RESPONSE_SUCCESS || !client_register_response_read(response->body, &answer)) {
        client_log(r->client, QMQ_LOG_WARN, "the metaserver answered the registration for subject %s with code %d", r->subject,
                   response->code);
        return false;
    }
    r->answered = true;
    take_online_state(r, &answer);
    replace_groups(r, &answer);
    return true;
}

static void on_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    (void)block;
    route_t *r = arg;
    routes_t *routes = &r->client->routes;
    r->asking = false;
    if (r->users == 0) {
        free_route(r);
        return;
    }
    routes->metaserver_failed = status != APR_SUCCESS;
    if (status != APR_SUCCESS) discovery_doubt(&r->client->discovery);
    bool changed = status == APR_SUCCESS && take_answer(r, response);
    if (changed && r->count > 0) r->pause_us = FIRST_PAUSE_US;
    plan_again(r);
    if (changed) tell_watchers(r);
}

static void write_registration(const route_t *r, writer_t *w) {
    client_register_request_t q = {.subject = view_of(r->subject),
                                   .client_type = r->type,
                                   .app_code = view_of(r->client->app_code),
                                   .client_id = view_of(r->client->id),
                                   .consumer_group = view_of(r->group),
                                   .request_type = r->answered ? CLIENT_HEARTBEAT : CLIENT_ONLINE,
                                   .client_ldc = view_of(r->client->ldc)};
    writer_init(w, 256);
    client_register_request_write(w, &q);
}

static void send_to(route_t *r, const char *address) {
    writer_t w;
    write_registration(r, &w);
    r->wanted = false;
    r->asking = true;
    r->asked_us = loop_now_us(r->client->loop);
    client_request(r->client, address, REQUEST_CLIENT_REGISTER, ANSWER_US, &w, on_answer, r);
}

static void send_registration(route_t *r) {
    if (r->asking || r->client->routes.stopped) return;
    const char *address = discovery_address(&r->client->discovery);
    if (address != NULL) {
        send_to(r, address);
    } else {
        r->wanted = true;
    }
}

void routes_discovered(routes_t *r) {
    const discovery_t *d = &r->client->discovery;
    size_t at = 0;
    for (route_t *one = table_next(&r->table, &at); one != NULL; one = table_next(&r->table, &at)) {
        if (!one->wanted || one->asking || r->stopped) continue;
        one->wanted = false;
        if (d->address == NULL) {
            plan_again(one);
        } else {
            send_to(one, d->address); /* the old one when the look-up failed */
        }
    }
}

void route_refresh(route_t *r) {
    int64_t since = loop_now_us(r->client->loop) - r->asked_us;
    if (r->asking || r->wanted) return;
    if (since >= REFRESH_US) {
        send_registration(r);
    } else {
        plan(r, REFRESH_US - since);
    }
}

/* ---- users */

static char *make_key(int type, const char *subject, const char *group) {
    return memory_printf("%d %s %s", type, subject, group);
}

route_t *route_acquire(qmq_client_t *c, int type, const char *subject, const char *group) {
    char *key = make_key(type, subject, group);
    route_t *r = table_get(&c->routes.table, view_of(key));
    if (r != NULL) {
        memory_free(key);
        r->users++;
        return r;
    }
    r = memory_zalloc(sizeof *r);
    r->client = c;
    r->type = type;
    r->subject = memory_strdup(subject);
    r->group = memory_strdup(group);
    r->key = key;
    r->key_size = strlen(key);
    r->users = 1;
    r->online = true;
    r->pause_us = FIRST_PAUSE_US;
    r->timer.fire = on_timer;
    table_put(&c->routes.table, r);
    send_registration(r);
    return r;
}

void route_release(route_t *r) {
    if (r == NULL || --r->users > 0) return;
    loop_timer_stop(r->client->loop, &r->timer);
    (void)table_remove(&r->client->routes.table, key_of(r));
    if (!r->asking) free_route(r);
}

void route_watch(route_t *r, route_watcher_t *w) {
    w->next = r->watchers;
    r->watchers = w;
}

void route_unwatch(route_t *r, route_watcher_t *w) {
    for (route_watcher_t **at = &r->watchers; *at != NULL; at = &(*at)->next) {
        if (*at != w) continue;
        *at = w->next;
        return;
    }
}

broker_group_t *route_find(const route_t *r, const char *name) {
    for (size_t i = 0; i < r->count; i++) {
        if (strcmp(r->groups[i]->name, name) == 0) return r->groups[i];
    }
    return NULL;
}

qmq_error_t *route_problem(const route_t *r) {
    const discovery_t *d = &r->client->discovery;
    if (!d->running && d->problem != NULL && (d->address == NULL || d->stale))
        return error_create(QMQ_UNREACHABLE, qmq_error_remedy(d->problem), "%s", qmq_error_message(d->problem));
    if (!r->answered && r->client->routes.metaserver_failed)
        return error_create(QMQ_UNREACHABLE, "Check that the metaserver runs and that its TCP port can be reached",
                            "the metaserver at %s does not answer", d->address == NULL ? d->url : d->address);
    if (!r->answered)
        return error_create(QMQ_UNREACHABLE, "Check that the metaserver runs and that its ports can be reached",
                            "the metaserver at %s has not answered yet", d->url);
    if (r->type == CLIENT_DELAY_PRODUCER)
        return error_create(QMQ_NO_ROUTE, "Start a delay server and register it at the metaserver, or send without delay",
                            "no delay server takes delayed messages of subject %s", r->subject);
    return error_create(QMQ_NO_ROUTE, "Start a broker and register it at the metaserver, and look at the routes of the subject",
                        "the metaserver names no usable broker group for subject %s", r->subject);
}
