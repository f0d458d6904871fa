#include "metaserver/database.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/file.h"
#include "portability/thread.h"

#include <stdio.h>
#include <string.h>

#define SQLITE_PREFIX "jdbc:sqlite:"
/* SQLite readers: the refresh and lists need one, a second keeps brokers that start from waiting behind a long list. */
#define SQLITE_READERS 2

struct database {
    db_t *db;
    const statements_t *statements;
    char *name;
    const log_t *log;
    bool has_ext;
    mutex_t lock; /* what follows */
    condition_t idle;
    int under_way;
    bool closed;
};

static qmq_error_t *directory_error(apr_status_t status, const char *path, const char *url) {
    char text[128];
    return error_create(status,
                        "Create the directory and give this user the right to write there, or set jdbc.url in conf/datasource.properties",
                        "cannot create the directory %s of the database %s: %s", path, url, status_text(status, text, sizeof text));
}

/* Makes the file of an SQLite url absolute and its directory exist. *resolved is malloc'ed. */
static apr_status_t resolve_sqlite(const database_options_t *o, char **resolved, qmq_error_t **error) {
    const char *file = o->url + strlen(SQLITE_PREFIX);
    if (*file == 0) {
        *error = error_create(QMQ_E_INVALID, "Name a file, for example jdbc:sqlite:data/meta.db", "jdbc.url %s names no file", o->url);
        return QMQ_E_INVALID;
    }
    char *path = NULL;
    apr_status_t rv = path_absolute(file, o->home, &path);
    if (rv != APR_SUCCESS) {
        *error = error_create(rv, "Name a file, for example jdbc:sqlite:data/meta.db", "jdbc.url %s has no usable path", o->url);
        return rv;
    }
    char *slash = strrchr(path, '/');
    if (slash != NULL && slash != path) {
        *slash = 0;
        rv = directory_create(path);
        if (rv != APR_SUCCESS) *error = directory_error(rv, path, o->url);
        *slash = '/';
    }
    *resolved = memory_printf(SQLITE_PREFIX "%s", path);
    memory_free(path);
    return rv;
}

static bool is_sqlite(const char *url) {
    return strncmp(url, SQLITE_PREFIX, strlen(SQLITE_PREFIX)) == 0;
}

static char *without_parameters(const char *url) {
    return memory_strndup(url, strcspn(url, "?"));
}

/* Tables. */

typedef struct preparation {
    database_t *database;
    const upgrade_t *upgrade;
    apr_status_t status;
    char cause[512];
} preparation_t;

static bool note_row(void *arg, const db_value_t *columns, size_t count) {
    (void)columns;
    (void)count;
    *(bool *)arg = true;
    return false;
}

static bool note_number(void *arg, const db_value_t *columns, size_t count) {
    if (count == 1) *(int64_t *)arg = columns[0].number;
    return false;
}

static void note_cause(preparation_t *p, const db_session_t *session) {
    const char *cause = session == NULL ? "" : db_session_error(session);
    if (*cause != 0) {
        strncpy(p->cause, cause, sizeof p->cause - 1);
    } else {
        (void)status_text(p->status, p->cause, sizeof p->cause);
    }
}

static apr_status_t has_all_tables(const database_t *d, db_session_t *session, bool *all) {
    int64_t count = 0;
    *all = false;
    if (d->statements->tables == NULL) return APR_SUCCESS;
    apr_status_t rv = db_execute(session, d->statements->tables, NULL, 0, note_number, &count, NULL);
    *all = count == STATEMENTS_TABLE_COUNT;
    return rv;
}

static void create_tables(void *arg, db_session_t *session, apr_status_t status) {
    preparation_t *p = arg;
    bool all = false;
    p->status = status;
    if (session != NULL) p->status = has_all_tables(p->database, session, &all);
    if (session != NULL && p->status == APR_SUCCESS && !all) p->status = db_execute_script(session, p->database->statements->schema);
    if (p->status != APR_SUCCESS) note_cause(p, session);
}

static void upgrade(void *arg, db_session_t *session, apr_status_t status) {
    preparation_t *p = arg;
    bool needed = false;
    p->status = status;
    if (session != NULL) p->status = db_execute(session, p->upgrade->needed, NULL, 0, note_row, &needed, NULL);
    if (needed) p->status = db_execute_script(session, p->upgrade->script);
    if (p->status != APR_SUCCESS) note_cause(p, session);
    if (needed && p->status == APR_SUCCESS) log_info(p->database->log, "database %s: %s", p->database->name, p->upgrade->what);
}

static void look_for_ext(void *arg, db_session_t *session, apr_status_t status) {
    preparation_t *p = arg;
    database_t *d = p->database;
    p->status = status;
    if (session != NULL) p->status = db_execute(session, d->statements->has_ext, NULL, 0, note_row, &d->has_ext, NULL);
    if (p->status != APR_SUCCESS) note_cause(p, session);
}

/* A table of an older version works too, with less; whoever may change it can do it by hand. */
static void upgrade_all(database_t *d) {
    for (const upgrade_t *u = d->statements->upgrades; u != NULL && u->needed != NULL; u++) {
        preparation_t p = {.database = d, .upgrade = u};
        db_call(d->db, true, upgrade, &p);
        if (p.status != APR_SUCCESS)
            log_warn(d->log, "database %s: %s: it could not be done: %s. Let somebody who may run: %s", d->name, u->what, p.cause,
                     u->script);
    }
}

static apr_status_t create_missing(database_t *d, qmq_error_t **error) {
    preparation_t p = {.database = d};
    db_call(d->db, true, create_tables, &p);
    if (p.status == APR_SUCCESS) {
        upgrade_all(d);
        db_call(d->db, true, look_for_ext, &p);
    }
    if (p.status == APR_SUCCESS) return APR_SUCCESS;
    *error = error_create(
        p.status,
        "See that the user may create tables and that there is room, run the script in sql/ by hand, or restore the database from a "
        "backup if it is damaged",
        "cannot create the tables of the database %s: %s", d->name, p.cause);
    return p.status;
}

apr_status_t database_open(database_t **out, const database_options_t *options, qmq_error_t **error) {
    char *url = NULL;
    apr_status_t rv = APR_SUCCESS;
    if (is_sqlite(options->url))
        rv = resolve_sqlite(options, &url, error);
    else
        url = memory_strdup(options->url);
    if (rv != APR_SUCCESS) {
        memory_free(url);
        return rv;
    }
    db_options_t o = {.url = url,
                      .user = options->user,
                      .password = options->password,
                      .pool_size = is_sqlite(url) && options->pool_size > SQLITE_READERS ? SQLITE_READERS : options->pool_size,
                      .log = options->log};
    database_t *d = memory_zalloc(sizeof *d);
    mutex_init(&d->lock);
    condition_init(&d->idle);
    d->name = without_parameters(url);
    d->log = options->log;
    rv = db_open(&d->db, &o, error);
    memory_free(url);
    if (rv == APR_SUCCESS) d->statements = statements_of(db_dialect(d->db));
    if (rv == APR_SUCCESS) rv = create_missing(d, error);
    if (rv != APR_SUCCESS) {
        database_close(d);
        database_destroy(d);
        return rv;
    }
    *out = d;
    return APR_SUCCESS;
}

void database_close(database_t *d) {
    if (d == NULL) return;
    mutex_lock(&d->lock);
    d->closed = true;
    while (d->under_way > 0) condition_wait(&d->idle, &d->lock);
    mutex_unlock(&d->lock);
    db_close(d->db);
    d->db = NULL;
}

void database_destroy(database_t *d) {
    if (d == NULL) return;
    condition_destroy(&d->idle);
    mutex_destroy(&d->lock);
    memory_free(d->name);
    memory_free(d);
}

const statements_t *database_statements(const database_t *d) {
    return d->statements;
}

const char *database_groups_statement(const database_t *d) {
    return d->has_ext ? d->statements->groups : d->statements->groups_no_ext;
}

const char *database_name(const database_t *d) {
    return d->name;
}

const char *database_cause(const database_t *d, const db_session_t *session, apr_status_t status, char to[DATABASE_CAUSE_BYTES]) {
    char text[128];
    const char *said = session == NULL ? "" : db_session_error(session);
    if (*said != 0) return said;
    (void)status_text(status, text, sizeof text);
    if (session == NULL)
        (void)snprintf(to, DATABASE_CAUSE_BYTES, "no connection to the database %s: %s", d->name, text);
    else
        (void)snprintf(to, DATABASE_CAUSE_BYTES, "%s", text);
    return to;
}

static bool enter(database_t *d) {
    mutex_lock(&d->lock);
    bool open = !d->closed;
    if (open) d->under_way++;
    mutex_unlock(&d->lock);
    return open;
}

static void leave(database_t *d) {
    mutex_lock(&d->lock);
    if (--d->under_way == 0) condition_broadcast(&d->idle);
    mutex_unlock(&d->lock);
}

static void run_query(db_work_t *work, db_session_t *session) {
    query_t *q = (query_t *)work;
    database_t *d = q->database;
    q->run(q, session);
    leave(d);
}

apr_status_t database_submit(database_t *d, query_t *q, bool writes, void (*run)(query_t *q, db_session_t *session)) {
    if (!enter(d)) return QMQ_E_CLOSED;
    q->work = (db_work_t){.writes = writes, .run = run_query};
    q->database = d;
    q->run = run;
    apr_status_t rv = db_submit(d->db, &q->work);
    if (rv != APR_SUCCESS) leave(d);
    return rv;
}

void database_call(database_t *d, bool writes, void (*run)(void *arg, db_session_t *session, apr_status_t status), void *arg) {
    if (!enter(d)) {
        run(arg, NULL, QMQ_E_CLOSED);
        return;
    }
    db_call(d->db, writes, run, arg);
    leave(d);
}
