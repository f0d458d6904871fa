/* AddNewSubject, the read-only marks and AddDb (metaserver.md 11.6, 11.10, 11.11). */
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_rows.h"
#include "metaserver/management.h"
#include "metaserver/routing.h"
#include "portability/clock.h"

#include <stdio.h>
#include <string.h>

#define TAG_CHARACTERS 30
#define SOURCE_URL_CHARACTERS 128
#define SOURCE_NAME_CHARACTERS 100
#define SOURCE_ROOM_CHARACTERS 20

static bool fits(const char *text, size_t characters) {
    return text_characters(view_of(text)) <= characters;
}

/* A bare {"error": message, name: value}; value NULL: without it. Takes value over. */
static void answer_error(action_call_t *call, const char *message, const char *name, json_t *value) {
    log_info(call->m->log, "%s refused: %s", call->action->name, message);
    json_t *body = json_pack("{s:s}", "error", message);
    if (value != NULL) (void)json_object_set_new(body, name, value);
    action_answer_json(call, body);
}

/* AddNewSubject. */

static json_t *subject_json(view_t name, view_t tag, int64_t update_time) {
    return json_pack("{s:s%, s:s%, s:I}", "name", name.data == NULL ? "" : name.data, name.size, "tag", tag.data == NULL ? "" : tag.data,
                     tag.size, "updateTime", (json_int_t)update_time);
}

static bool take_subject(void *arg, const db_value_t *columns, size_t count) {
    if (count >= 3) *(json_t **)arg = subject_json(columns[0].text, columns[1].text, columns[2].number);
    return false;
}

/* NULL when there is none, or when the database does not tell. */
static json_t *find_subject(const action_call_t *call, db_session_t *session, const char *name) {
    json_t *found = NULL;
    db_value_t value = DB_TEXT_OF(view_of(name));
    apr_status_t rv =
        db_execute(session, database_statements(call->m->database)->subject_by_name, &value, 1, take_subject, (void *)&found, NULL);
    if (rv != APR_SUCCESS) log_warn(call->m->log, "AddNewSubject: subject %s cannot be looked up: %s", name, db_session_error(session));
    return found;
}

static void insert_subject(action_call_t *call, db_session_t *session, const char *name, const char *tag) {
    db_value_t values[] = {DB_TEXT_OF(view_of(name)), DB_TEXT_OF(view_of(tag))};
    apr_status_t rv = db_execute(session, database_statements(call->m->database)->subject_insert, values, 2, NULL, NULL, NULL);
    if (rv == QMQ_E_LOCKED) {
        answer_error(call, "主题已存在", "data", find_subject(call, session, name));
    } else if (rv != APR_SUCCESS) {
        action_answer_failed(call, session, rv);
    } else {
        refresh_soon(call->m->refresh);
        action_answer_json(call, json_pack("{s:o}", "data", subject_json(view_of(name), view_of(tag), clock_wall_ms())));
    }
}

void action_add_subject(action_call_t *call, db_session_t *session) {
    const char *name = action_text(call, "subject"), *tag = action_text(call, "tag");
    view_t real;
    if (*name == 0 || *tag == 0) {
        answer_error(call, "必须同时提供 subject 和 tag 两个参数", NULL, NULL);
    } else if (!routing_real_subject(view_of(name), &real) || !fits(name, SUBJECT_CHARACTERS)) {
        answer_error(call, "subject 不合法：不能包含空白字符和 /，且不能超过 100 个字符", NULL, NULL);
    } else if (!fits(tag, TAG_CHARACTERS)) {
        answer_error(call, "tag 不能超过 30 个字符", NULL, NULL);
    } else if (session == NULL) {
        action_answer_failed(call, NULL, call->query.work.status);
    } else {
        json_t *found = find_subject(call, session, name);
        if (found != NULL)
            answer_error(call, "主题已存在", "data", found);
        else
            insert_subject(call, session, name, tag);
    }
}

/* Marks. */

static bool read_mark(action_call_t *call, db_value_t values[2]) {
    const char *subject = action_text(call, "subject"), *group = action_text(call, "brokerGroup");
    values[0] = DB_TEXT_OF(view_of(subject));
    values[1] = DB_TEXT_OF(view_of(group));
    if (*subject != 0 && *group != 0) return true;
    action_answer_refused(call, NULL, "必须同时提供 subject 和 brokerGroup 两个参数");
    return false;
}

void action_mark_readonly(action_call_t *call, db_session_t *session) {
    db_value_t values[2];
    if (!read_mark(call, values)) return;
    bool good = session != NULL && text_characters(values[0].text) <= SUBJECT_CHARACTERS &&
                text_characters(values[1].text) <= BROKER_GROUP_CHARACTERS;
    apr_status_t rv =
        good ? db_execute(session, database_statements(call->m->database)->mark_insert, values, 2, NULL, NULL, NULL) : QMQ_E_TOO_LONG;
    if (rv != APR_SUCCESS && rv != QMQ_E_LOCKED) {
        action_answer_refused(call, NULL, "database failed during save readonly broker group setting");
        return;
    }
    catalog_put_mark(call->m->catalog, values[0].text, values[1].text, true);
    refresh_soon(call->m->refresh);
    action_answer_ok(call, json_string("success"));
}

void action_unmark_readonly(action_call_t *call, db_session_t *session) {
    db_value_t values[2];
    if (!read_mark(call, values)) return;
    apr_status_t rv = session == NULL
                          ? call->query.work.status
                          : db_execute(session, database_statements(call->m->database)->mark_delete, values, 2, NULL, NULL, NULL);
    if (rv != APR_SUCCESS) {
        action_answer_failed(call, session, rv);
        return;
    }
    catalog_put_mark(call->m->catalog, values[0].text, values[1].text, false);
    refresh_soon(call->m->refresh);
    action_answer_ok(call, json_string("success"));
}

/* AddDb. */

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\r\n")] == 0;
}

/* What is wrong with the texts, or NULL. */
static const char *source_problem(const char *const texts[4], const char *url, const char *room) {
    static const char *const names[] = {"type is missing", "host is missing", "username is missing", "password is missing"};
    for (int i = 0; i < 4; i++) {
        if (*texts[i] == 0) return names[i];
    }
    if (!fits(url, SOURCE_URL_CHARACTERS)) return "the url is longer than 128 characters";
    if (!fits(texts[2], SOURCE_NAME_CHARACTERS)) return "username is longer than 100 characters";
    if (!fits(texts[3], SOURCE_NAME_CHARACTERS)) return "password is longer than 100 characters";
    return fits(room, SOURCE_ROOM_CHARACTERS) ? NULL : "room is longer than 20 characters";
}

static void insert_source(action_call_t *call, db_session_t *session, const char *url, const char *user, const char *password,
                          const char *room) {
    db_value_t values[] = {DB_TEXT_OF(view_of(url)), DB_TEXT_OF(view_of(user)), DB_TEXT_OF(view_of(password)), DB_TEXT_OF(view_of(room))};
    char text[DATABASE_CAUSE_BYTES];
    apr_status_t rv = session == NULL
                          ? call->query.work.status
                          : db_execute(session, database_statements(call->m->database)->source_insert, values, 4, NULL, NULL, NULL);
    if (rv == APR_SUCCESS)
        action_answer_ok(call, json_string("register success"));
    else
        action_answer_refused(call, NULL, "register failed %s", database_cause(call->m->database, session, rv, text));
}

void action_add_db(action_call_t *call, db_session_t *session) {
    int32_t port;
    char problem[256];
    if (!action_integer(call, "port", &port, problem, sizeof problem)) {
        action_answer_unusable(call, "port", problem);
        return;
    }
    const char *const texts[] = {action_text(call, "type"), action_text(call, "host"), action_text(call, "username"),
                                 action_text(call, "password")};
    const char *room = is_blank(action_text(call, "room")) ? "default" : action_text(call, "room");
    char *url = memory_printf("%s://%s:%d", texts[0], texts[1], (int)port);
    const char *wrong = source_problem(texts, url, room);
    if (wrong != NULL)
        action_answer_refused(call, NULL, "register failed %s", wrong);
    else
        insert_source(call, session, url, texts[2], texts[3], room);
    memory_free(url);
}
