#include "base/block.h"

#include "base/memory.h"

static void block_destroy(shared_t *s) {
    memory_free(s);
}

block_t *block_create(size_t capacity) {
    if (capacity > SIZE_MAX - sizeof(block_t)) return NULL;
    block_t *b = memory_try(sizeof *b + capacity);
    if (b == NULL) return NULL;
    shared_init(&b->shared, block_destroy);
    b->capacity = capacity;
    b->data = (uint8_t *)(b + 1);
    return b;
}
