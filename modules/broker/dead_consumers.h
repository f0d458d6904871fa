/* Consumers that stopped asking (broker.md 8.2 to 8.4): their un-acknowledged messages go to the retry subject at a limited rate; a
 * consumer that was away for days is forgotten. One thread decides when, the work is operations of the groups. */
#ifndef QMQ_BROKER_DEAD_CONSUMERS_H
#define QMQ_BROKER_DEAD_CONSUMERS_H

#include "broker/group.h"

typedef struct dead_consumers dead_consumers_t;

typedef struct dead_consumers_options {
    int64_t first_us;   /* from start to the first check */
    int64_t pause_us;   /* between checks */
    int64_t offline_us; /* silence after which messages are moved */
    int64_t forever_us; /* silence after which the consumer is forgotten */
} dead_consumers_options_t;

apr_status_t dead_consumers_start(dead_consumers_t **out, broker_t *b, const dead_consumers_options_t *options);
/* Waits for the operations under way: the loops must still run. NULL is allowed. */
void dead_consumers_stop(dead_consumers_t *d);
/* Checks now, whatever the time (tests, operators); returns at once. Any thread. */
void dead_consumers_check(dead_consumers_t *d);
/* Consumers something is being done about, and whether a check is due that was asked for. Any thread. */
int dead_consumers_tasks(const dead_consumers_t *d);
int dead_consumers_mailboxes(const dead_consumers_t *d); /* group names that ever had a task */
int dead_consumers_busy(dead_consumers_t *d);

/* A request of the consumer came: it lives on this subject, on the real one and on its retry subject. A pull makes it known, an
 * acknowledgement does not. Any thread. */
void consumer_seen(group_t *g, view_t consumer_id);

#endif
