/* How far groups and consumers are (storage.md 9.1): the result of all actions in log order. */
#ifndef QMQ_STORE_GROUP_PROGRESS_H
#define QMQ_STORE_GROUP_PROGRESS_H

#include "store/name_pool.h"
#include "store/pull_log.h"
#include "store/subject_table.h"

#define GROUP_LOCKS 64

typedef struct store_consumer {
    name_t *id;
    int64_t pull;
    int64_t ack; /* <= pull */
    pull_log_t pulled;
} store_consumer_t;

struct store_group {
    named_t named;
    store_subject_t *subject;
    name_t *name;
    _Atomic(void *) user;
    struct group_progress *progress;
    /* Under the group's lock. */
    int64_t pulled;
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
} group_progress_t;

void group_progress_init(group_progress_t *p, metrics_t *metrics);
void group_progress_free(group_progress_t *p);
store_group_t *group_progress_find(group_progress_t *p, const store_subject_t *subject, view_t group);
/* NULL for empty names and names over 32767 bytes. */
store_group_t *group_progress_get(group_progress_t *p, store_subject_t *subject, view_t group);
/* One action that was written to the log. Appender or replay only. */
void group_progress_apply(group_progress_t *p, const store_action_t *a);

#endif
