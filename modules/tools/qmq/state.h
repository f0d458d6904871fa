/* What qmq remembers on this host between runs: which client ids are in use. */
#ifndef QMQ_TOOLS_QMQ_STATE_H
#define QMQ_TOOLS_QMQ_STATE_H

#include <stdbool.h>

/* The first slot that no living process holds: *slot is its lock (state_release), *id the client id that belongs to it. */
bool state_take_slot(void **slot, char **id);
void state_release(void *slot);

#endif
