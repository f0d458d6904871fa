#include "metaserver/refresh.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "portability/executor.h"
#include "protocol/codes.h"

#include <stdatomic.h>
#include <stdio.h>

#define OFFLINE_PERIOD_US ((int64_t)30 * 1000000)
#define SLAVES_PERIOD_US ((int64_t)5 * 1000000)
/* Side files act within 10 s, also when the snapshot is refreshed less often. */
#define ROUND_MAX_US ((int64_t)5 * 1000000)
#define LINE_US ((int64_t)60 * 1000000)

struct refresh {
    refresh_options_t options;
    periodic_t *thread;
    _Atomic bool wanted;
    int64_t snapshot_due_us; /* the thread's */
    int64_t offline_due_us;
    int64_t slaves_due_us;
    _Atomic int64_t done_us;
    bool failing;
    metric_t *offline_errors;
    log_limit_t poison_limit;
};

/* One reading of the tables. */
typedef struct reading {
    refresh_t *refresh;
    bool snapshot;
    bool offline;
    bool slaves;
    broker_groups_t *groups;
    routes_t *routes;
    subject_tags_t *tags;
    marks_t *readonly;
    marks_t *states;
    broker_rows_t brokers;
    int64_t now_ms;
    apr_status_t snapshot_status;
    apr_status_t offline_status;
    apr_status_t slaves_status; /* the last to be read: it has every failure before it too */
    char cause[256];
} reading_t;

static void tell_poison(refresh_t *r, const char *table, view_t name) {
    int64_t suppressed;
    if (log_permit(&r->poison_limit, LINE_US, &suppressed))
        log_error(r->options.log,
                  "the row %.*s of table %s has an impossible value and is left out; correct or delete it (%lld such lines left out)",
                  VIEW_ARG(name), table, (long long)suppressed);
}

static bool take_group(void *arg, const db_value_t *columns, size_t count) {
    reading_t *reading = arg;
    live_group_t group;
    if (live_group_read(columns, count, &group))
        broker_groups_put(reading->groups, &group);
    else
        tell_poison(reading->refresh, "broker_group", columns[0].text);
    return true;
}

static bool take_tag(void *arg, const db_value_t *columns, size_t count) {
    reading_t *reading = arg;
    if (count >= 2) subject_tags_add(reading->tags, columns[0].text, columns[1].text);
    return true;
}

static bool take_route(void *arg, const db_value_t *columns, size_t count) {
    reading_t *reading = arg;
    if (count < 3 || !routes_add(reading->routes, columns[0].text, columns[2].text))
        tell_poison(reading->refresh, "subject_route", columns[0].text);
    return true;
}

static bool take_mark(void *arg, const db_value_t *columns, size_t count) {
    reading_t *reading = arg;
    if (count >= 2) marks_add(reading->readonly, (view_t[]){columns[0].text, columns[1].text}, 2, 1);
    return true;
}

static bool take_state(void *arg, const db_value_t *columns, size_t count) {
    reading_t *reading = arg;
    if (count >= 4)
        marks_add(reading->states, (view_t[]){columns[0].text, columns[1].text, columns[2].text}, 3,
                  columns[3].number == 0 ? STATE_ONLINE : STATE_OFFLINE);
    return true;
}

static bool take_now(void *arg, const db_value_t *columns, size_t count) {
    if (count > 0) ((reading_t *)arg)->now_ms = columns[0].number;
    return false;
}

static apr_status_t read_snapshot(reading_t *reading, db_session_t *session) {
    database_t *d = reading->refresh->options.database;
    const statements_t *s = database_statements(d);
    apr_status_t rv = db_execute(session, database_groups_statement(d), NULL, 0, take_group, reading, NULL);
    if (rv == APR_SUCCESS) rv = db_execute(session, s->subjects, NULL, 0, take_tag, reading, NULL);
    if (rv == APR_SUCCESS) rv = db_execute(session, s->routes, NULL, 0, take_route, reading, NULL);
    if (rv == APR_SUCCESS) rv = db_execute(session, s->marks, NULL, 0, take_mark, reading, NULL);
    return rv;
}

static apr_status_t read_offline(reading_t *reading, db_session_t *session) {
    const statements_t *s = database_statements(reading->refresh->options.database);
    apr_status_t rv = db_execute(session, s->now, NULL, 0, take_now, reading, NULL);
    return rv == APR_SUCCESS ? db_execute(session, s->offline_states, NULL, 0, take_state, reading, NULL) : rv;
}

static apr_status_t read_slaves(reading_t *reading, db_session_t *session) {
    const refresh_options_t *o = &reading->refresh->options;
    reading->brokers.log = o->log;
    return db_execute(session, database_statements(o->database)->brokers, NULL, 0, broker_rows_take, &reading->brokers, NULL);
}

static void read_all(void *arg, db_session_t *session, apr_status_t status) {
    reading_t *reading = arg;
    reading->snapshot_status = reading->offline_status = reading->slaves_status = status;
    if (session != NULL) {
        /* The states first: a round that reads them must not lack them because of the bigger tables. */
        reading->offline_status = reading->offline ? read_offline(reading, session) : APR_SUCCESS;
        reading->snapshot_status = reading->offline_status;
        if (reading->offline_status == APR_SUCCESS && reading->snapshot) reading->snapshot_status = read_snapshot(reading, session);
        reading->slaves_status = reading->snapshot_status;
        if (reading->slaves_status == APR_SUCCESS && reading->slaves) reading->slaves_status = read_slaves(reading, session);
    }
    if (reading->slaves_status == APR_SUCCESS) return;
    const char *cause = session == NULL ? "" : db_session_error(session);
    char text[128];
    (void)snprintf(reading->cause, sizeof reading->cause, "%s",
                   *cause != 0 ? cause : status_text(reading->slaves_status, text, sizeof text));
}

static void publish(reading_t *reading, int64_t since) {
    catalog_t *c = reading->refresh->options.catalog;
    if (reading->snapshot && reading->snapshot_status == APR_SUCCESS) {
        catalog_publish(c, since, reading->groups, reading->routes, reading->tags, reading->readonly);
    } else {
        broker_groups_release(reading->groups);
        subject_texts_release(reading->routes);
        subject_texts_release(reading->tags);
        marks_release(reading->readonly);
    }
    if (reading->offline && reading->offline_status == APR_SUCCESS)
        catalog_publish_offline(c, reading->states, reading->now_ms);
    else
        marks_release(reading->states);
    if (reading->slaves && reading->slaves_status == APR_SUCCESS) slaves_replace(reading->refresh->options.slaves, &reading->brokers);
    memory_free(reading->brokers.items);
}

/* Tells when the database goes away and when it is back. */
static void tell(refresh_t *r, const reading_t *reading) {
    bool failed = reading->slaves_status != APR_SUCCESS;
    if (reading->offline && reading->offline_status != APR_SUCCESS) metric_add(r->offline_errors, 1);
    if (failed && !r->failing)
        log_error(r->options.log, "the database %s cannot be read, answers come from what was read before: %s",
                  database_name(r->options.database), reading->cause);
    if (!failed && r->failing) log_info(r->options.log, "the database %s can be read again", database_name(r->options.database));
    r->failing = failed;
}

static apr_status_t read_due(refresh_t *r, reading_t *reading) {
    int64_t now = clock_mono_us();
    bool wanted = atomic_exchange(&r->wanted, false);
    *reading = (reading_t){.refresh = r,
                           .snapshot = wanted || now >= r->snapshot_due_us,
                           .offline = now >= r->offline_due_us,
                           .slaves = now >= r->slaves_due_us};
    if (!reading->snapshot && !reading->offline && !reading->slaves) return APR_SUCCESS;
    if (reading->snapshot) {
        reading->groups = broker_groups_create();
        reading->routes = routes_create();
        reading->tags = subject_tags_create();
        reading->readonly = marks_create();
    }
    if (reading->offline) reading->states = marks_create();
    int64_t since = catalog_begin(r->options.catalog);
    database_call(r->options.database, false, read_all, reading);
    publish(reading, since);
    if (reading->snapshot && reading->snapshot_status == APR_SUCCESS) {
        r->snapshot_due_us = now + r->options.period_us;
        atomic_store(&r->done_us, clock_mono_us());
    }
    if (reading->offline && reading->offline_status == APR_SUCCESS) r->offline_due_us = now + OFFLINE_PERIOD_US;
    if (reading->slaves && reading->slaves_status == APR_SUCCESS) r->slaves_due_us = now + SLAVES_PERIOD_US;
    return reading->slaves_status;
}

static void one_round(void *arg) {
    refresh_t *r = arg;
    reading_t reading;
    (void)read_due(r, &reading); /* told below */
    tell(r, &reading);
    r->options.round(r->options.arg);
}

apr_status_t refresh_start(refresh_t **out, const refresh_options_t *options, qmq_error_t **error) {
    refresh_t *r = memory_zalloc(sizeof *r);
    r->options = *options;
    r->offline_errors = metrics_counter(options->metrics, "refresh_onofflinestate_error", METRIC_NO_LABELS);
    r->snapshot_due_us = r->offline_due_us = r->slaves_due_us = INT64_MIN;
    reading_t reading;
    apr_status_t rv = read_due(r, &reading);
    if (rv != APR_SUCCESS) {
        *error = error_create(rv, "See that the database works and that its tables are those of sql/init.sql",
                              "cannot read the tables of the database %s: %s", database_name(options->database), reading.cause);
    } else {
        rv =
            periodic_start(&r->thread, "meta-refresh", options->period_us < ROUND_MAX_US ? options->period_us : ROUND_MAX_US, one_round, r);
        if (rv != APR_SUCCESS) *error = error_create(rv, "Raise the limit of threads of this user", "cannot start the thread meta-refresh");
    }
    if (rv != APR_SUCCESS) {
        memory_free(r);
        return rv;
    }
    *out = r;
    return APR_SUCCESS;
}

void refresh_soon(refresh_t *r) {
    atomic_store(&r->wanted, true);
    periodic_trigger(r->thread);
}

void refresh_stop(refresh_t *r) {
    if (r == NULL) return;
    periodic_stop(r->thread);
    r->thread = NULL;
}

void refresh_destroy(refresh_t *r) {
    memory_free(r);
}

int64_t refresh_age_ms(refresh_t *r) {
    return (clock_mono_us() - atomic_load(&r->done_us)) / 1000;
}
