/* What is done about one consumer that is gone: an operation of its group that moves as many of its messages as the limiter permits, again
 * and again, and writes it off at the end when it was away for days. */
#ifndef QMQ_BROKER_DEAD_CONSUMER_H
#define QMQ_BROKER_DEAD_CONSUMER_H

#include "broker/retry.h"

typedef struct dead_consumer {
    operation_t op; /* first */
    struct dead_consumer *next;
    broker_t *broker;
    store_group_t *progress;
    group_t *group;
    view_t consumer_id;            /* in text */
    struct checker_group *mailbox; /* while it is a task */
    bool forget;                   /* write it off when nothing is left */
    int64_t found_us;              /* a sign of life since then ends it */
    int64_t filled_us;             /* the limiter: permits counted up to here */
    double permits;
    _Atomic int state;
    /* The operation under way. */
    int64_t permitted;
    retry_move_t move;
    bool has_move;
    action_source_t source;
    store_action_t action;
    job_t job;
    task_t back;
    int phase;
    apr_status_t read_status;
    int64_t first;
    int64_t last;
    char text[];
} dead_consumer_t;

dead_consumer_t *dead_consumer_create(broker_t *b, store_group_t *progress, view_t consumer_id, bool forget, int64_t now_us);
/* False when its group cannot be had. */
bool dead_consumer_begin(dead_consumer_t *d);
/* Hands the group another operation when the limiter permits. True when the task has ended and nothing of it is under way. With `stopping`
 * nothing new is begun. One thread. */
bool dead_consumer_step(dead_consumer_t *d, bool stopping);
void dead_consumer_free(dead_consumer_t *d);

#endif
