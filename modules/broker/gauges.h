/* What is read at a scrape (broker.md 17.4 and our own). */
#ifndef QMQ_BROKER_GAUGES_H
#define QMQ_BROKER_GAUGES_H

#include "broker/group.h"

void gauges_add(broker_t *b);
/* Backlog and requests of a group, once it was pulled by a consumer that may go away and come back. Any thread; once a group. */
void gauges_add_group(group_t *g);
/* Before groups, store and ports go away. */
void gauges_remove(broker_t *b);

#endif
