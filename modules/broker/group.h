/* A consumer group on a subject as the broker serves it: its position, its held pulls, its operations one after the other. While anything
 * of a group is under way it belongs to one worker's loop (its home); the next operation after a quiet moment may choose another, so that a
 * group lives where its consumers' connection lives. */
#ifndef QMQ_BROKER_GROUP_H
#define QMQ_BROKER_GROUP_H

#include "broker/figures.h"
#include "broker/heartbeats.h"
#include "broker/waiters.h"
#include "broker/worker.h"
#include "protocol/subject.h"

typedef struct group group_t;
typedef struct operation operation_t;

/* What an operation's step left behind. */
typedef enum step {
    STEP_DONE,
    STEP_WAITS,   /* something is in flight; nothing else of the group runs meanwhile */
    STEP_OVERLAPS /* only its own action is in flight: operations that know more than it changes go on meanwhile */
} step_t;

/* One request of a group: a pull, an ack, a reset. Embedded first in the concrete request. */
struct operation {
    task_t task; /* on its way to the home loop */
    operation_t *next;
    group_t *group;
    int64_t knows;  /* a pull: the last pull sequence its consumer has; else -1 */
    int64_t covers; /* with STEP_OVERLAPS: nothing behind this pull sequence is changed */
    /* Runs on the home loop with the group its own. STEP_WAITS: group_continue goes on; STEP_OVERLAPS: group_continue_overlapped. */
    step_t (*run)(operation_t *self);
};

/* The broker's object of a (subject, group), created when missing; NULL when the names cannot be served. Any thread. */
group_t *group_get(broker_t *b, view_t subject, view_t group);

/* Too many requests wait in it: a further one is refused at once. Any thread. */
bool group_is_crowded(group_t *g);
/* Hands the operation over: runs in its turn on the home loop. Loop threads. */
void group_submit(group_t *g, operation_t *op, worker_t *from);
/* The running operation's wait has ended: runs its `run` again. Home loop. */
void group_continue(group_t *g);
/* The same for the operation that let others go on. */
void group_continue_overlapped(group_t *g);
worker_t *group_home(const group_t *g); /* home loop only */
broker_t *group_broker(const group_t *g);
store_group_t *group_progress(const group_t *g);
store_subject_t *group_subject(const group_t *g);
view_t group_subject_name(const group_t *g);
view_t group_name(const group_t *g);
subject_kind_t group_kind(const group_t *g);
heartbeats_t *group_heartbeats(group_t *g);
/* "<subject>-<group>", what the original calls its mailbox; cut when longer than metrics show. */
#define ACTOR_NAME_SIZE 520
view_t group_actor_name(const group_t *g, char to[ACTOR_NAME_SIZE]);
/* Requests in it, the held ones as one. Any thread. */
int group_pending(group_t *g);
/* True for the first caller: the group gets its gauges. Any thread. */
bool group_takes_gauges(group_t *g);
/* Metrics. Any thread. */
void group_count(group_t *g, group_figure_t which, int64_t n);
void group_time(group_t *g, group_figure_t which, int64_t from_us, int64_t to_us);

/* Next message sequence to hand out; -1 not decided yet. Any thread; it is changed on the home loop, or by the cold reader the running
 * operation waits for. */
int64_t group_next(const group_t *g);
void group_set_next(group_t *g, int64_t next);
/* A reset: the position, with a log line, and held pulls are tried again. Home loop, as (part of) the running operation. */
void group_move_to(group_t *g, int64_t next);
/* The same, decided when it was not: behind what was pulled; for a group that no action names (then false) at the end of the subject, or at
 * its beginning. */
bool group_position(const group_t *g, bool from_earliest, int64_t *next);

/* Held pulls, in order of arrival; opaque to the group. The first hold keeps the group at home, the last unhold gives it up. Home loop. */
typedef struct held {
    struct held *next;
    struct held *previous;
} held_t;
held_t *group_held_first(const group_t *g);
void group_hold(group_t *g, held_t *h);
void group_unhold(group_t *g, held_t *h);
/* The held pull that is being tried while its action is in flight; kept for pull.c. */
held_t *group_trying(const group_t *g);
void group_set_trying(group_t *g, held_t *h);
/* Registers for new messages of the subject; when they come, every held pull is tried again. Home loop. */
void group_wait_for_messages(group_t *g);
/* Tries the held pulls again at a time (retry subjects); the earliest call wins. Home loop. */
void group_wake_in(group_t *g, int64_t delay_us);

/* Calls visit for every group this broker made. Any thread. */
void group_each(broker_t *b, void (*visit)(void *arg, group_t *g), void *arg);
/* Frees all groups; nothing is in flight. */
void group_free_all(broker_t *b);

#endif
