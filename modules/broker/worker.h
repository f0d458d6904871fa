/* What the broker keeps for each event loop: the batch of messages and the batch of actions gathered in this round. Both are handed to the
 * store at the end of the round, one append for all requests that were readable together. Loop thread only unless said otherwise. */
#ifndef QMQ_BROKER_WORKER_H
#define QMQ_BROKER_WORKER_H

#include "broker/broker_internal.h"

worker_t *worker_create(broker_t *b, int index);
void worker_destroy(worker_t *w); /* nothing in flight */
broker_t *worker_broker(const worker_t *w);
loop_t *worker_loop(const worker_t *w);
/* Requests with messages that the store is writing. Any thread. */
int worker_queued(const worker_t *w);
int worker_index(const worker_t *w);

/* Messages. A source gets its verdict when all its messages were stored or refused; its memory and the bytes its messages point to stay
 * valid until then. */
typedef struct message_source {
    struct message_source *next;
    size_t first;              /* set by the worker */
    store_message_t *messages; /* valid in stored */
    size_t count;
    bool wants_disk;    /* set by its owner: the verdict comes after a data sync */
    int64_t end_offset; /* set by the worker: the log behind what was stored */
    /* On the worker's loop; the source is its owner's again. */
    void (*stored)(struct message_source *self);
} message_source_t;

/* One source at a time is staged: a slot a message, then commit or rollback. A slot is valid until the next call. */
store_message_t *worker_stage_message(worker_t *w);
void worker_commit_messages(worker_t *w, message_source_t *source);
void worker_rollback_messages(worker_t *w);

/* Actions of one operation: appended in order, together with those of others. */
typedef struct action_source {
    struct action_source *next;
    store_action_t *actions; /* stay the source's until appended is called */
    size_t count;
    bool wants_disk; /* as above; the actions are applied before the sync */
    apr_status_t status;
    /* On the worker's loop, after the actions were applied (and are on the disk). */
    void (*appended)(struct action_source *self);
} action_source_t;

void worker_add_actions(worker_t *w, action_source_t *source);
/* Somebody who waits until the moves of groups are on the disk. */
typedef struct position_wait {
    store_sync_waiter_t waiter;
    task_t task;
    worker_t *worker;
    apr_status_t status;
    /* On the worker's loop. */
    void (*saved)(struct position_wait *self);
} position_wait_t;

/* Waits for every move made before; the wait is in flight until then. */
void worker_await_positions(worker_t *w, position_wait_t *p);
/* Waits until nothing is in flight; from another thread, when no new work can come. */
void worker_drain(worker_t *w);

#endif
