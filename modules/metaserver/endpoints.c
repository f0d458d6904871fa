/* GET /subject/consumers and GET /onoffline (metaserver.md 10.3, 10.4): the two endpoints that ask the database. */
#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_rows.h"
#include "metaserver/metaserver_internal.h"
#include "metaserver/tokens.h"
#include "protocol/codes.h"

#include <stdlib.h>
#include <string.h>

#define JSON "application/json"
#define OFFLINE_CHARACTERS 100 /* VARCHAR(100) of client_offline_state */

typedef struct asked {
    query_t query;
    metaserver_t *m;
    http_request_t *request;
    int32_t state; /* of /onoffline */
} asked_t;

/* Takes data over. */
static void answer(http_request_t *r, int status, const char *message, json_t *data) {
    json_t *body = json_pack("{s:i, s:s, s:o}", "status", status, "message", message, "data", data == NULL ? json_null() : data);
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    char *line = memory_printf("%s\n", text == NULL ? "{\"status\":-1,\"message\":\"未知错误\",\"data\":null}" : text);
    http_respond(r, 200, JSON, line, strlen(line));
    memory_free(line);
    free(text);
    json_decref(body);
}

static const char *parameter(const http_request_t *r, const char *name) {
    const char *value = http_request_parameter(r, name);
    return value == NULL ? "" : value;
}

static void submit(metaserver_t *m, http_request_t *r, int32_t state, bool writes, void (*run)(query_t *q, db_session_t *session)) {
    asked_t *a = memory_zalloc(sizeof *a);
    a->m = m;
    a->request = r;
    a->state = state;
    apr_status_t rv = database_submit(m->database, &a->query, writes, run);
    if (rv == APR_SUCCESS) return;
    memory_free(a);
    answer(r, -1, rv == QMQ_E_FULL ? "too much work waits for the database" : "the metaserver stops", NULL);
}

/* Consumers. */

typedef struct consumers {
    const char *subject;
    json_t *list;
    json_t *by_group; /* group -> its list of end points, borrowed from list */
} consumers_t;

/* The list of end points of a group, in the order in which groups were met. */
static json_t *points_of(consumers_t *c, const char *group) {
    json_t *points = json_object_get(c->by_group, group);
    if (points != NULL) return points;
    points = json_array();
    (void)json_object_set(c->by_group, group, points);
    (void)json_array_append_new(c->list, json_pack("{s:s, s:s, s:s, s:n, s:o}", "namespace", "newqmq", "prefix", c->subject,
                                                   "consumerGroup", group, "owner", "endPoint", points));
    return points;
}

enum { COLUMN_GROUP, COLUMN_CLIENT, COLUMN_APP, COLUMN_ROOM, COLUMNS };

static bool take_consumer(void *arg, const db_value_t *columns, size_t count) {
    consumers_t *c = arg;
    if (count < COLUMNS || view_has(columns[COLUMN_GROUP].text, '\0')) return true;
    char *group = memory_strndup(columns[COLUMN_GROUP].text.data, columns[COLUMN_GROUP].text.size);
    (void)json_array_append_new(points_of(c, group),
                                json_sprintf("qmq://%.*s?room=%.*s&appCode=%.*s", VIEW_ARG(columns[COLUMN_CLIENT].text),
                                             VIEW_ARG(columns[COLUMN_ROOM].text), VIEW_ARG(columns[COLUMN_APP].text)));
    memory_free(group);
    return true;
}

static void list_consumers(query_t *q, db_session_t *session) {
    asked_t *a = (asked_t *)q;
    consumers_t c = {.subject = parameter(a->request, "subject"), .list = json_array(), .by_group = json_object()};
    db_value_t value = DB_TEXT_OF(view_of(c.subject));
    apr_status_t rv = session == NULL
                          ? q->work.status
                          : db_execute(session, database_statements(a->m->database)->consumers, &value, 1, take_consumer, &c, NULL);
    if (rv == APR_SUCCESS) {
        answer(a->request, 0, "成功", c.list);
    } else {
        char text[128];
        log_error(a->m->log, "/subject/consumers of %s: the database does not answer: %s", c.subject, status_text(rv, text, sizeof text));
        answer(a->request, -1, "未知错误", NULL);
        json_decref(c.list);
    }
    json_decref(c.by_group);
    memory_free(a);
}

void consumers_handle(void *arg, http_request_t *r) {
    if (*parameter(r, "subject") == 0)
        answer(r, -1, "请求的主题不能为空", NULL);
    else
        submit(arg, r, 0, false, list_consumers);
}

/* On and off line. */

static bool take_state(void *arg, const db_value_t *columns, size_t count) {
    *(int *)arg = count > 0 && columns[0].number == 0 ? STATE_ONLINE : STATE_OFFLINE;
    return false;
}

static apr_status_t change(const asked_t *a, db_session_t *session, const db_value_t place[3]) {
    const statements_t *s = database_statements(a->m->database);
    if (a->state != STATE_ONLINE) {
        db_value_t values[] = {place[0], place[1], place[2], DB_INT_OF(STATE_OFFLINE)};
        return db_execute(session, s->offline_put, values, 4, NULL, NULL, NULL);
    }
    if (view_equal(place[0].text, view_of("*"))) return db_execute(session, s->offline_clear, place + 1, 2, NULL, NULL, NULL);
    return db_execute(session, s->offline_delete, place, 3, NULL, NULL, NULL);
}

static void run_onoffline(query_t *q, db_session_t *session) {
    asked_t *a = (asked_t *)q;
    const char *operation = parameter(a->request, "operation");
    const db_value_t place[3] = {DB_TEXT_OF(view_of(parameter(a->request, "clientId"))),
                                 DB_TEXT_OF(view_of(parameter(a->request, "subject"))),
                                 DB_TEXT_OF(view_of(parameter(a->request, "consumerGroup")))};
    bool updates = strcmp(operation, "update") == 0;
    int state = STATE_ONLINE;
    apr_status_t rv = q->work.status;
    if (session != NULL)
        rv = updates ? change(a, session, place)
                     : db_execute(session, database_statements(a->m->database)->offline_state, place, 3, take_state, &state, NULL);
    if (rv == APR_SUCCESS) {
        answer(a->request, 0, updates ? "ok" : state == STATE_ONLINE ? "ON" : "OFF", NULL);
    } else {
        char text[DATABASE_CAUSE_BYTES];
        char *message = memory_printf("database: %s", database_cause(a->m->database, session, rv, text));
        log_error(a->m->log, "/onoffline of %.*s: %s", VIEW_ARG(place[1].text), message);
        answer(a->request, -1, message, NULL);
        memory_free(message);
    }
    memory_free(a);
}

/* Every text must fit its column: a row that is cut would switch somebody else off. */
static bool are_valid(const http_request_t *r, int32_t *state) {
    static const char *const names[] = {"operation", "clientId", "subject", "consumerGroup"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        view_t value = view_of(parameter(r, names[i]));
        if (value.size == 0 || text_characters(value) > OFFLINE_CHARACTERS) return false;
    }
    return id_parse_i32(view_of(parameter(r, "state")), state);
}

void onoffline_handle(void *arg, http_request_t *r) {
    metaserver_t *m = arg;
    const char *operation = parameter(r, "operation");
    bool updates = strcmp(operation, "update") == 0;
    char who[128] = "";
    int32_t state;
    if (m->onoffline_needs_token &&
        !token_is_valid(m->token_file, m->internal_token, http_request_header(r, "X-Api-Token"), who, sizeof who)) {
        answer(r, -1, "没有提供合法的 Api Token", NULL);
    } else if (!are_valid(r, &state)) {
        answer(r, -1, "invalid parameter", NULL);
    } else if (!updates && strcmp(operation, "query") != 0) {
        char *message = memory_printf("unsupport: %s", operation);
        answer(r, -1, message, NULL);
        memory_free(message);
    } else {
        if (updates)
            log_info(m->log, "/onoffline from %s: %s %s of group %s, subject %s", http_request_peer(r),
                     state == STATE_ONLINE ? "on" : "off", parameter(r, "clientId"), parameter(r, "consumerGroup"),
                     parameter(r, "subject"));
        submit(m, r, state, updates, run_onoffline);
    }
}
