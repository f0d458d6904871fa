/* The event loops of a process or server: a fixed array, each with its thread and its connection context. */
#ifndef QMQ_NET_LOOPS_H
#define QMQ_NET_LOOPS_H

#include "net/connection.h"

typedef struct loops loops_t;

/* Starts count loops (0: one per core) with threads "name-0"...; returns when all run. */
apr_status_t loops_start(loops_t **out, const char *name, int count);
int loops_count(const loops_t *l);
loop_t *loops_at(const loops_t *l, int index);
connection_context_t *loops_context(const loops_t *l, int index);
/* Index of the loop whose thread calls, or -1. */
int loops_current(const loops_t *l);
/* Runs fn(arg) on the loop's thread and waits for it. Not from a loop's thread. */
void loops_call(loops_t *l, int index, void (*fn)(void *arg), void *arg);
/* Stops, joins, frees. Connections must be gone. */
void loops_stop(loops_t *l);

#endif
