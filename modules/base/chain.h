/* Chains of byte slices with owners: what a reply is made of. Small pieces are copied together, big ones are referred to. Not
 * thread-safe; a chain may be handed to another thread as a whole. */
#ifndef QMQ_BASE_CHAIN_H
#define QMQ_BASE_CHAIN_H

#include "base/shared.h"
#include "base/view.h"

/* Bytes kept alive by owner (NULL: by other means, the maker says which). */
typedef struct slice {
    const uint8_t *data;
    size_t size;
    shared_t *owner;
} slice_t;

typedef struct chain {
    slice_t *slices;
    size_t count;
    size_t capacity;            /* from slices on */
    size_t bytes;               /* sum of the sizes */
    slice_t *memory;            /* what slices lies in; consumed slices are in front of it */
    struct chain_copy *filling; /* where the next copied piece goes; its slices own it */
} chain_t;

/* Pieces below this are copied by chain_append_slice instead of referred to: an iovec entry costs more. */
#define CHAIN_COPY_BELOW 512

void chain_init(chain_t *c);
/* Drops every reference and frees; the chain is empty and usable afterwards. */
void chain_clear(chain_t *c);
/* Copies size bytes to the end, next to earlier copies. */
void chain_append_copy(chain_t *c, const void *data, size_t size);
/* Room for size bytes at the end, to be filled by the caller at once. */
uint8_t *chain_append_room(chain_t *c, size_t size);
/* Refers to the slice (retains its owner), or copies it when small. */
void chain_append_slice(chain_t *c, slice_t s);
/* Takes memory over (freed with memory_free when done). */
void chain_append_memory(chain_t *c, void *data, size_t size);
/* Moves everything of `from` to the end of c; from is empty afterwards. */
void chain_append_chain(chain_t *c, chain_t *from);
/* Drops the first n bytes. */
void chain_consume(chain_t *c, size_t n);
/* All bytes in one malloc'ed piece (tests, logs). */
uint8_t *chain_flatten(const chain_t *c);

#endif
