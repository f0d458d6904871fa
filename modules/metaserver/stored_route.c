#include "metaserver/stored_route.h"

#include "base/memory.h"
#include "base/status.h"

enum { COLUMN_SUBJECT, COLUMN_VERSION, COLUMN_JSON, COLUMN_UPDATE_TIME, COLUMNS };

bool stored_route_read(stored_route_t *r, const db_value_t *columns, size_t count, const log_t *log) {
    *r = (stored_route_t){.subject = NULL};
    view_t subject = count < COLUMNS ? view_make(NULL, 0) : columns[COLUMN_SUBJECT].text;
    group_names_t *names = count < COLUMNS || view_has(subject, '\0') ? NULL : group_names_parse(columns[COLUMN_JSON].text);
    if (names == NULL) {
        log_warn(log, "a row of table subject_route (%.*s) has an impossible value and is left out", VIEW_ARG(subject));
        return false;
    }
    r->subject = memory_strndup(subject.data, subject.size);
    r->names = names;
    r->version = columns[COLUMN_VERSION].number;
    r->update_time = columns[COLUMN_UPDATE_TIME].number;
    return true;
}

typedef struct search {
    stored_route_t *route;
    const log_t *log;
} search_t;

static bool take(void *arg, const db_value_t *columns, size_t count) {
    const search_t *s = arg;
    return !stored_route_read(s->route, columns, count, s->log); /* the first usable one */
}

apr_status_t stored_route_find(stored_route_t *r, database_t *d, db_session_t *session, const char *subject, const log_t *log) {
    *r = (stored_route_t){.subject = NULL};
    search_t s = {.route = r, .log = log};
    db_value_t value = DB_TEXT_OF(view_of(subject));
    return db_execute(session, database_statements(d)->route_by_subject, &value, 1, take, &s, NULL);
}

apr_status_t stored_route_write(const stored_route_t *r, database_t *d, db_session_t *session, const group_names_t *names, bool *won) {
    *won = false;
    char *json = group_names_json(names);
    if (json == NULL) return QMQ_E_TOO_LONG;
    int64_t updated = 0;
    db_value_t values[] = {DB_TEXT_OF(view_of(json)), DB_TEXT_OF(view_of(r->subject)), DB_INT_OF(r->version)};
    apr_status_t rv = db_execute(session, database_statements(d)->route_update, values, 3, NULL, NULL, &updated);
    *won = rv == APR_SUCCESS && updated > 0;
    memory_free(json);
    return rv;
}

json_t *stored_route_json(const stored_route_t *r) {
    json_t *groups = json_array();
    for (size_t i = 0; i < r->names->count; i++)
        (void)json_array_append_new(groups, json_stringn(r->names->items[i].data, r->names->items[i].size));
    return json_pack("{s:s, s:o, s:I, s:I}", "subject", r->subject, "brokerGroups", groups, "version", (json_int_t)r->version, "updateTime",
                     (json_int_t)r->update_time);
}

void stored_route_clear(stored_route_t *r) {
    memory_free(r->subject);
    memory_free(r->names);
    *r = (stored_route_t){.subject = NULL};
}
