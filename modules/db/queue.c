#include "db/db_internal.h"

#include "base/memory.h"
#include "base/status.h"

#define REST_AFTER_US (1 * 1000000LL)
#define COMPLAINT_US (10 * 1000000LL)

void lane_init(db_lane_t *lane, db_t *d, bool writes, int most_threads) {
    *lane = (db_lane_t){.db = d, .thread_name = writes ? "db-writer" : "db-reader", .writes = writes, .most_threads = most_threads};
    condition_init(&lane->waiting);
    lane->end = &lane->first;
    lane->handles = memory_zalloc((size_t)most_threads * sizeof(thread_t *));
}

static db_work_t *take(db_lane_t *lane) {
    db_work_t *work = lane->first;
    lane->first = work->next;
    if (lane->first == NULL) lane->end = &lane->first;
    lane->count--;
    work->next = NULL;
    return work;
}

static void complain(db_t *d, const char *what) {
    int64_t left_out = 0;
    if (log_permit(&d->complaints, COMPLAINT_US, &left_out)) log_error(&d->log, "%s (%lld such lines left out)", what, (long long)left_out);
}

static void rest(db_lane_t *lane, db_session_t *session) {
    if (session->driver->rest(session) != APR_SUCCESS) complain(lane->db, session->error);
}

/* The next work; NULL when the database closes and none is left. The lock is held but while waiting or resting. */
static db_work_t *next(db_lane_t *lane, db_session_t *session) {
    db_t *d = lane->db;
    while (lane->first == NULL && !d->closing) {
        bool wants = session != NULL && session->driver->wants_rest(session);
        lane->idle++;
        apr_status_t status = APR_SUCCESS;
        if (wants) {
            status = condition_wait_us(&lane->waiting, &d->lock, REST_AFTER_US);
        } else {
            condition_wait(&lane->waiting, &d->lock);
        }
        lane->idle--;
        if (status != APR_TIMEUP || lane->first != NULL) continue;
        mutex_unlock(&d->lock);
        rest(lane, session);
        mutex_lock(&d->lock);
    }
    return lane->first == NULL ? NULL : take(lane);
}

/* A session to work with: the old one unless it is broken, else a new one, else NULL. */
static db_session_t *ensure(db_lane_t *lane, db_session_t *session, apr_status_t *status) {
    db_t *d = lane->db;
    *status = APR_SUCCESS;
    if (session != NULL && d->driver->is_alive != NULL && !d->driver->is_alive(session)) {
        d->driver->close(session);
        session = NULL;
    }
    if (session != NULL) return session;
    qmq_error_t *error = NULL;
    *status = d->driver->open(&session, &d->options, lane->writes, false, &error);
    if (*status == APR_SUCCESS) return session;
    char *line = error_line(error);
    complain(d, line);
    memory_free(line);
    qmq_error_free(error);
    return NULL;
}

/* What the work left behind; NULL when the session is not to be used again. */
static db_session_t *settle(db_lane_t *lane, db_session_t *session) {
    if (session == NULL) return NULL;
    if (session->in_transaction) {
        if (session->broken == APR_SUCCESS) log_error(&lane->db->log, "a transaction was left open, it is rolled back");
        db_rollback(session);
    }
    if (session->broken == APR_SUCCESS) return session;
    complain(lane->db, session->error);
    session->driver->close(session);
    return NULL;
}

static void serve(void *arg) {
    db_lane_t *lane = arg;
    db_t *d = lane->db;
    mutex_lock(&d->lock);
    db_session_t *session = lane->opened;
    lane->opened = NULL;
    for (db_work_t *work = next(lane, session); work != NULL; work = next(lane, session)) {
        mutex_unlock(&d->lock);
        apr_status_t status;
        session = ensure(lane, session, &status);
        work->status = status;
        work->run(work, session);
        session = settle(lane, session);
        mutex_lock(&d->lock);
    }
    mutex_unlock(&d->lock);
    if (session != NULL) session->driver->close(session);
}

/* Threads come when there is more work than idle ones; at least one must be had. */
static apr_status_t add_thread(db_lane_t *lane) {
    if (lane->threads == lane->most_threads) return APR_SUCCESS;
    apr_status_t status = thread_start(&lane->handles[lane->threads], lane->thread_name, serve, lane);
    if (status == APR_SUCCESS) {
        lane->threads++;
        return APR_SUCCESS;
    }
    char text[120];
    log_error(&lane->db->log, "cannot start a database thread: %s. Raise the limit of threads of this user",
              status_text(status, text, sizeof text));
    return lane->threads > 0 ? APR_SUCCESS : status;
}

apr_status_t lane_submit(db_lane_t *lane, db_work_t *work) {
    db_t *d = lane->db;
    if (d->closing) return QMQ_E_CLOSED;
    if (lane->count >= d->max_queue) return QMQ_E_FULL;
    if (lane->count >= (size_t)lane->idle) {
        apr_status_t status = add_thread(lane);
        if (status != APR_SUCCESS) return status;
    }
    work->next = NULL;
    *lane->end = work;
    lane->end = &work->next;
    lane->count++;
    condition_signal(&lane->waiting);
    return APR_SUCCESS;
}

void lane_stop(db_lane_t *lane) {
    condition_broadcast(&lane->waiting);
    for (int i = 0; i < lane->threads; i++) thread_join(lane->handles[i]);
    if (lane->opened != NULL) lane->opened->driver->close(lane->opened);
    condition_destroy(&lane->waiting);
    memory_free(lane->handles);
}
