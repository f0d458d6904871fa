#include "metaserver/refresh.h"

#include "base/memory.h"
#include "base/status.h"
#include "metaserver/table_state.h"
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
/* A row shows the time at which its statement began, and is seen when that has ended: it may have waited for a lock (50 s by default). */
#define CHANGES_OVERLAP_S 60
/* More changes than this are read with all the rest. */
#define CHANGES_MAX 1000

/* How the table of routes is read. */
typedef enum read_way { READ_ALL, READ_CHANGES, READ_NOTHING, READ_WAYS } read_way_t;
static const char *const read_ways[READ_WAYS] = {"all", "changes", "nothing"};

struct refresh {
    refresh_options_t options;
    periodic_t *thread;
    _Atomic bool wanted;
    int64_t snapshot_due_us; /* the thread's */
    int64_t offline_due_us;
    int64_t slaves_due_us;
    int64_t full_due_us;
    table_state_t routes_state; /* when they were read last */
    table_state_t subjects_state;
    size_t unreadable_routes; /* rows that were left out */
    _Atomic int64_t done_us;
    bool failing;
    metric_t *offline_errors;
    metric_t *readings[READ_WAYS];
    log_limit_t poison_limit;
};

/* One reading of the tables. */
typedef struct reading {
    refresh_t *refresh;
    bool snapshot;
    bool full;
    bool offline;
    bool slaves;
    broker_groups_t *groups;
    read_way_t way;
    routes_t *routes;  /* READ_ALL */
    routes_t *changes; /* READ_CHANGES */
    size_t change_count;
    size_t unreadable_routes;
    table_state_t routes_state;
    table_state_t subjects_state;
    subject_tags_t *tags; /* NULL: as before */
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
    if (count >= 3 && routes_add(reading->routes, columns[0].text, columns[2].text)) return true;
    reading->unreadable_routes++;
    tell_poison(reading->refresh, "subject_route", columns[0].text);
    return true;
}

static bool take_change(void *arg, const db_value_t *columns, size_t count) {
    reading_t *reading = arg;
    reading->change_count++;
    if (count < 3 || !routes_add(reading->changes, columns[0].text, columns[2].text))
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

static apr_status_t read_tags(reading_t *reading, db_session_t *session) {
    const refresh_t *r = reading->refresh;
    const statements_t *s = database_statements(r->options.database);
    apr_status_t rv = table_state_read(&reading->subjects_state, session, s->subjects_state);
    if (rv != APR_SUCCESS || (!reading->full && table_state_unchanged(&r->subjects_state, &reading->subjects_state))) return rv;
    reading->tags = subject_tags_create();
    return db_execute(session, s->subjects, NULL, 0, take_tag, reading, NULL);
}

/* Rows touched since the last reading; too many are left to a reading of all. */
static apr_status_t read_changes(reading_t *reading, db_session_t *session) {
    const refresh_t *r = reading->refresh;
    reading->changes = routes_create();
    const table_state_t *last = &r->routes_state;
    int64_t since = (last->newest < last->now ? last->newest : last->now) - CHANGES_OVERLAP_S; /* a row may lie in the future */
    db_value_t values[] = {DB_INT_OF(since), DB_INT_OF(CHANGES_MAX + 1)};
    apr_status_t rv = db_execute(session, database_statements(r->options.database)->routes_since, values, 2, take_change, reading, NULL);
    if (rv == APR_SUCCESS && reading->change_count > CHANGES_MAX) reading->way = READ_ALL;
    return rv;
}

/* The state first: what is read after it has at least everything that it tells of. */
static apr_status_t read_routes(reading_t *reading, db_session_t *session) {
    const refresh_t *r = reading->refresh;
    const statements_t *s = database_statements(r->options.database);
    apr_status_t rv = table_state_read(&reading->routes_state, session, s->routes_state);
    if (rv != APR_SUCCESS) return rv;
    if (!reading->full && table_state_unchanged(&r->routes_state, &reading->routes_state))
        reading->way = READ_NOTHING;
    else if (!reading->full && table_state_follows(&r->routes_state, &reading->routes_state))
        reading->way = READ_CHANGES;
    if (reading->way == READ_CHANGES) rv = read_changes(reading, session);
    if (rv != APR_SUCCESS || reading->way != READ_ALL) return rv;
    reading->routes = routes_create();
    return db_execute(session, s->routes, NULL, 0, take_route, reading, NULL);
}

static apr_status_t read_snapshot(reading_t *reading, db_session_t *session) {
    database_t *d = reading->refresh->options.database;
    const statements_t *s = database_statements(d);
    apr_status_t rv = db_execute(session, database_groups_statement(d), NULL, 0, take_group, reading, NULL);
    if (rv == APR_SUCCESS) rv = read_tags(reading, session);
    if (rv == APR_SUCCESS) rv = read_routes(reading, session);
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

/* Rows that vanished show in their number only, those that were written here meanwhile too: then everything is read again. */
static void check_number(refresh_t *r, const reading_t *reading) {
    catalog_figures_t f;
    catalog_figures(r->options.catalog, &f);
    if ((int64_t)(f.routes + r->unreadable_routes) == reading->routes_state.rows) return;
    r->full_due_us = INT64_MIN;
    atomic_store(&r->wanted, true);
    periodic_trigger(r->thread);
}

static void publish_snapshot(reading_t *reading, int64_t since) {
    refresh_t *r = reading->refresh;
    metric_add(r->readings[reading->way], 1);
    catalog_publish(r->options.catalog, since, reading->groups, reading->routes, reading->tags, reading->readonly);
    r->routes_state = reading->routes_state;
    r->subjects_state = reading->subjects_state;
    if (reading->way == READ_ALL) r->unreadable_routes = reading->unreadable_routes;
    if (reading->way == READ_CHANGES) catalog_publish_changes(r->options.catalog, since, reading->changes);
    if (reading->way != READ_ALL) check_number(r, reading);
}

static void publish(reading_t *reading, int64_t since) {
    catalog_t *c = reading->refresh->options.catalog;
    if (reading->snapshot && reading->snapshot_status == APR_SUCCESS) {
        publish_snapshot(reading, since);
    } else {
        broker_groups_release(reading->groups);
        subject_texts_release(reading->routes);
        subject_texts_release(reading->tags);
        marks_release(reading->readonly);
    }
    subject_texts_release(reading->changes);
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
        reading->full = now >= r->full_due_us;
        reading->groups = broker_groups_create();
        reading->readonly = marks_create();
    }
    if (reading->offline) reading->states = marks_create();
    int64_t since = catalog_begin(r->options.catalog);
    database_call(r->options.database, false, read_all, reading);
    publish(reading, since);
    if (reading->snapshot && reading->snapshot_status == APR_SUCCESS) {
        r->snapshot_due_us = now + r->options.period_us;
        if (reading->way == READ_ALL) r->full_due_us = now + r->options.full_period_us;
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
    for (int i = 0; i < READ_WAYS; i++) {
        metric_labels_t labels = {"read", view_of(read_ways[i]), NULL, {NULL, 0}};
        r->readings[i] = metrics_counter(options->metrics, "subjectRouteRefreshCount", labels);
    }
    r->full_due_us = r->snapshot_due_us = r->offline_due_us = r->slaves_due_us = INT64_MIN;
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
