#include "db/db_internal.h"

#include "base/memory.h"
#include "base/status.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_QUEUE 10000
#define WRITERS_SHARE 3 /* one connection of so many writes */
#define MYSQL_PREFIX "jdbc:mysql:"

static const db_driver_t *driver_of(const char *url) {
    for (const db_driver_t *const *d = db_drivers; *d != NULL; d++) {
        if (strncmp(url, (*d)->prefix, strlen((*d)->prefix)) == 0) return *d;
    }
    return NULL;
}

/* Without parameters, which may hold a password. */
static qmq_error_t *unknown_url(const char *url) {
    int size = (int)strcspn(url, "?");
    bool mysql = strncmp(url, MYSQL_PREFIX, sizeof MYSQL_PREFIX - 1) == 0;
    if (mysql) {
        return error_create(QMQ_E_INVALID,
                            "Use a build with the MySQL client library, or set jdbc.url=jdbc:sqlite:<file> in datasource.properties",
                            "jdbc.url=%.*s: this build cannot use MySQL", size, url);
    }
    return error_create(
        QMQ_E_INVALID,
        "Set jdbc.url=jdbc:mysql://<host>:<port>/<database> or jdbc:sqlite:<file> in datasource.properties, or leave the file out",
        "jdbc.url=%.*s names no database this server knows", size, url);
}

static char *copy(const char *text) {
    return text == NULL ? NULL : memory_strdup(text);
}

static void destroy(db_t *d) {
    memory_free((void *)(uintptr_t)d->options.url);
    memory_free((void *)(uintptr_t)d->options.user);
    memory_free((void *)(uintptr_t)d->options.password);
    mutex_destroy(&d->lock);
    memory_free(d);
}

static int at_least_one(int count) {
    return count < 1 ? 1 : count;
}

apr_status_t db_open(db_t **out, const db_options_t *options, qmq_error_t **error) {
    const db_driver_t *driver = driver_of(options->url);
    if (driver == NULL) {
        *error = unknown_url(options->url);
        return QMQ_E_INVALID;
    }
    db_session_t *session = NULL;
    apr_status_t status = driver->open(&session, options, true, true, error);
    if (status != APR_SUCCESS) return status;
    db_t *d = memory_zalloc(sizeof *d);
    d->driver = driver;
    d->options = *options;
    d->options.url = copy(options->url);
    d->options.user = copy(options->user);
    d->options.password = copy(options->password);
    d->max_queue = options->max_queue == 0 ? DEFAULT_QUEUE : options->max_queue;
    if (options->log != NULL) {
        d->log = *options->log;
    } else {
        log_init(&d->log, "db");
    }
    d->options.log = &d->log;
    mutex_init(&d->lock);
    int writers = driver->one_writer ? 1 : at_least_one(options->pool_size / WRITERS_SHARE);
    lane_init(&d->writers, d, true, writers);
    lane_init(&d->readers, d, false, at_least_one(driver->one_writer ? options->pool_size : options->pool_size - writers));
    d->writers.opened = session;
    *out = d;
    return APR_SUCCESS;
}

void db_close(db_t *d) {
    if (d == NULL) return;
    mutex_lock(&d->lock);
    d->closing = true;
    mutex_unlock(&d->lock);
    lane_stop(&d->readers);
    lane_stop(&d->writers);
    destroy(d);
}

db_dialect_t db_dialect(const db_t *d) {
    return d->driver->dialect;
}

apr_status_t db_submit(db_t *d, db_work_t *work) {
    mutex_lock(&d->lock);
    apr_status_t status = lane_submit(work->writes ? &d->writers : &d->readers, work);
    mutex_unlock(&d->lock);
    return status;
}

typedef struct call {
    db_work_t work; /* first */
    void (*run)(void *arg, db_session_t *session, apr_status_t status);
    void *arg;
    mutex_t lock;
    condition_t changed;
    bool done;
} call_t;

static void run_call(db_work_t *work, db_session_t *session) {
    call_t *c = (call_t *)work;
    c->run(c->arg, session, work->status);
    mutex_lock(&c->lock);
    c->done = true;
    condition_signal(&c->changed);
    mutex_unlock(&c->lock);
}

void db_call(db_t *d, bool writes, void (*run)(void *arg, db_session_t *session, apr_status_t status), void *arg) {
    call_t c = {.work = {.writes = writes, .run = run_call}, .run = run, .arg = arg};
    mutex_init(&c.lock);
    condition_init(&c.changed);
    apr_status_t status = db_submit(d, &c.work);
    if (status != APR_SUCCESS) {
        run(arg, NULL, status);
    } else {
        mutex_lock(&c.lock);
        while (!c.done) condition_wait(&c.changed, &c.lock);
        mutex_unlock(&c.lock);
    }
    condition_destroy(&c.changed);
    mutex_destroy(&c.lock);
}

/* A duplicate is an answer; after anything else nobody knows what the connection is still good for. */
static apr_status_t note(db_session_t *s, apr_status_t status) {
    if (status != APR_SUCCESS && status != QMQ_E_LOCKED && s->broken == APR_SUCCESS) s->broken = status;
    return status;
}

apr_status_t db_execute(db_session_t *s, const char *sql, const db_value_t *parameters, size_t count,
                        bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected) {
    if (affected != NULL) *affected = 0;
    if (s->broken != APR_SUCCESS) return s->broken;
    return note(s, s->driver->execute(s, sql, parameters, count, row, arg, affected));
}

apr_status_t db_execute_script(db_session_t *s, const char *script) {
    if (s->broken != APR_SUCCESS) return s->broken;
    return note(s, s->driver->script(s, script));
}

apr_status_t db_begin(db_session_t *s) {
    apr_status_t status = db_execute(s, s->begin, NULL, 0, NULL, NULL, NULL);
    s->in_transaction = status == APR_SUCCESS;
    return status;
}

apr_status_t db_commit(db_session_t *s) {
    apr_status_t status = db_execute(s, "COMMIT", NULL, 0, NULL, NULL, NULL);
    if (status == APR_SUCCESS) s->in_transaction = false;
    return status;
}

/* Of a broken session nothing is executed: closing it rolls back. Where the server did, it goes on. */
void db_rollback(db_session_t *s) {
    if (!s->in_transaction) return;
    s->in_transaction = false;
    if (s->broken == APR_SUCCESS) (void)db_execute(s, "ROLLBACK", NULL, 0, NULL, NULL, NULL); /* a failure marks the session */
    if (s->undone) s->broken = APR_SUCCESS;
    s->undone = false;
}

apr_status_t db_transaction(db_session_t *s, apr_status_t (*run)(void *arg, db_session_t *s), void *arg) {
    apr_status_t status = APR_SUCCESS;
    bool undone = true;
    for (int i = 0; i < DB_DEADLOCK_TRIES && undone; i++) {
        status = db_begin(s);
        if (status == APR_SUCCESS) status = run(arg, s);
        if (status == APR_SUCCESS) status = db_commit(s);
        undone = s->undone;
        db_rollback(s);
    }
    return status;
}

int64_t db_last_insert_id(db_session_t *s) {
    return s->driver->last_insert_id(s);
}

const char *db_session_error(const db_session_t *s) {
    return s->error;
}
