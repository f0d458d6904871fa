/* The pool an immutable snapshot lies in: memory of its own, given back to the system with the snapshot. */
#ifndef QMQ_METASERVER_ARENA_H
#define QMQ_METASERVER_ARENA_H

#include "base/view.h"

#include <apr_pools.h>

/* Ends the process when there is no memory, as memory_alloc does. apr_pool_destroy ends it. */
apr_pool_t *arena_create(void);
view_t arena_keep(apr_pool_t *arena, view_t v);

#endif
