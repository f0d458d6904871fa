/* Hash table of things that have names and are never removed: lookups take no lock and may run beside an insertion. Growth publishes a new
 * array and keeps the old ones until the table is freed (together as big as the new one), because a reader may still be in them. */
#ifndef QMQ_STORE_NAME_TABLE_H
#define QMQ_STORE_NAME_TABLE_H

#include "base/view.h"
#include "portability/thread.h"

#include <stdatomic.h>

/* First member of what is kept in a name table. */
typedef struct named {
    uint64_t hash;
} named_t;

typedef struct name_slots {
    struct name_slots *older;
    size_t mask;
    _Atomic(named_t *) at[];
} name_slots_t;

typedef struct name_table {
    _Atomic(name_slots_t *) slots;
    _Atomic size_t count;
    mutex_t lock; /* insertions */
} name_table_t;

void name_table_init(name_table_t *t);
/* Frees the arrays, not the things. */
void name_table_free(name_table_t *t);

/* The thing for which same(thing, key) is true, or NULL. Any thread. */
static inline named_t *name_table_find(const name_table_t *t, uint64_t hash, bool (*same)(const named_t *thing, const void *key),
                                       const void *key) {
    const name_slots_t *slots = atomic_load_explicit(&t->slots, memory_order_acquire);
    for (size_t i = (size_t)hash & slots->mask;; i = (i + 1) & slots->mask) {
        named_t *thing = atomic_load_explicit(&slots->at[i], memory_order_acquire);
        if (thing == NULL) return NULL;
        if (thing->hash == hash && same(thing, key)) return thing;
    }
}

/* Inserts what make(arg, key) returns unless the key is there already; the one that is in the table afterwards. Any thread. */
named_t *name_table_get(name_table_t *t, uint64_t hash, bool (*same)(const named_t *thing, const void *key),
                        named_t *(*make)(void *arg, const void *key), void *arg, const void *key);

/* Everything that was inserted before the call. Any thread; visit may use the table. */
void name_table_each(const name_table_t *t, void (*visit)(void *arg, named_t *thing), void *arg);

#endif
