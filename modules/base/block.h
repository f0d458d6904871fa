/* Receive blocks: fixed-size reference-counted memory, recycled per loop. Frames are views into a block; whoever needs them longer
 * than the callback retains the block. */
#ifndef QMQ_BASE_BLOCK_H
#define QMQ_BASE_BLOCK_H

#include "base/shared.h"

#include <stdint.h>

typedef struct block {
    shared_t shared; /* first member: shared_retain(&b->shared) */
    size_t capacity;
    uint8_t *data;
} block_t;

/* A block on its own; NULL when there is no memory. */
block_t *block_create(size_t capacity);

static inline void block_retain(block_t *b) {
    shared_retain(&b->shared);
}
static inline void block_release(block_t *b) {
    if (b != NULL) shared_release(&b->shared);
}

#endif
