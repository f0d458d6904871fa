#include "base/table.h"

#include "base/memory.h"

#define TABLE_LEAST 8
/* An emptied table above this capacity gives its memory back. */
#define TABLE_KEEP 64

/* Empty: no value, hash 0. Removed (tombstone): no value, hash REMOVED. */
struct table_entry {
    uint64_t hash;
    void *value;
};

#define REMOVED 1u

_Static_assert(sizeof(struct table_entry) <= TABLE_ENTRY_SIZE, "the header says how big an entry is");

void table_init(table_t *t, view_t (*key_of)(const void *value)) {
    memset(t, 0, sizeof *t);
    t->key_of = key_of;
}

void table_free(table_t *t) {
    memory_free(t->entries);
    table_init(t, t->key_of);
}

static size_t mask(const table_t *t) {
    return t->capacity - 1;
}

static bool is_empty(const struct table_entry *e) {
    return e->value == NULL && e->hash == 0;
}

static struct table_entry *find(const table_t *t, view_t key, uint64_t hash) {
    if (t->count == 0) return NULL;
    for (size_t i = (size_t)hash & mask(t);; i = (i + 1) & mask(t)) {
        struct table_entry *e = &t->entries[i];
        if (e->value == NULL) {
            if (e->hash == 0) return NULL;
        } else if (e->hash == hash && view_equal(t->key_of(e->value), key)) {
            return e;
        }
    }
}

void *table_get_hashed(const table_t *t, view_t key, uint64_t hash) {
    struct table_entry *e = find(t, key, hash);
    return e == NULL ? NULL : e->value;
}

void *table_get(const table_t *t, view_t key) {
    return t->count == 0 ? NULL : table_get_hashed(t, key, view_hash(key));
}

static void place(struct table_entry *entries, size_t capacity, uint64_t hash, void *value) {
    size_t i = (size_t)hash & (capacity - 1);
    while (entries[i].value != NULL) i = (i + 1) & (capacity - 1);
    entries[i] = (struct table_entry){hash, value};
}

/* New memory without tombstones, at most 0.6 full, so that a good number of insertions fit before the next time. */
static void rebuild(table_t *t) {
    size_t capacity = TABLE_LEAST;
    while ((t->count + 1) * 5 > capacity * 3) capacity *= 2;
    struct table_entry *entries = memory_zalloc(capacity * sizeof *entries);
    for (size_t i = 0; i < t->capacity; i++) {
        if (t->entries[i].value != NULL) place(entries, capacity, t->entries[i].hash, t->entries[i].value);
    }
    memory_free(t->entries);
    t->entries = entries;
    t->capacity = capacity;
    t->used = t->count;
}

void table_put(table_t *t, void *value) {
    if ((t->used + 1) * 5 > t->capacity * 4) rebuild(t);
    uint64_t hash = view_hash(t->key_of(value));
    size_t i = (size_t)hash & mask(t);
    while (t->entries[i].value != NULL) i = (i + 1) & mask(t);
    if (is_empty(&t->entries[i])) t->used++;
    t->entries[i] = (struct table_entry){hash, value};
    t->count++;
}

/* Nothing moves on removal, so that a walk may remove what it was given. A tombstone is needed only inside a run. */
static void vacate(table_t *t, size_t i) {
    t->entries[i] = (struct table_entry){REMOVED, NULL};
    if (!is_empty(&t->entries[(i + 1) & mask(t)])) return;
    while (t->entries[i].value == NULL && t->entries[i].hash == REMOVED) {
        t->entries[i].hash = 0;
        t->used--;
        i = (i - 1) & mask(t);
    }
}

void *table_remove(table_t *t, view_t key) {
    struct table_entry *e = t->count == 0 ? NULL : find(t, key, view_hash(key));
    if (e == NULL) return NULL;
    void *value = e->value;
    vacate(t, (size_t)(e - t->entries));
    if (--t->count == 0 && t->capacity > TABLE_KEEP) table_free(t);
    return value;
}

void *table_next(const table_t *t, size_t *at) {
    while (*at < t->capacity) {
        void *value = t->entries[(*at)++].value;
        if (value != NULL) return value;
    }
    return NULL;
}
