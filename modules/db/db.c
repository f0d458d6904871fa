#include "db/db_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "portability/thread.h"

#include <stdio.h>
#include <string.h>

#define SQLITE_PREFIX "jdbc:sqlite:"
#define DEFAULT_QUEUE 10000
#define REOPEN_PAUSE_US (1000 * 1000LL)

/* One connection and the text of its last error; lives on one thread. */
struct db_session {
    const db_driver_t *driver;
    void *connection;
    char error[256];
};

typedef struct work_queue {
    db_work_t *first;
    db_work_t **last;
    size_t length;
    condition_t filled;
} work_queue_t;

typedef struct db_thread {
    db_t *db;
    work_queue_t *queue;
    bool writer;
    thread_t *thread;
    db_session_t session;
    int64_t next_open_us;
} db_thread_t;

struct db {
    const db_driver_t *driver;
    const log_t *log;
    char *location;
    size_t max_queue;
    mutex_t lock; /* queues and stopping */
    bool stopping;
    work_queue_t writes;
    work_queue_t reads;
    db_thread_t *threads; /* the first is the writer */
    size_t thread_count;
};

static void queue_init(work_queue_t *q) {
    q->last = &q->first;
    condition_init(&q->filled);
}

/* A connection for the thread, opened when there is none; at most one try a second. */
static db_session_t *thread_session(db_thread_t *t) {
    db_session_t *s = &t->session;
    if (s->connection != NULL && s->driver->broken(s->connection)) {
        s->driver->close(s->connection);
        s->connection = NULL;
    }
    if (s->connection != NULL) return s;
    if (clock_mono_us() < t->next_open_us) return NULL;
    qmq_error_t *error = NULL;
    if (s->driver->open(t->db->location, t->writer, &s->connection, &error) == APR_SUCCESS) return s;
    log_problem(t->db->log, LOG_LEVEL_ERROR, error);
    qmq_error_free(error);
    s->connection = NULL;
    t->next_open_us = clock_mono_us() + REOPEN_PAUSE_US;
    return NULL;
}

static db_work_t *queue_take(db_t *d, work_queue_t *q) {
    mutex_lock(&d->lock);
    while (q->first == NULL && !d->stopping) condition_wait(&q->filled, &d->lock);
    db_work_t *work = q->first;
    if (work != NULL) {
        q->first = work->next;
        if (q->first == NULL) q->last = &q->first;
        q->length--;
    }
    mutex_unlock(&d->lock);
    return work;
}

static void thread_body(void *arg) {
    db_thread_t *t = arg;
    db_work_t *work;
    while ((work = queue_take(t->db, t->queue)) != NULL) {
        db_session_t *session = thread_session(t);
        work->status = session == NULL ? QMQ_E_UNREACHABLE : APR_SUCCESS;
        work->run(work, session);
    }
    if (t->session.connection != NULL) t->session.driver->close(t->session.connection);
}

static apr_status_t start_threads(db_t *d, int readers, qmq_error_t **error) {
    d->thread_count = (size_t)(readers < 1 ? 1 : readers) + 1;
    d->threads = memory_zalloc(d->thread_count * sizeof *d->threads);
    for (size_t i = 0; i < d->thread_count; i++) {
        db_thread_t *t = &d->threads[i];
        t->db = d;
        t->writer = i == 0;
        t->queue = t->writer ? &d->writes : &d->reads;
        t->session.driver = d->driver;
    }
    /* The writer's connection is made here: it creates the file and shows at once whether it can be written. */
    apr_status_t rv = d->driver->open(d->location, true, &d->threads[0].session.connection, error);
    if (rv != APR_SUCCESS) {
        d->threads[0].session.connection = NULL;
        d->thread_count = 0;
        return rv;
    }
    for (size_t i = 0; i < d->thread_count; i++) {
        rv = thread_start(&d->threads[i].thread, i == 0 ? "db-write" : "db-read", thread_body, &d->threads[i]);
        if (rv == APR_SUCCESS) continue;
        *error = error_create(rv, "Raise the limit of threads of this user", "cannot start a thread for the database %s", d->location);
        if (i == 0) d->driver->close(d->threads[0].session.connection);
        d->thread_count = i;
        return rv;
    }
    return APR_SUCCESS;
}

static qmq_error_t *url_error(const char *url) {
    if (strncmp(url, "jdbc:mysql:", 11) == 0)
        return error_create(
            QMQ_E_INVALID,
            "Use jdbc:sqlite:<file> in jdbc.url of conf/datasource.properties, or remove the file for the default data/meta.db",
            "jdbc.url %s names a MySQL database, which this version does not speak", url);
    return error_create(QMQ_E_INVALID, "Use jdbc:sqlite:<file> in jdbc.url of conf/datasource.properties", "jdbc.url %s is not understood",
                        url);
}

apr_status_t db_open(db_t **out, const db_options_t *options, qmq_error_t **error) {
    *out = NULL;
    if (strncmp(options->url, SQLITE_PREFIX, strlen(SQLITE_PREFIX)) != 0) {
        *error = url_error(options->url);
        return QMQ_E_INVALID;
    }
    db_t *d = memory_zalloc(sizeof *d);
    d->driver = &db_sqlite_driver;
    d->log = options->log;
    d->location = memory_strdup(options->url + strlen(SQLITE_PREFIX));
    d->max_queue = options->max_queue == 0 ? DEFAULT_QUEUE : options->max_queue;
    mutex_init(&d->lock);
    queue_init(&d->writes);
    queue_init(&d->reads);
    apr_status_t rv = start_threads(d, options->pool_size, error);
    if (rv != APR_SUCCESS) {
        db_close(d);
        return rv;
    }
    *out = d;
    return APR_SUCCESS;
}

void db_close(db_t *d) {
    if (d == NULL) return;
    mutex_lock(&d->lock);
    d->stopping = true;
    condition_broadcast(&d->writes.filled);
    condition_broadcast(&d->reads.filled);
    mutex_unlock(&d->lock);
    for (size_t i = 0; i < d->thread_count; i++) thread_join(d->threads[i].thread);
    condition_destroy(&d->writes.filled);
    condition_destroy(&d->reads.filled);
    mutex_destroy(&d->lock);
    memory_free(d->threads);
    memory_free(d->location);
    memory_free(d);
}

db_dialect_t db_dialect(const db_t *d) {
    (void)d;
    return DB_SQLITE;
}

apr_status_t db_submit(db_t *d, db_work_t *work) {
    work_queue_t *q = work->writes ? &d->writes : &d->reads;
    mutex_lock(&d->lock);
    apr_status_t rv = d->stopping ? QMQ_E_CLOSED : q->length >= d->max_queue ? QMQ_E_FULL : APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        work->next = NULL;
        *q->last = work;
        q->last = &work->next;
        q->length++;
        condition_signal(&q->filled);
    }
    mutex_unlock(&d->lock);
    return rv;
}

/* A call that waits. */

typedef struct waiting_work {
    db_work_t work; /* first */
    void (*run)(void *arg, db_session_t *session, apr_status_t status);
    void *arg;
    mutex_t lock;
    condition_t done;
    bool is_done;
} waiting_work_t;

static void waiting_run(db_work_t *work, db_session_t *session) {
    waiting_work_t *w = (waiting_work_t *)work;
    w->run(w->arg, session, work->status);
    mutex_lock(&w->lock);
    w->is_done = true;
    condition_signal(&w->done);
    mutex_unlock(&w->lock);
}

void db_call(db_t *d, bool writes, void (*run)(void *arg, db_session_t *session, apr_status_t status), void *arg) {
    waiting_work_t w = {.work = {.writes = writes, .run = waiting_run}, .run = run, .arg = arg};
    mutex_init(&w.lock);
    condition_init(&w.done);
    apr_status_t rv = db_submit(d, &w.work);
    if (rv != APR_SUCCESS) {
        run(arg, NULL, rv);
    } else {
        mutex_lock(&w.lock);
        while (!w.is_done) condition_wait(&w.done, &w.lock);
        mutex_unlock(&w.lock);
    }
    condition_destroy(&w.done);
    mutex_destroy(&w.lock);
}

/* Inside run. */

static apr_status_t noted(db_session_t *s, apr_status_t rv) {
    if (rv != APR_SUCCESS) (void)snprintf(s->error, sizeof s->error, "%s", s->driver->error(s->connection));
    return rv;
}

apr_status_t db_execute(db_session_t *s, const char *sql, const db_value_t *parameters, size_t count,
                        bool (*row)(void *arg, const db_value_t *columns, size_t count), void *arg, int64_t *affected) {
    return noted(s, s->driver->execute(s->connection, sql, parameters, count, row, arg, affected));
}

apr_status_t db_begin(db_session_t *s) {
    return noted(s, s->driver->script(s->connection, "BEGIN IMMEDIATE"));
}

apr_status_t db_commit(db_session_t *s) {
    return noted(s, s->driver->script(s->connection, "COMMIT"));
}

void db_rollback(db_session_t *s) {
    (void)s->driver->script(s->connection, "ROLLBACK");
}

int64_t db_last_insert_id(db_session_t *s) {
    return s->driver->last_insert_id(s->connection);
}

const char *db_session_error(const db_session_t *s) {
    return s->error;
}

apr_status_t db_execute_script(db_session_t *s, const char *script) {
    return noted(s, s->driver->script(s->connection, script));
}
