/* Hash table from bytes to pointers, open addressing. Keys are not copied: they are views into the values, which outlive their entry.
 * Not thread-safe. 16 bytes an entry at load 0.5 to 0.8. */
#ifndef QMQ_BASE_TABLE_H
#define QMQ_BASE_TABLE_H

#include "base/view.h"

#define TABLE_ENTRY_SIZE 16 /* bytes of one of `capacity` */

typedef struct table {
    struct table_entry *entries;
    size_t count;
    size_t capacity; /* power of two, or 0 */
    size_t used;     /* count plus tombstones */
    view_t (*key_of)(const void *value);
} table_t;

/* key_of tells a value's key. */
void table_init(table_t *t, view_t (*key_of)(const void *value));
void table_free(table_t *t); /* not the values */
void *table_get(const table_t *t, view_t key);
/* hash = view_hash(key), for callers that have it. */
void *table_get_hashed(const table_t *t, view_t key, uint64_t hash);
/* Inserts; the key must not be present. */
void table_put(table_t *t, void *value);
/* Removes and returns the value, or NULL. */
void *table_remove(table_t *t, view_t key);
/* Walks: *at starts at 0; returns NULL at the end. Insertions invalidate the walk, removal of the returned value does not. */
void *table_next(const table_t *t, size_t *at);

#endif
