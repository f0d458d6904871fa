#include "base/chain.h"

#include "base/memory.h"

#define COPY_LEAST 512
#define COPY_MOST 16384

/* Memory of copied pieces. Every slice in it holds a reference, so that consumed copies are freed while the chain lives on. */
struct chain_copy {
    shared_t shared;
    size_t used;
    size_t capacity;
    uint8_t data[];
};

/* Memory taken over from the caller. */
typedef struct taken {
    shared_t shared;
    void *data;
} taken_t;

void chain_init(chain_t *c) {
    memset(c, 0, sizeof *c);
}

static void copy_destroy(shared_t *s) {
    memory_free(s);
}

static void taken_destroy(shared_t *s) {
    taken_t *t = (taken_t *)s;
    memory_free(t->data);
    memory_free(t);
}

static void drop_filling(chain_t *c) {
    if (c->filling != NULL) shared_release(&c->filling->shared);
    c->filling = NULL;
}

/* Neighbours mostly have the same owner: one count for all of them. */
static void release_owners(chain_t *c) {
    for (size_t i = 0, end; i < c->count; i = end) {
        shared_t *owner = c->slices[i].owner;
        for (end = i + 1; end < c->count && c->slices[end].owner == owner; end++) {}
        shared_release_many(owner, end - i);
    }
}

void chain_clear(chain_t *c) {
    release_owners(c);
    drop_filling(c);
    memory_free(c->memory);
    chain_init(c);
}

static void reserve_slices(chain_t *c, size_t more) {
    if (c->capacity - c->count >= more) return;
    size_t gone = (size_t)(c->slices - c->memory);
    size_t whole = gone + c->capacity;
    if (gone > 0) {
        memmove(c->memory, c->slices, c->count * sizeof *c->slices);
        c->slices = c->memory;
        c->capacity = whole;
    }
    /* Moving down pays only when it freed a good part, else every append would move. */
    if (whole - c->count >= more && gone >= whole / 2) return;
    size_t capacity = whole < 4 ? 4 : whole * 2;
    while (capacity < c->count + more) capacity *= 2;
    c->memory = memory_realloc(c->memory, capacity * sizeof *c->memory);
    c->slices = c->memory;
    c->capacity = capacity;
}

/* Takes the reference in s over. */
static void push(chain_t *c, slice_t s) {
    reserve_slices(c, 1);
    c->slices[c->count++] = s;
    c->bytes += s.size;
}

/* Lengthens the last slice when s continues it. */
static bool extend(chain_t *c, slice_t s) {
    if (c->count == 0 || s.owner == NULL) return false;
    slice_t *last = &c->slices[c->count - 1];
    if (last->owner != s.owner || last->data + last->size != s.data) return false;
    last->size += s.size;
    c->bytes += s.size;
    return true;
}

static void new_filling(chain_t *c, size_t size) {
    size_t capacity = c->filling == NULL ? COPY_LEAST : c->filling->capacity * 2;
    if (capacity > COPY_MOST) capacity = COPY_MOST;
    if (capacity < size) capacity = size;
    struct chain_copy *copy = memory_alloc(sizeof *copy + capacity);
    shared_init(&copy->shared, copy_destroy);
    copy->used = 0;
    copy->capacity = capacity;
    drop_filling(c);
    c->filling = copy;
}

uint8_t *chain_append_room(chain_t *c, size_t size) {
    if (c->filling == NULL || c->filling->capacity - c->filling->used < size) new_filling(c, size);
    slice_t s = {c->filling->data + c->filling->used, size, &c->filling->shared};
    uint8_t *room = c->filling->data + c->filling->used;
    c->filling->used += size;
    if (size > 0 && !extend(c, s)) {
        shared_retain(s.owner);
        push(c, s);
    }
    return room;
}

void chain_append_copy(chain_t *c, const void *data, size_t size) {
    if (size > 0) memcpy(chain_append_room(c, size), data, size);
}

void chain_append_slice(chain_t *c, slice_t s) {
    if (s.size == 0 || extend(c, s)) return;
    if (s.size < CHAIN_COPY_BELOW) {
        chain_append_copy(c, s.data, s.size);
        return;
    }
    shared_retain(s.owner);
    push(c, s);
}

void chain_append_memory(chain_t *c, void *data, size_t size) {
    if (size == 0) {
        memory_free(data);
        return;
    }
    taken_t *t = memory_alloc(sizeof *t);
    shared_init(&t->shared, taken_destroy);
    t->data = data;
    push(c, (slice_t){data, size, &t->shared});
}

void chain_append_chain(chain_t *c, chain_t *from) {
    if (c->count == 0) {
        chain_clear(c);
        *c = *from;
        chain_init(from);
        return;
    }
    reserve_slices(c, from->count);
    if (from->count > 0) memcpy(c->slices + c->count, from->slices, from->count * sizeof *from->slices);
    c->count += from->count;
    c->bytes += from->bytes;
    drop_filling(from);
    memory_free(from->memory);
    chain_init(from);
}

void chain_consume(chain_t *c, size_t n) {
    if (n >= c->bytes) {
        chain_clear(c);
        return;
    }
    c->bytes -= n;
    while (n >= c->slices->size) {
        n -= c->slices->size;
        shared_release(c->slices->owner);
        c->slices++;
        c->count--;
        c->capacity--;
    }
    c->slices->data += n;
    c->slices->size -= n;
}

uint8_t *chain_flatten(const chain_t *c) {
    uint8_t *all = memory_alloc(c->bytes);
    size_t at = 0;
    for (size_t i = 0; i < c->count; i++) {
        memcpy(all + at, c->slices[i].data, c->slices[i].size);
        at += c->slices[i].size;
    }
    return all;
}
