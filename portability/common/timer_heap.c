#include "portability/common/timer_heap.h"

#include "portability/common/system.h"

#include <stdlib.h>

#define ARITY 4
#define MIN_CAPACITY 64

/* private_[0] of a timer holds its place in the heap plus one; zero means not armed. */
static void put(timer_heap_t *h, size_t place, timer_entry_t entry) {
    h->entries[place] = entry;
    entry.timer->private_[0] = (void *)(uintptr_t)(place + 1);
}

static bool is_before(const timer_entry_t *a, const timer_entry_t *b) {
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void rise(timer_heap_t *h, size_t place, timer_entry_t entry) {
    while (place > 0) {
        size_t parent = (place - 1) / ARITY;
        if (!is_before(&entry, &h->entries[parent])) break;
        put(h, place, h->entries[parent]);
        place = parent;
    }
    put(h, place, entry);
}

static void sink(timer_heap_t *h, size_t place, timer_entry_t entry) {
    for (;;) {
        size_t first = place * ARITY + 1;
        if (first >= h->count) break;
        size_t last = first + ARITY < h->count ? first + ARITY : h->count;
        size_t least = first;
        for (size_t i = first + 1; i < last; i++) {
            if (is_before(&h->entries[i], &h->entries[least])) least = i;
        }
        if (!is_before(&h->entries[least], &entry)) break;
        put(h, place, h->entries[least]);
        place = least;
    }
    put(h, place, entry);
}

static void set_capacity(timer_heap_t *h, size_t capacity) {
    h->entries = system_resize(h->entries, capacity, sizeof *h->entries);
    h->capacity = capacity;
}

void timer_heap_add(timer_heap_t *h, loop_timer_t *t) {
    if (h->count == h->capacity) set_capacity(h, h->capacity == 0 ? MIN_CAPACITY : h->capacity * 2);
    timer_entry_t entry = {t->due_us, h->next_order++, t};
    rise(h, h->count++, entry);
}

void timer_heap_remove(timer_heap_t *h, loop_timer_t *t) {
    if (!loop_timer_active(t)) return;
    size_t place = (size_t)(uintptr_t)t->private_[0] - 1;
    timer_entry_t moved = h->entries[--h->count];
    t->private_[0] = NULL;
    if (place < h->count) {
        if (place > 0 && is_before(&moved, &h->entries[(place - 1) / ARITY])) {
            rise(h, place, moved);
        } else {
            sink(h, place, moved);
        }
    }
    if (h->capacity > MIN_CAPACITY && h->count < h->capacity / 8) set_capacity(h, h->capacity / 2);
}

loop_timer_t *timer_heap_first(const timer_heap_t *h) {
    return h->count == 0 ? NULL : h->entries[0].timer;
}

void timer_heap_free(timer_heap_t *h) {
    free(h->entries);
    h->entries = NULL;
    h->count = h->capacity = 0;
}

bool loop_timer_active(const loop_timer_t *t) {
    return t->private_[0] != NULL;
}
