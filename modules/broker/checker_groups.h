/* Mailboxes of the check of dead consumers, one a group name, as the original shows them: how many tasks each has (broker.md 17.4). */
#ifndef QMQ_BROKER_CHECKER_GROUPS_H
#define QMQ_BROKER_CHECKER_GROUPS_H

#include "base/metrics.h"
#include "base/table.h"

typedef struct checker_group checker_group_t;

typedef struct checker_groups {
    metrics_t *metrics; /* NULL allowed */
    table_t by_name;
    _Atomic int count;
} checker_groups_t;

void checker_groups_init(checker_groups_t *c, metrics_t *metrics);
/* A task of this group has begun; the mailbox comes to be with the first one and stays. The thread of the check only. */
checker_group_t *checker_groups_enter(checker_groups_t *c, view_t group);
void checker_group_leave(checker_group_t *g);
/* Takes the gauges back. */
void checker_groups_free(checker_groups_t *c);

#endif
