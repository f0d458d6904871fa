/* AddBroker, RegisterBroker and ListBrokers (metaserver.md 11.1, 11.3). RegisterBroker is ours: a broker tells about itself, and its row is
 * inserted, or moved when its host, address or ports have changed (design decisions 9, 30), unless another host is on line there. */
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_form.h"
#include "protocol/codes.h"

#include <string.h>

#define NOT_ADDED_WHY "add broker failed"
#define NOT_ADDED "broker group's role already exist or broker already added"

/* Everything that can be said without the database, in the order of 11.1; false when it was answered. */
static bool read_broker(action_call_t *call, broker_row_t *b) {
    if (!broker_form_role(call, NOT_ADDED_WHY, b)) return false;
    bool needs_sync_port = !role_is_backup(b->role);
    if (!broker_form_ports(call, NOT_ADDED_WHY, needs_sync_port, b)) return false;
    if (*action_text(call, "brokerGroup") == 0)
        action_answer_refused(call, NULL, "please provide broker group name");
    else if (b->role == ROLE_STANDBY || b->role == ROLE_DELAY)
        action_answer_refused(call, NULL, "invalid broker role code %d", (int)b->role);
    else
        return broker_form_place(call, NOT_ADDED_WHY, needs_sync_port, b);
    return false;
}

static apr_status_t select_group(action_call_t *call, db_session_t *session, const char *group, broker_rows_t *rows) {
    db_value_t value = DB_TEXT_OF(view_of(group));
    return db_execute(session, database_statements(call->m->database)->broker_by_group, &value, 1, broker_rows_take, rows, NULL);
}

/* A group holds real-time brokers or delay servers; false when it was answered. */
static bool is_of_one_kind(action_call_t *call, const broker_row_t *b, const broker_rows_t *group) {
    for (size_t i = 0; i < group->count; i++) {
        int kind = broker_role_kind(group->items[i].role);
        if (kind == broker_role_kind(b->role)) continue;
        action_answer_refused(call, NULL, "The brokerGroup: %s holds brokers of kind %s, role %s needs a brokerGroup of its own", b->group,
                              group_kind_name(kind), broker_role_name(b->role));
        return false;
    }
    return true;
}

/* MySQL takes names that differ in case only for one name (its collation), clients and brokers do not; false when it was answered. */
static bool is_spelled_so(action_call_t *call, const broker_row_t *b, const broker_rows_t *group) {
    for (size_t i = 0; i < group->count; i++) {
        if (strcmp(group->items[i].group, b->group) == 0) continue;
        action_answer_refused(call, NULL,
                              "The brokerGroup: %s is %s in the database, which takes both for one name: use that, or another one",
                              b->group, group->items[i].group);
        return false;
    }
    return true;
}

static bool has_place(action_call_t *call, const broker_row_t *b, const broker_rows_t *group) {
    if (group->count >= 3) {
        action_answer_refused(call, NULL, "The brokerGroup: %s already exists", b->group);
        return false;
    }
    for (size_t i = 0; i < group->count; i++) {
        if (group->items[i].role != b->role) continue;
        action_answer_refused(call, NULL, "The brokerGroup: %s with role: %s already exists, you need use other brokerGroup name", b->group,
                              broker_role_name(b->role));
        return false;
    }
    return is_spelled_so(call, b, group) && is_of_one_kind(call, b, group);
}

static apr_status_t insert(action_call_t *call, db_session_t *session, const broker_row_t *b, int64_t *inserted) {
    db_value_t values[] = {DB_TEXT_OF(view_of(b->group)), DB_INT_OF(b->role),     DB_TEXT_OF(view_of(b->host)), DB_INT_OF(b->ip),
                           DB_INT_OF(b->serve_port),      DB_INT_OF(b->sync_port)};
    return db_execute(session, database_statements(call->m->database)->broker_insert, values, 6, NULL, NULL, inserted);
}

static void insert_and_answer(action_call_t *call, db_session_t *session, const broker_row_t *b) {
    int64_t inserted = 0;
    apr_status_t rv = insert(call, session, b, &inserted);
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (inserted == 0)
        action_answer_refused(call, NULL, NOT_ADDED);
    else
        action_answer_ok(call, broker_row_json(b));
}

void action_add_broker(action_call_t *call, db_session_t *session) {
    broker_row_t b;
    if (!read_broker(call, &b)) return;
    broker_rows_t group = {.log = call->m->log};
    apr_status_t rv = session == NULL ? call->query.work.status : select_group(call, session, b.group, &group);
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (has_place(call, &b, &group))
        insert_and_answer(call, session, &b);
    memory_free(group.items);
}

/* RegisterBroker. */

static bool is_same(const broker_row_t *a, const broker_row_t *b) {
    return strcmp(a->host, b->host) == 0 && a->ip == b->ip && a->serve_port == b->serve_port && a->sync_port == b->sync_port;
}

static void move_and_answer(action_call_t *call, db_session_t *session, const broker_row_t *from, const broker_row_t *b) {
    db_value_t values[] = {DB_TEXT_OF(view_of(b->host)),  DB_INT_OF(b->ip),  DB_INT_OF(b->serve_port), DB_INT_OF(b->sync_port),
                           DB_TEXT_OF(view_of(b->group)), DB_INT_OF(b->role)};
    apr_status_t rv = db_execute(session, database_statements(call->m->database)->broker_move, values, 6, NULL, NULL, NULL);
    if (rv == QMQ_E_LOCKED) {
        action_answer_refused(call, NULL, NOT_ADDED);
    } else if (rv != APR_SUCCESS) {
        action_answer_failed(call, session, rv);
    } else {
        log_info(call->m->log, "%s of broker group %s moved from host %s port %d to host %s port %d", broker_role_name(b->role), b->group,
                 from->host, (int)from->serve_port, b->host, (int)b->serve_port);
        action_answer_ok(call, broker_row_json(b));
    }
}

static bool take_group(void *arg, const db_value_t *columns, size_t count) {
    live_group_t group;
    if (live_group_read(columns, count, &group) && group.state != BROKER_NRW)
        *(char **)arg = memory_strndup(group.master.data, group.master.size);
    return false;
}

/* Where the group's master is on line (memory_free), NULL when it is not. */
static apr_status_t find_master(const action_call_t *call, db_session_t *session, const char *group, char **master) {
    db_value_t value = DB_TEXT_OF(view_of(group));
    return db_execute(session, database_statements(call->m->database)->group_by_name, &value, 1, take_group, (void *)master, NULL);
}

/* Whether the place that this broker would take over is free. When another one is on line there two pairs use one group name: that is so
 * when its host is another one, or when somebody still answers at the place (two brokers on one machine, machines of one name). False too
 * when it was not answered. */
static bool is_left(action_call_t *call, db_session_t *session, const broker_row_t *own, const broker_row_t *b) {
    char *master = NULL;
    apr_status_t rv = find_master(call, session, own->group, &master);
    char ip[BROKER_IP_BYTES];
    broker_ip_text(own->ip, ip);
    char *place = memory_printf("%s:%d", ip, (int)own->serve_port);
    bool same_host = strcmp(own->host, b->host) == 0;
    bool on_line = master != NULL && strcmp(master, place) == 0;
    bool left = rv == APR_SUCCESS && (!on_line || (same_host && !broker_requests_finds(place)));
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (!left)
        action_answer_refused(
            call, NULL,
            "The brokerGroup: %s with role: %s is used by host %s port %d (%s), which is on line%s: use other brokerGroup "
            "name, or stop that broker first",
            own->group, broker_role_name(own->role), own->host, (int)own->serve_port, place,
            same_host ? " and has the same host name" : "");
    memory_free(place);
    memory_free(master);
    return left;
}

static void register_in(action_call_t *call, db_session_t *session, const broker_row_t *b, const broker_rows_t *group) {
    const broker_row_t *own = broker_rows_find(group, b->role, b->role);
    if (own == NULL && is_of_one_kind(call, b, group))
        insert_and_answer(call, session, b);
    else if (own != NULL && is_same(own, b))
        action_answer_ok(call, broker_row_json(b));
    else if (own != NULL && is_left(call, session, own, b))
        move_and_answer(call, session, own, b);
}

void action_register_broker(action_call_t *call, db_session_t *session) {
    broker_row_t b;
    if (!read_broker(call, &b)) return;
    broker_rows_t group = {.log = call->m->log};
    apr_status_t rv = session == NULL ? call->query.work.status : select_group(call, session, b.group, &group);
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (is_spelled_so(call, &b, &group))
        register_in(call, session, &b, &group);
    memory_free(group.items);
}

/* ListBrokers. */

void action_list_brokers(action_call_t *call, db_session_t *session) {
    const char *name = action_text(call, "brokerGroup");
    broker_rows_t rows = {.log = call->m->log};
    apr_status_t rv = session == NULL ? call->query.work.status : APR_SUCCESS;
    if (rv == APR_SUCCESS && *name != 0) rv = select_group(call, session, name, &rows);
    if (rv == APR_SUCCESS && *name == 0)
        rv = db_execute(session, database_statements(call->m->database)->brokers, NULL, 0, broker_rows_take, &rows, NULL);
    if (rv != APR_SUCCESS) {
        action_answer_refused(call, NULL, "list brokers action failed");
    } else {
        json_t *list = json_array();
        for (size_t i = 0; i < rows.count; i++) (void)json_array_append_new(list, broker_row_json(&rows.items[i]));
        action_answer_ok(call, list);
    }
    memory_free(rows.items);
}
