/* What db.c (sessions, statements) and queue.c (threads, waiting work) share. */
#ifndef QMQ_DB_DB_INTERNAL_H
#define QMQ_DB_DB_INTERNAL_H

#include "db/driver.h"

#include "portability/thread.h"

/* Work in the order it came; the threads that take from it. */
typedef struct db_lane {
    db_t *db;
    const char *thread_name;
    bool writes;
    int most_threads;
    condition_t waiting; /* a thread has nothing to do */
    db_work_t *first;
    db_work_t **end;
    size_t count;
    int idle;
    int threads;
    thread_t **handles;
    db_session_t *opened; /* for the first thread: the session db_open tried out */
} db_lane_t;

struct db {
    const db_driver_t *driver;
    db_options_t options; /* texts are copies */
    size_t max_queue;
    log_t log;
    log_limit_t complaints;
    mutex_t lock; /* both lanes */
    bool closing;
    db_lane_t writers;
    db_lane_t readers;
};

void lane_init(db_lane_t *lane, db_t *d, bool writes, int most_threads);
/* With the lock held. */
apr_status_t lane_submit(db_lane_t *lane, db_work_t *work);
/* After `closing` was set: finishes the work and joins. */
void lane_stop(db_lane_t *lane);

#endif
