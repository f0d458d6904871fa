/* BROKER_ACQUIRE_META (metaserver.md 6.3): always read from the database, so that a change of role acts at the broker's next start. */
#include "base/memory.h"
#include "base/status.h"
#include "metaserver/broker_rows.h"
#include "metaserver/metaserver_internal.h"
#include "portability/clock.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/codes.h"

#include <stdio.h>
#include <string.h>

#define LINE_US ((int64_t)1000000)

typedef struct acquisition {
    query_t query;
    metaserver_t *m;
    answer_t *answer;
    int32_t port;
    char peer[32]; /* "ip:port" */
    char host[];   /* zero-terminated */
} acquisition_t;

static apr_status_t select_rows(db_session_t *session, const char *statement, const db_value_t *values, size_t count, broker_rows_t *rows) {
    return db_execute(session, statement, values, count, broker_rows_take, rows, NULL);
}

/* Counts a refusal; whether it is to be told too. */
static bool note_refusal(const acquisition_t *a, const char *reason, int64_t *left_out) {
    metric_labels_t labels = {"reason", view_of(reason), NULL, {NULL, 0}};
    metric_add(metrics_counter(a->m->metrics, "brokerAcquireMetaRefused", labels), 1);
    return refusals_permit(a->m->refusals, view_of(a->host), clock_mono_us(), left_out);
}

static void tell(const acquisition_t *a, const char *reason, const char *detail) {
    int64_t left_out = 0;
    if (!note_refusal(a, reason, &left_out)) return;
    log_warn(a->m->log, "BROKER_ACQUIRE_META of host %s port %d from %s is refused: %s: %s (%lld refusals of this host were not told)",
             a->host, (int)a->port, a->peer, reason, detail, (long long)left_out);
}

/* The row that was meant: the same host with another port, else the same address under another name, best with the same port. */
static const broker_row_t *find_meant(const acquisition_t *a, const broker_rows_t *rows, const char **reason) {
    const broker_row_t *other_port = NULL, *other_name = NULL;
    for (size_t i = 0; i < rows->count; i++) {
        const broker_row_t *row = &rows->items[i];
        if (strcmp(row->host, a->host) == 0)
            other_port = row;
        else if (row->serve_port == a->port)
            other_name = row;
    }
    *reason = other_port != NULL ? "the port differs" : "the host name differs";
    return other_port != NULL ? other_port : other_name;
}

static void tell_unknown(const acquisition_t *a, db_session_t *session) {
    broker_rows_t rows = {.items = NULL};
    uint32_t ip = 0;
    char peer[BROKER_IP_BYTES];
    (void)snprintf(peer, sizeof peer, "%.*s", (int)strcspn(a->peer, ":"), a->peer);
    (void)broker_ip_parse(peer, &ip); /* 0 finds nobody */
    db_value_t values[] = {DB_TEXT_OF(view_of(a->host)), DB_INT_OF(ip)};
    apr_status_t rv = select_rows(session, database_statements(a->m->database)->broker_machine, values, 2, &rows);
    const char *reason = NULL;
    const broker_row_t *meant = rv == APR_SUCCESS ? find_meant(a, &rows, &reason) : NULL;
    if (meant != NULL) {
        char *detail =
            memory_printf("registered is host %s port %d (group %s, %s); tools ReplaceBroker changes it, host name and port must be "
                          "equal to the letter",
                          meant->host, (int)meant->serve_port, meant->group, broker_role_name(meant->role));
        tell(a, reason, detail);
        memory_free(detail);
    } else {
        tell(a, "it is not registered", "tools AddBroker registers it, host name and port must be equal to the letter");
    }
    memory_free(rows.items);
}

static void tell_alone(const acquisition_t *a, const broker_row_t *own) {
    const char *source = own->role == ROLE_SLAVE || own->role == ROLE_DELAY_SLAVE ? "master" : "slave";
    char *detail = memory_printf("it is %s of group %s, which has no %s; register one with tools AddBroker", broker_role_name(own->role),
                                 own->group, source);
    tell(a, "there is nobody to copy from", detail);
    memory_free(detail);
}

/* Where the broker copies from; false when it must and there is nobody. */
static bool find_source(const acquisition_t *a, db_session_t *session, const broker_row_t *own, char *master, size_t size,
                        apr_status_t *rv) {
    bool slave = own->role == ROLE_SLAVE || own->role == ROLE_DELAY_SLAVE;
    bool backup = own->role == ROLE_BACKUP || own->role == ROLE_DELAY_BACKUP;
    *master = 0;
    if (!slave && !backup) return true;
    broker_rows_t group = {.log = a->m->log};
    db_value_t value = DB_TEXT_OF(view_of(own->group));
    *rv = select_rows(session, database_statements(a->m->database)->broker_by_group, &value, 1, &group);
    const broker_row_t *source =
        slave ? broker_rows_find(&group, ROLE_MASTER, ROLE_DELAY_MASTER) : broker_rows_find(&group, ROLE_SLAVE, ROLE_DELAY_SLAVE);
    if (*rv == APR_SUCCESS && source != NULL) {
        char ip[BROKER_IP_BYTES];
        broker_ip_text(source->ip, ip);
        (void)snprintf(master, size, "%s:%d", ip, (int)source->sync_port);
    }
    memory_free(group.items);
    if (*rv == APR_SUCCESS && *master == 0) tell_alone(a, own);
    return *master != 0;
}

static bool acquire(const acquisition_t *a, db_session_t *session, chain_t *body, apr_status_t *rv) {
    broker_rows_t own = {.log = a->m->log};
    db_value_t values[] = {DB_TEXT_OF(view_of(a->host)), DB_INT_OF(a->port)};
    *rv = select_rows(session, database_statements(a->m->database)->broker_by_host, values, 2, &own);
    char master[64];
    bool good = *rv == APR_SUCCESS && own.count > 0 && find_source(a, session, &own.items[0], master, sizeof master, rv);
    if (*rv == APR_SUCCESS && own.count == 0) tell_unknown(a, session);
    if (good) {
        broker_acquire_meta_response_t response = {view_of(own.items[0].group), view_of(master), own.items[0].role};
        writer_t w;
        writer_init(&w, 64);
        broker_acquire_meta_response_write(&w, &response);
        size_t size = 0;
        uint8_t *bytes = writer_take(&w, &size);
        good = bytes != NULL;
        if (good) chain_append_memory(body, bytes, size);
    }
    memory_free(own.items);
    return good;
}

static void run(query_t *q, db_session_t *session) {
    acquisition_t *a = (acquisition_t *)q;
    chain_t body;
    chain_init(&body);
    apr_status_t rv = q->work.status;
    bool good = session != NULL && acquire(a, session, &body, &rv);
    if (!good && rv != APR_SUCCESS) {
        char text[DATABASE_CAUSE_BYTES];
        tell(a, "the database does not answer", database_cause(a->m->database, session, rv, text));
    }
    answer_give(a->answer, good ? RESPONSE_SUCCESS : RESPONSE_BROKER_ERROR, &body);
    chain_clear(&body);
    memory_free(a);
}

void broker_acquire_meta_command(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    metaserver_t *m = arg;
    (void)block;
    int64_t began = clock_mono_us();
    broker_acquire_meta_request_t r;
    if (!broker_acquire_meta_request_read(request->body, &r) || view_has(r.host_name, '\0')) {
        answer_now(c, request, RESPONSE_BROKER_ERROR);
        return;
    }
    int64_t suppressed;
    if (log_permit(&m->acquire_limit, LINE_US / 100, &suppressed))
        log_info(m->log, "broker request BROKER_ACQUIRE_META: %.*s/%d", VIEW_ARG(r.host_name), (int)r.port);
    acquisition_t *a = memory_zalloc(sizeof *a + r.host_name.size + 1);
    a->m = m;
    a->port = r.port;
    (void)snprintf(a->peer, sizeof a->peer, "%s", connection_peer(c));
    if (r.host_name.size > 0) memcpy(a->host, r.host_name.data, r.host_name.size);
    a->answer = answer_expect(c, request);
    answer_t *answer = a->answer;
    if (database_submit(m->database, &a->query, false, run) != APR_SUCCESS) {
        memory_free(a);
        answer_give(answer, RESPONSE_BROKER_ERROR, NULL);
    }
    metric_time_us(m->handler_time, clock_mono_us() - began);
}
