#include "store/index_internal.h"

#include "base/memory.h"

#define LEAST_CAPACITY 4
#define GROWTH 4

static index_chunk_t *chunk_create(const consumer_logs_t *x, int64_t base, uint32_t capacity) {
    index_chunk_t *c = memory_alloc(sizeof *c + index_bytes(x, capacity));
    c->next = NULL;
    c->base = base;
    c->count = 0;
    c->capacity = capacity;
    return c;
}

/* The chunk the next entry goes to. Only a sole chunk is below full size. */
static index_chunk_t *chunk_with_room(store_subject_t *s) {
    index_chunk_t *last = s->last;
    if (last == NULL) {
        s->first = s->last = chunk_create(s->index, s->next, LEAST_CAPACITY);
    } else if (last->count == INDEX_CHUNK_ENTRIES) {
        s->last = last->next = chunk_create(s->index, s->next, INDEX_CHUNK_ENTRIES);
    } else if (last->count == last->capacity) {
        uint32_t capacity = last->capacity * GROWTH;
        last = memory_realloc(last, sizeof *last + index_bytes(s->index, capacity));
        last->capacity = capacity;
        s->first = s->last = last;
    }
    return s->last;
}

void index_tail_push(store_subject_t *s, const index_entry_t *e) {
    index_chunk_t *c = chunk_with_room(s);
    index_entry_encode(s->index->format, c->entries + index_bytes(s->index, c->count), e);
    c->count++;
    s->next++;
}

size_t index_tail_copy(const store_subject_t *s, int64_t from, size_t max, uint8_t *to) {
    size_t copied = 0;
    const index_chunk_t *c = s->first;
    while (c != NULL && c->base + c->count <= from) c = c->next;
    for (; c != NULL && copied < max; c = c->next) {
        size_t skip = copied == 0 ? (size_t)(from - c->base) : 0;
        size_t part = c->count - skip;
        if (part > max - copied) part = max - copied;
        memcpy(to + index_bytes(s->index, copied), c->entries + index_bytes(s->index, skip), index_bytes(s->index, part));
        copied += part;
    }
    return copied;
}

static void drop_first(store_subject_t *s) {
    index_chunk_t *c = s->first;
    s->first = c->next;
    if (s->first == NULL) s->last = NULL;
    memory_free(c);
}

void index_tail_trim(store_subject_t *s) {
    while (s->first != NULL && s->first->base + s->first->count <= s->persisted &&
           s->next - (s->first->base + s->first->count) >= INDEX_CHUNK_ENTRIES) {
        drop_first(s);
    }
}

void index_tail_drop(store_subject_t *s) {
    while (s->first != NULL) drop_first(s);
}
