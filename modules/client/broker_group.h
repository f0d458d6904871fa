/* One broker group of one route: its master, whether it may be used now (client.md 6). Loop thread. */
#ifndef QMQ_CLIENT_BROKER_GROUP_H
#define QMQ_CLIENT_BROKER_GROUP_H

#include "base/view.h"
#include "client/breaker.h"

typedef struct broker_group {
    int references; /* the route's, and one of every request under way */
    char *name;
    char *master; /* "host:port" */
    bool rejected;
    int64_t rejected_us;
    breaker_t breaker;
    int in_flight; /* requests of producers */
} broker_group_t;

/* One reference, the caller's. */
broker_group_t *broker_group_create(view_t name, view_t master);
void broker_group_retain(broker_group_t *g);
/* NULL is allowed. */
void broker_group_release(broker_group_t *g);
bool broker_group_is_available(broker_group_t *g, int64_t now_us);
/* It answered that it takes nothing now. */
void broker_group_reject(broker_group_t *g, int64_t now_us);

/* The next available one after `last` (-1: none was used yet), round robin; an unavailable one when there is no other; NULL when there is
 * none. *index of it. */
broker_group_t *broker_groups_pick(broker_group_t **groups, size_t count, int last, int64_t now_us, int *index);
/* The same at random. */
broker_group_t *broker_groups_pick_random(broker_group_t **groups, size_t count, int64_t now_us);

#endif
