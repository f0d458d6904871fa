/* ReplaceBroker (metaserver.md 11.2), and SwapBroker: master and slave of a group change places in one transaction, which two
 * ReplaceBroker cannot do, as the host and port of a row are unique. */
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_form.h"
#include "protocol/codes.h"

#include <stdio.h>
#include <string.h>

#define NOT_REPLACED "replace broker action failed"
#define TRIES 20
#define NO_SUCH_ROLE "no exist broker with this broker group name and role"
/* Where the first of two rows waits while the second takes its place; no machine is called so. */
#define PLACEHOLDER_HOST "~swap~"

static bool read_broker(action_call_t *call, broker_row_t *b) {
    if (!broker_form_role(call, NOT_REPLACED, b)) return false;
    if (*action_text(call, "brokerGroup") == 0) {
        action_answer_refused(call, NULL, "should provide broker group name");
        return false;
    }
    return broker_form_ports(call, NOT_REPLACED, true, b) && broker_form_place(call, NOT_REPLACED, true, b);
}

/* B6: the row moves if it still is as `from` says. */
static apr_status_t move(const action_call_t *call, db_session_t *session, const broker_row_t *from, const broker_row_t *to,
                         int64_t *moved) {
    db_value_t values[] = {
        DB_TEXT_OF(view_of(to->host)),    DB_INT_OF(to->ip),     DB_INT_OF(to->serve_port),       DB_INT_OF(to->sync_port),
        DB_TEXT_OF(view_of(from->group)), DB_INT_OF(from->role), DB_TEXT_OF(view_of(from->host)), DB_INT_OF(from->serve_port)};
    return db_execute(session, database_statements(call->m->database)->broker_replace, values, 8, NULL, NULL, moved);
}

static apr_status_t select_role(const action_call_t *call, db_session_t *session, const broker_row_t *b, broker_rows_t *rows) {
    db_value_t values[] = {DB_TEXT_OF(view_of(b->group)), DB_INT_OF(b->role)};
    return db_execute(session, database_statements(call->m->database)->broker_by_role, values, 2, broker_rows_take, rows, NULL);
}

static void answer_error(action_call_t *call, db_session_t *session, apr_status_t status) {
    char text[DATABASE_CAUSE_BYTES];
    action_answer_refused(call, NULL, NOT_REPLACED ", caused by: %s", database_cause(call->m->database, session, status, text));
}

/* The place is another broker's. */
static void answer_taken(action_call_t *call, db_session_t *session, const broker_row_t *b) {
    broker_rows_t rows = {.log = call->m->log};
    db_value_t values[] = {DB_TEXT_OF(view_of(b->host)), DB_INT_OF(b->serve_port)};
    apr_status_t rv = db_execute(session, database_statements(call->m->database)->broker_by_host, values, 2, broker_rows_take, &rows, NULL);
    if (rv != APR_SUCCESS || rows.count == 0)
        action_answer_refused(call, NULL, NOT_REPLACED ", caused by: host %s port %d is taken", b->host, (int)b->serve_port);
    else
        action_answer_refused(call, NULL,
                              NOT_REPLACED ", caused by: host %s port %d is %s of brokerGroup %s already; SwapBroker exchanges master and "
                                           "slave of a group",
                              b->host, (int)b->serve_port, broker_role_name(rows.items[0].role), rows.items[0].group);
    memory_free(rows.items);
}

/* One try; true when it was answered. */
static bool replace(action_call_t *call, db_session_t *session, const broker_row_t *b) {
    broker_rows_t rows = {.log = call->m->log};
    int64_t moved = 0;
    apr_status_t rv = session == NULL ? call->query.work.status : select_role(call, session, b, &rows);
    if (rv == APR_SUCCESS && rows.count > 0) rv = move(call, session, &rows.items[0], b, &moved);
    bool answered = true;
    if (rv == QMQ_E_LOCKED)
        answer_taken(call, session, b);
    else if (rv != APR_SUCCESS)
        answer_error(call, session, rv);
    else if (rows.count == 0)
        action_answer_refused(call, NULL, NO_SUCH_ROLE);
    else if (moved > 0)
        action_answer_ok(call, broker_row_json(&rows.items[0]));
    else
        answered = false;
    memory_free(rows.items);
    return answered;
}

void action_replace_broker(action_call_t *call, db_session_t *session) {
    broker_row_t b;
    if (!read_broker(call, &b)) return;
    bool answered = false;
    for (int i = 0; i < TRIES && !answered; i++) answered = replace(call, session, &b);
    if (!answered) action_answer_refused(call, NULL, "replace broker failed. retry count: %d", TRIES);
}

/* SwapBroker. */

typedef struct pair {
    action_call_t *call;
    const broker_row_t *master;
    const broker_row_t *slave;
} pair_t;

/* Three moves; QMQ_E_NOT_FOUND when a row has changed meanwhile. */
static apr_status_t exchange(void *arg, db_session_t *session) {
    const pair_t *p = arg;
    broker_row_t away = *p->master;
    (void)snprintf(away.host, sizeof away.host, PLACEHOLDER_HOST "%s", away.group);
    int64_t first = 0, second = 0, third = 0;
    apr_status_t rv = move(p->call, session, p->master, &away, &first);
    if (rv == APR_SUCCESS && first > 0) rv = move(p->call, session, p->slave, p->master, &second);
    if (rv == APR_SUCCESS && second > 0) rv = move(p->call, session, &away, p->slave, &third);
    return rv == APR_SUCCESS && third == 0 ? QMQ_E_NOT_FOUND : rv;
}

static void swap(action_call_t *call, db_session_t *session, const broker_row_t *master, const broker_row_t *slave) {
    pair_t pair = {call, master, slave};
    apr_status_t rv = db_transaction(session, exchange, &pair);
    if (rv != APR_SUCCESS && rv != QMQ_E_NOT_FOUND) {
        action_answer_failed(call, session, rv);
    } else if (rv == QMQ_E_NOT_FOUND) {
        action_answer_refused(call, NULL, "the brokers of brokerGroup %s were changed by somebody else meanwhile, nothing was swapped",
                              master->group);
    } else {
        broker_row_t new_master = *slave, new_slave = *master;
        new_master.role = master->role;
        new_slave.role = slave->role;
        log_info(call->m->log, "master and slave of broker group %s have changed places: %s is host %s port %d now", master->group,
                 broker_role_name(new_master.role), new_master.host, (int)new_master.serve_port);
        action_answer_ok(call, json_pack("[o, o]", broker_row_json(&new_master), broker_row_json(&new_slave)));
    }
}

void action_swap_broker(action_call_t *call, db_session_t *session) {
    const char *group = action_text(call, "brokerGroup");
    if (*group == 0) {
        action_answer_refused(call, NULL, "please provide broker group name");
        return;
    }
    broker_rows_t rows = {.log = call->m->log};
    db_value_t value = DB_TEXT_OF(view_of(group));
    apr_status_t rv = session == NULL ? call->query.work.status
                                      : db_execute(session, database_statements(call->m->database)->broker_by_group, &value, 1,
                                                   broker_rows_take, &rows, NULL);
    const broker_row_t *master = rv == APR_SUCCESS ? broker_rows_find(&rows, ROLE_MASTER, ROLE_DELAY_MASTER) : NULL;
    const broker_row_t *slave = rv == APR_SUCCESS ? broker_rows_find(&rows, ROLE_SLAVE, ROLE_DELAY_SLAVE) : NULL;
    if (rv != APR_SUCCESS)
        action_answer_failed(call, session, rv);
    else if (master == NULL || slave == NULL)
        action_answer_refused(call, NULL, "brokerGroup %s has no %s to swap", group, master == NULL ? "master" : "slave");
    else
        swap(call, session, master, slave);
    memory_free(rows.items);
}
