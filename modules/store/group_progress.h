/* How far groups and consumers are (storage.md 9.1): the result of all actions in log order. */
#ifndef QMQ_STORE_GROUP_PROGRESS_H
#define QMQ_STORE_GROUP_PROGRESS_H

#include "store/name_pool.h"
#include "store/pull_tablets.h"
#include "store/subject_table.h"

#define GROUP_LOCKS 64

typedef struct store_consumer {
    name_t *id;
    int64_t pull;
    int64_t ack;    /* <= pull */
    int64_t tabled; /* what was pulled up to here and is not acknowledged is in tablets */
    pull_log_t pulled;
    tablet_refs_t tablets;
} store_consumer_t;

struct store_group {
    named_t named;
    store_subject_t *subject;
    store_group_t *sibling; /* next group of the subject */
    name_t *name;
    _Atomic(void *) user;
    struct group_progress *progress;
    /* Under the group's lock. */
    int64_t pulled;
    int64_t moved_to;             /* next message after a reset, until it is behind what was pulled again; else -1 */
    store_consumer_t **consumers; /* while they are few */
    table_t *many;                /* when they are many; then consumers is NULL */
    uint32_t consumer_count;
    bool known; /* an action named the group */
    bool broadcast;
};

typedef struct group_progress {
    name_table_t groups;
    name_pool_t names;
    mutex_t locks[GROUP_LOCKS]; /* a group's lock is found by its hash */
    metrics_t *metrics;
    _Atomic int64_t group_count; /* known ones */
    _Atomic int64_t consumer_count;
    _Atomic int64_t untabled; /* pulled and not acknowledged since the last tablet */
    _Atomic bool moved;       /* some group is, or was when that was last looked for, not behind what it pulled */
    _Atomic bool offline;     /* a consumer went offline for ever since this was cleared */
} group_progress_t;

void group_progress_init(group_progress_t *p, metrics_t *metrics);
void group_progress_free(group_progress_t *p);
store_group_t *group_progress_find(group_progress_t *p, const store_subject_t *subject, view_t group);
/* NULL for empty names and names over 32767 bytes. */
store_group_t *group_progress_get(group_progress_t *p, store_subject_t *subject, view_t group);
/* The groups of a subject, linked by sibling. Any thread. */
static inline store_group_t *subject_groups(const store_subject_t *s) {
    return atomic_load_explicit(&s->groups, memory_order_acquire);
}
/* What a snapshot says of a group, and then of its consumers. Recovery only; NULL for a name that cannot be one. */
store_group_t *group_progress_restore(group_progress_t *p, store_subject_t *subject, view_t group, bool broadcast, int64_t pulled);
void group_progress_restore_consumer(store_group_t *g, view_t consumer_id, int64_t pull, int64_t ack);
/* A reset. Any thread. */
void group_progress_move(store_group_t *g, int64_t next);
/* Calls visit with the group's lock held. Any thread. */
void group_progress_visit(store_group_t *g, void (*visit)(void *arg, store_group_t *g), void *arg);
/* The following with the group's lock held. */
void group_each_consumer(store_group_t *g, void (*visit)(void *arg, store_group_t *g, store_consumer_t *c), void *arg);
store_consumer_t *group_consumer(store_group_t *g, view_t consumer_id);
/* One action that was written to the log. Appender or replay only. */
void group_progress_apply(group_progress_t *p, const store_action_t *a);

#endif
