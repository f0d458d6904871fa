/* CLIENT_REGISTER (metaserver.md 6.1). A subject whose route stands is answered at once from the catalog. One that needs a route, or a
 * longer one, waits for the database: its requests stay in their order, those of one loop are assigned many at a time, and each is
 * answered. */
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/assign.h"
#include "metaserver/metaserver_internal.h"
#include "metaserver/routing.h"
#include "portability/clock.h"
#include "protocol/codes.h"

#define BATCH 500
#define FAILURE_TIMESTAMP (-2)
/* Where every statement stands alone a batch ends after this long, so that a slow database lets others in between. */
#define BATCH_US ((int64_t)500000)
/* A client is not left without answer for longer, whatever the database does. */
#define PATIENCE_US ((int64_t)5 * 1000000)
#define PATIENCE_CHECK_US ((int64_t)250000)
#define TROUBLE_LINE_US ((int64_t)10 * 1000000)
/* After database trouble known subjects are answered from the catalog for this long before a longer route is tried for again. */
#define TOP_UP_PAUSE_US ((int64_t)5 * 1000000)
/* Names above this are not worth a metric of their own. */
#define LABEL_BYTES 400

/* A request that waits, what the answer needs copied behind it. */
typedef struct waiter {
    struct waiter *next;
    int64_t until_us;
    reply_to_t reply;
    client_register_request_t request;
} waiter_t;

/* A real subject that waits for the database. */
typedef struct wanted_route {
    struct wanted_route *next; /* in queue or batch */
    waiter_t *first;
    waiter_t **last;
    group_names_t *names; /* what the database has now */
    apr_status_t status;
    bool tried;  /* in this batch; the others go back to the queue */
    view_t real; /* points behind the struct */
} wanted_route_t;

struct registrar {
    query_t query;
    metaserver_t *m;
    loop_t *loop;
    task_t start;
    task_t finish;
    loop_timer_t patience;
    bool starting; /* start is deferred */
    bool under_way;
    int64_t pause_until_us;
    table_t by_subject; /* wanted_route_t, queued or in the batch */
    wanted_route_t *queue;
    wanted_route_t **queue_last;
    wanted_route_t *batch;
    log_limit_t trouble_limit;
};

/* Answers. */

static void send_answer(const reply_to_t *to, const client_register_response_t *response, const route_group_t *groups) {
    writer_t w;
    writer_init(&w, 128 + 64 * (size_t)response->group_count);
    client_register_response_write(&w, response, groups);
    size_t size = 0;
    uint8_t *bytes = writer_take(&w, &size);
    chain_t body;
    chain_init(&body);
    if (bytes != NULL) chain_append_memory(&body, bytes, size);
    reply_to_t reply = *to;
    reply.oneway = false; /* answered anyway (metaserver.md 6) */
    reply_send(&reply, bytes == NULL ? RESPONSE_BROKER_ERROR : RESPONSE_SUCCESS, &body);
}

static void answer_failure(const reply_to_t *to, const client_register_request_t *r) {
    client_register_response_t response = {.timestamp = FAILURE_TIMESTAMP,
                                           .subject = r->subject,
                                           .consumer_group = r->consumer_group,
                                           .on_offline = STATE_OFFLINE,
                                           .client_type = (int8_t)r->client_type,
                                           .group_count = 0};
    send_answer(to, &response, NULL);
}

static bool is_producer(int32_t client_type) {
    return client_type == CLIENT_PRODUCER || client_type == CLIENT_DELAY_PRODUCER;
}

/* From one look at the catalog; with trouble a subject without a route gets the failure answer. */
static void answer_from(const catalog_view_t *look, const reply_to_t *to, const client_register_request_t *r, view_t real, bool trouble) {
    bool delay = r->client_type == CLIENT_DELAY_PRODUCER;
    if (trouble && look->route == NULL && !delay) {
        answer_failure(to, r);
        return;
    }
    const live_group_t *found[ROUTING_MAX_GROUPS];
    route_group_t groups[ROUTING_MAX_GROUPS];
    size_t count = delay ? routing_delay(look, r->client_id, found) : routing_assigned(look, found);
    int16_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        const live_group_t *g = found[i];
        if (g->state == BROKER_NRW || (is_producer(r->client_type) && marks_are_readonly(look->readonly, real, g->name))) continue;
        groups[kept++] = (route_group_t){.name = g->name, .master = g->master, .update_time = g->update_time, .state = (int8_t)g->state};
    }
    client_register_response_t response = {.timestamp = look->offline_time,
                                           .subject = r->subject,
                                           .consumer_group = r->consumer_group,
                                           .on_offline = (int8_t)marks_consumer_state(look->offline, r->client_id, real, r->consumer_group),
                                           .client_type = (int8_t)r->client_type,
                                           .group_count = kept};
    send_answer(to, &response, groups);
}

static void log_answer(metaserver_t *m, const client_register_request_t *r, view_t real) {
    char name[SUBJECT_CHARACTERS * 4 + 1];
    if (log_level() > LOG_LEVEL_INFO || real.size >= sizeof name) return;
    memcpy(name, real.data, real.size);
    name[real.size] = 0;
    if (!side_file_is_true(m->log_switch_file, name, false) && !side_file_is_true(m->log_switch_file, "default", true)) return;
    log_info(m->log, "client register: subject %.*s, type %d, group %.*s, client %.*s, app %.*s", VIEW_ARG(r->subject), (int)r->client_type,
             VIEW_ARG(r->consumer_group), VIEW_ARG(r->client_id), VIEW_ARG(r->app_code));
}

/* Waiting. */

static view_t wanted_subject(const void *value) {
    return ((const wanted_route_t *)value)->real;
}

static view_t copy_behind(char **at, view_t v) {
    view_t copy = view_make(*at, v.size);
    if (v.size > 0) memcpy(*at, v.data, v.size);
    *at += v.size;
    return copy;
}

static void wait_for_route(wanted_route_t *wanted, connection_t *c, const frame_t *frame, const client_register_request_t *r) {
    waiter_t *w = memory_zalloc(sizeof *w + r->subject.size + r->consumer_group.size + r->client_id.size + r->app_code.size);
    char *at = (char *)(w + 1);
    w->request = *r;
    w->request.subject = copy_behind(&at, r->subject);
    w->request.consumer_group = copy_behind(&at, r->consumer_group);
    w->request.client_id = copy_behind(&at, r->client_id);
    w->request.app_code = copy_behind(&at, r->app_code);
    w->request.client_ldc = view_make(NULL, 0);
    w->until_us = clock_mono_us() + PATIENCE_US;
    reply_to_init(&w->reply, c, frame);
    *wanted->last = w;
    wanted->last = &w->next;
}

static void watch_patience(registrar_t *reg) {
    if (!loop_timer_active(&reg->patience)) loop_timer_start(reg->loop, &reg->patience, PATIENCE_CHECK_US);
}

static wanted_route_t *want_route(registrar_t *reg, view_t real) {
    wanted_route_t *wanted = memory_zalloc(sizeof *wanted + real.size);
    char *at = (char *)(wanted + 1);
    wanted->real = copy_behind(&at, real);
    wanted->last = &wanted->first;
    table_put(&reg->by_subject, wanted);
    *reg->queue_last = wanted;
    reg->queue_last = &wanted->next;
    if (!reg->under_way && !reg->starting) {
        reg->starting = true;
        loop_defer(reg->loop, &reg->start);
    }
    watch_patience(reg);
    return wanted;
}

/* The batch, on a database thread. */

static apr_status_t assign_batch(registrar_t *reg, db_session_t *session) {
    metaserver_t *m = reg->m;
    bool together = database_statements(m->database)->batches;
    size_t wanted_groups = atomic_load(&m->wanted_groups);
    int64_t until_us = clock_mono_us() + BATCH_US;
    apr_status_t rv = together ? db_begin(session) : APR_SUCCESS;
    for (wanted_route_t *w = reg->batch; w != NULL && rv == APR_SUCCESS; w = w->next) {
        if (!together && w != reg->batch && clock_mono_us() >= until_us) break;
        w->tried = true;
        w->status = assign_route(m->database, session, m->catalog, w->real, wanted_groups, &w->names);
        if (w->status == QMQ_E_TOO_LONG)
            log_error(m->log,
                      "the route of subject %.*s with %zu groups does not fit the column broker_group_json; lower min.group.num in "
                      "conf/metaserver.properties",
                      VIEW_ARG(w->real), wanted_groups);
        else
            rv = w->status;
    }
    if (!together) return rv;
    if (rv == APR_SUCCESS) return db_commit(session);
    db_rollback(session);
    return rv;
}

static void run_batch(query_t *q, db_session_t *session) {
    registrar_t *reg = (registrar_t *)q;
    metaserver_t *m = reg->m;
    for (wanted_route_t *w = reg->batch; w != NULL; w = w->next) {
        w->status = QMQ_E_CLOSED; /* until its turn has come */
        w->tried = false;
    }
    apr_status_t rv = session == NULL ? q->work.status : assign_batch(reg, session);
    if (rv != APR_SUCCESS) {
        char text[DATABASE_CAUSE_BYTES];
        int64_t suppressed;
        if (log_permit(&reg->trouble_limit, TROUBLE_LINE_US, &suppressed))
            log_warn(m->log, "routes cannot be written now, new subjects get none: %s", database_cause(m->database, session, rv, text));
    }
    bool lost = rv != APR_SUCCESS && database_statements(m->database)->batches;
    for (wanted_route_t *w = reg->batch; w != NULL; w = w->next) {
        if (lost) w->status = rv;
        if (rv != APR_SUCCESS) w->tried = true; /* more tries would only take longer to fail */
        if (!lost && w->names != NULL) catalog_put_route(m->catalog, w->real, w->names);
    }
    loop_post(reg->loop, &reg->finish);
}

/* On the loop again. */

/* Those that have waited until now_us; INT64_MAX: all. */
static void answer_waiters(registrar_t *reg, wanted_route_t *wanted, int64_t now_us, bool trouble) {
    metaserver_t *m = reg->m;
    catalog_view_t look;
    if (wanted->first == NULL || wanted->first->until_us > now_us) return;
    catalog_look(m->catalog, wanted->real, &look);
    while (wanted->first != NULL && wanted->first->until_us <= now_us) {
        waiter_t *w = wanted->first;
        wanted->first = w->next;
        if (wanted->first == NULL) wanted->last = &wanted->first;
        answer_from(&look, &w->reply, &w->request, wanted->real, trouble);
        log_answer(m, &w->request, wanted->real);
        memory_free(w);
        atomic_fetch_sub(&m->registers_waiting, 1);
    }
    catalog_done(&look);
}

static void forget(registrar_t *reg, wanted_route_t *wanted) {
    (void)table_remove(&reg->by_subject, wanted->real);
    memory_free(wanted->names);
    memory_free(wanted);
}

/* In front of what waits. */
static void put_back(registrar_t *reg, wanted_route_t *rest) {
    wanted_route_t **end = &rest;
    while (*end != NULL) end = &(*end)->next;
    *end = reg->queue;
    if (reg->queue == NULL) reg->queue_last = end;
    reg->queue = rest;
}

static void finish_batch(registrar_t *reg) {
    wanted_route_t *rest = NULL, **rest_end = &rest;
    while (reg->batch != NULL) {
        wanted_route_t *wanted = reg->batch;
        reg->batch = wanted->next;
        if (!wanted->tried) {
            wanted->next = NULL;
            *rest_end = wanted;
            rest_end = &wanted->next;
            continue;
        }
        if (wanted->status != APR_SUCCESS) reg->pause_until_us = clock_mono_us() + TOP_UP_PAUSE_US;
        answer_waiters(reg, wanted, INT64_MAX, wanted->status != APR_SUCCESS);
        forget(reg, wanted);
    }
    if (rest != NULL) put_back(reg, rest);
}

/* Whoever has waited too long is answered from the catalog; what nobody waits for any more is not asked for. */
static void check_patience(loop_timer_t *t) {
    registrar_t *reg = (registrar_t *)((char *)t - offsetof(registrar_t, patience));
    int64_t now_us = clock_mono_us();
    for (wanted_route_t *w = reg->batch; w != NULL; w = w->next) answer_waiters(reg, w, now_us, true);
    wanted_route_t **link = &reg->queue;
    while (*link != NULL) {
        wanted_route_t *w = *link;
        answer_waiters(reg, w, now_us, true);
        if (w->first != NULL) {
            link = &w->next;
            continue;
        }
        *link = w->next;
        forget(reg, w);
    }
    reg->queue_last = link;
    if (reg->queue != NULL || reg->batch != NULL) watch_patience(reg);
}

static void take_batch(registrar_t *reg) {
    wanted_route_t **end = &reg->queue;
    for (size_t count = 0; *end != NULL && count < BATCH; count++) end = &(*end)->next;
    reg->batch = reg->queue;
    reg->queue = *end;
    *end = NULL;
    if (reg->queue == NULL) reg->queue_last = &reg->queue;
}

static void start_batch(registrar_t *reg) {
    while (!reg->under_way && reg->queue != NULL) {
        take_batch(reg);
        apr_status_t rv = database_submit(reg->m->database, &reg->query, true, run_batch);
        reg->under_way = rv == APR_SUCCESS;
        if (reg->under_way) return;
        for (wanted_route_t *w = reg->batch; w != NULL; w = w->next) {
            w->status = rv;
            w->tried = true;
        }
        finish_batch(reg);
    }
}

static void start_task(task_t *task) {
    registrar_t *reg = (registrar_t *)((char *)task - offsetof(registrar_t, start));
    reg->starting = false;
    start_batch(reg);
}

static void finish_task(task_t *task) {
    registrar_t *reg = (registrar_t *)((char *)task - offsetof(registrar_t, finish));
    reg->under_way = false;
    finish_batch(reg);
    start_batch(reg);
}

registrar_t *registrar_create(metaserver_t *m, loop_t *loop) {
    registrar_t *reg = memory_zalloc(sizeof *reg);
    reg->m = m;
    reg->loop = loop;
    reg->start.run = start_task;
    reg->finish.run = finish_task;
    reg->patience.fire = check_patience;
    reg->queue_last = &reg->queue;
    table_init(&reg->by_subject, wanted_subject);
    return reg;
}

void registrar_destroy(registrar_t *reg) {
    table_free(&reg->by_subject);
    memory_free(reg);
}

/* The command. */

static void count_metrics(metaserver_t *m, const client_register_request_t *r, view_t real, bool legal, const catalog_view_t *look) {
    char type[16];
    view_t subject = legal && r->subject.size <= LABEL_BYTES ? r->subject : view_of("_invalid");
    (void)snprintf(type, sizeof type, "%d", (int)r->client_type);
    metric_labels_t by_type = {"subject", subject, "clientTypeCode", view_of(type)};
    metric_labels_t by_subject = {"subject", subject, NULL, {NULL, 0}};
    metric_add(metrics_counter(m->metrics, "clientRegisterCount", by_type), 1);
    metric_add(metrics_counter(m->metrics, "clientRefreshMetaInfoCount", by_subject), 1);
    if (!legal || r->client_type == CLIENT_DELAY_PRODUCER) return;
    metric_labels_t by_real = {"subject", real, NULL, {NULL, 0}};
    metric_add(metrics_counter(m->metrics, "clientSubjectRouteCount", by_real), 1);
    view_t tag;
    if (!subject_tags_find(look->tags, real, &tag)) metric_add(metrics_counter(m->metrics, "subjectInfoNotFoundCount", by_real), 1);
}

static bool may_wait(metaserver_t *m) {
    if (atomic_fetch_add(&m->registers_waiting, 1) < m->register_limit) return true;
    atomic_fetch_sub(&m->registers_waiting, 1);
    int64_t suppressed;
    if (log_permit(&m->overflow_limit, TROUBLE_LINE_US, &suppressed))
        log_warn(m->log, "%zu client registrations wait for the database (client.register.queue.max); further ones are answered without it",
                 m->register_limit);
    return false;
}

/* Subjects cost memory here and a row, and anybody can name new ones. */
static bool may_add_subject(metaserver_t *m) {
    catalog_figures_t f;
    catalog_figures(m->catalog, &f);
    if (f.routes < m->subjects_limit) return true;
    int64_t suppressed;
    if (log_permit(&m->subjects_limit_told, TROUBLE_LINE_US, &suppressed))
        log_error(m->log, "there are routes of %zu subjects, as many as subjects.max allows; new subjects get none", f.routes);
    return false;
}

static void register_legal(registrar_t *reg, connection_t *c, const frame_t *frame, const client_register_request_t *r, view_t real,
                           const catalog_view_t *look) {
    metaserver_t *m = reg->m;
    client_rows_add(m->client_rows, r);
    wanted_route_t *wanted = table_get(&reg->by_subject, real);
    routing_need_t need = ROUTING_READY;
    if (wanted == NULL && r->client_type != CLIENT_DELAY_PRODUCER) need = routing_need(look, real, atomic_load(&m->wanted_groups));
    if (need == ROUTING_TOP_UP && clock_mono_us() < reg->pause_until_us) need = ROUTING_READY;
    bool waits = wanted != NULL || need != ROUTING_READY;
    bool too_many = wanted == NULL && need == ROUTING_ASSIGN && !may_add_subject(m);
    if (waits && !too_many && may_wait(m)) {
        wait_for_route(wanted != NULL ? wanted : want_route(reg, real), c, frame, r);
        return;
    }
    reply_to_t reply;
    reply_to_init(&reply, c, frame);
    answer_from(look, &reply, r, real, waits);
    log_answer(m, r, real);
}

void client_register_command(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    metaserver_t *m = arg;
    (void)block;
    int64_t began = clock_mono_us();
    client_register_request_t r;
    if (!client_register_request_read(request->body, &r)) {
        frame_t answered = *request;
        answered.flag &= ~FRAME_FLAG_ONEWAY;
        connection_reply(c, &answered, RESPONSE_BROKER_ERROR, NULL);
        return;
    }
    view_t real;
    bool legal = routing_real_subject(r.subject, &real);
    catalog_view_t look;
    catalog_look(m->catalog, real, &look);
    count_metrics(m, &r, real, legal, &look);
    if (legal) {
        register_legal(m->registrars[loops_current(m->loops)], c, request, &r, real, &look);
    } else {
        reply_to_t reply;
        reply_to_init(&reply, c, request);
        answer_failure(&reply, &r);
    }
    catalog_done(&look);
    metric_time_us(m->handler_time, clock_mono_us() - began);
}
