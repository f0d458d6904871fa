/* The memory an immutable snapshot lies in: pieces are given out and go back together. Not an APR pool, because a small snapshot must cost
 * bytes, not the 8 KiB that a pool of its own takes, and a big one must go back to the system. One thread. */
#ifndef QMQ_METASERVER_ARENA_H
#define QMQ_METASERVER_ARENA_H

#include "base/view.h"

typedef struct arena {
    struct arena_chunk *chunks; /* the first is being filled */
    size_t used;
} arena_t;

void arena_init(arena_t *a);
void arena_free(arena_t *a);
/* Aligned for pointers; ends the process when there is no memory, as memory_alloc does. */
void *arena_alloc(arena_t *a, size_t size);
view_t arena_keep(arena_t *a, view_t v);

#endif
