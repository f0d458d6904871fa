#include "store/name_table.h"

#include "base/memory.h"

#define LEAST_SLOTS 16

static name_slots_t *slots_create(size_t count) {
    name_slots_t *s = memory_zalloc(sizeof *s + count * sizeof s->at[0]);
    s->mask = count - 1;
    return s;
}

void name_table_init(name_table_t *t) {
    atomic_init(&t->slots, slots_create(LEAST_SLOTS));
    atomic_init(&t->count, 0);
    mutex_init(&t->lock);
}

void name_table_free(name_table_t *t) {
    name_slots_t *s = atomic_load(&t->slots);
    while (s != NULL) {
        name_slots_t *older = s->older;
        memory_free(s);
        s = older;
    }
    mutex_destroy(&t->lock);
}

static void place(name_slots_t *slots, named_t *thing) {
    size_t i = (size_t)thing->hash & slots->mask;
    while (atomic_load_explicit(&slots->at[i], memory_order_relaxed) != NULL) i = (i + 1) & slots->mask;
    atomic_store_explicit(&slots->at[i], thing, memory_order_release);
}

/* With the lock held. */
static name_slots_t *grown(name_table_t *t) {
    name_slots_t *old = atomic_load_explicit(&t->slots, memory_order_relaxed);
    size_t capacity = old->mask + 1;
    if ((atomic_load_explicit(&t->count, memory_order_relaxed) + 1) * 4 <= capacity * 3) return old;
    name_slots_t *bigger = slots_create(capacity * 2);
    for (size_t i = 0; i < capacity; i++) {
        named_t *thing = atomic_load_explicit(&old->at[i], memory_order_relaxed);
        if (thing != NULL) place(bigger, thing);
    }
    bigger->older = old;
    atomic_store_explicit(&t->slots, bigger, memory_order_release);
    return bigger;
}

named_t *name_table_get(name_table_t *t, uint64_t hash, bool (*same)(const named_t *thing, const void *key),
                        named_t *(*make)(void *arg, const void *key), void *arg, const void *key) {
    named_t *found = name_table_find(t, hash, same, key);
    if (found != NULL) return found;
    mutex_lock(&t->lock);
    found = name_table_find(t, hash, same, key);
    if (found == NULL) {
        found = make(arg, key);
        found->hash = hash;
        place(grown(t), found);
        atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
    }
    mutex_unlock(&t->lock);
    return found;
}

void name_table_each(const name_table_t *t, void (*visit)(void *arg, named_t *thing), void *arg) {
    const name_slots_t *slots = atomic_load_explicit(&t->slots, memory_order_acquire);
    for (size_t i = 0; i <= slots->mask; i++) {
        named_t *thing = atomic_load_explicit(&slots->at[i], memory_order_acquire);
        if (thing != NULL) visit(arg, thing);
    }
}
