#include "metaserver/arena.h"

#include "base/memory.h"

#define FIRST_CHUNK 256
#define LARGEST_CHUNK ((size_t)256 * 1024)
#define ALIGNMENT sizeof(void *)

/* Bytes follow. */
typedef struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
} arena_chunk_t;

void arena_init(arena_t *a) {
    *a = (arena_t){NULL, 0};
}

void arena_free(arena_t *a) {
    while (a->chunks != NULL) {
        arena_chunk_t *next = a->chunks->next;
        memory_free(a->chunks);
        a->chunks = next;
    }
}

static void add_chunk(arena_t *a, size_t least) {
    size_t size = a->chunks == NULL ? FIRST_CHUNK : 2 * a->chunks->size;
    if (size > LARGEST_CHUNK) size = LARGEST_CHUNK;
    if (size < least) size = least;
    arena_chunk_t *chunk = memory_alloc(sizeof *chunk + size);
    chunk->size = size;
    chunk->next = a->chunks;
    a->chunks = chunk;
    a->used = 0;
}

void *arena_alloc(arena_t *a, size_t size) {
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (a->chunks == NULL || a->chunks->size - a->used < size) add_chunk(a, size);
    char *given = (char *)(a->chunks + 1) + a->used;
    a->used += size;
    return given;
}

view_t arena_keep(arena_t *a, view_t v) {
    if (v.size == 0) return view_make("", 0);
    char *kept = arena_alloc(a, v.size);
    memcpy(kept, v.data, v.size);
    return view_make(kept, v.size);
}
