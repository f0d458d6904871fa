/* ListBrokerGroups and ListSubjectRoutes (metaserver.md 11.4, 11.5): bare arrays, read from the database and written row by row. */
#include "base/memory.h"
#include "base/writer.h"
#include "metaserver/management.h"
#include "metaserver/stored_route.h"
#include "protocol/codes.h"

#include <stdlib.h>

typedef struct listing {
    writer_t out;
    const log_t *log;
    bool first;
} listing_t;

static void put(listing_t *l, const char *text) {
    writer_bytes(&l->out, text, strlen(text));
}

/* Takes the reference over. */
static void put_row(listing_t *l, json_t *row) {
    char *text = row == NULL ? NULL : json_dumps(row, JSON_COMPACT);
    json_decref(row);
    if (text == NULL) return; /* text that is not UTF-8 */
    put(l, l->first ? "" : ",");
    l->first = false;
    put(l, text);
    free(text);
}

static void begin(listing_t *l, const action_call_t *call) {
    *l = (listing_t){.log = call->m->log, .first = true};
    writer_init(&l->out, 1024);
    put(l, "[");
}

static void end(listing_t *l, action_call_t *call) {
    put(l, "]\n");
    view_t text = writer_view(&l->out);
    if (l->out.failed)
        action_answer_failed(call, NULL, APR_ENOMEM);
    else
        action_answer_text(call, text.data, text.size);
    writer_free(&l->out);
}

/* Groups. */

/* An object of texts, else null. */
static json_t *ext_of(const db_value_t *column) {
    json_t *ext = column->type == DB_TEXT ? json_loadb(column->text.data, column->text.size, 0, NULL) : NULL;
    if (json_is_object(ext)) return ext;
    json_decref(ext);
    return json_null();
}

static bool list_group(void *arg, const db_value_t *columns, size_t count) {
    listing_t *l = arg;
    live_group_t g;
    if (!live_group_read(columns, count, &g)) {
        log_warn(l->log, "a row of table broker_group (%.*s) has an impossible value and is left out", VIEW_ARG(columns[0].text));
        return true;
    }
    put_row(l, json_pack("{s:s%, s:s%, s:n, s:I, s:s, s:s%, s:s, s:o}", "groupName", g.name.data, g.name.size, "master",
                         g.master.data == NULL ? "" : g.master.data, g.master.size, "slaves", "updateTime", (json_int_t)g.update_time,
                         "brokerState", broker_state_name(g.state), "tag", g.tag.data == NULL ? "" : g.tag.data, g.tag.size, "kind",
                         group_kind_name(g.kind), "ext", ext_of(&columns[LIVE_GROUP_EXT])));
    return true;
}

void action_list_groups(action_call_t *call, db_session_t *session) {
    listing_t l;
    begin(&l, call);
    apr_status_t rv = session == NULL ? call->query.work.status
                                      : db_execute(session, database_groups_statement(call->m->database), NULL, 0, list_group, &l, NULL);
    if (rv == APR_SUCCESS) {
        end(&l, call);
    } else {
        writer_free(&l.out);
        action_answer_failed(call, session, rv);
    }
}

/* Routes. */

static bool list_route(void *arg, const db_value_t *columns, size_t count) {
    listing_t *l = arg;
    stored_route_t route;
    if (!stored_route_read(&route, columns, count, l->log)) return true;
    put_row(l, stored_route_json(&route));
    stored_route_clear(&route);
    return true;
}

void action_list_routes(action_call_t *call, db_session_t *session) {
    listing_t l;
    begin(&l, call);
    apr_status_t rv = session == NULL ? call->query.work.status
                                      : db_execute(session, database_statements(call->m->database)->routes, NULL, 0, list_route, &l, NULL);
    if (rv != APR_SUCCESS) {
        log_error(call->m->log, "ListSubjectRoutes: the routes cannot be read");
        l.out.used = 0;
        l.first = true;
        put(&l, "[");
    }
    end(&l, call);
}
