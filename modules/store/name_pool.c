#include "store/name_pool.h"

#include "base/memory.h"

static view_t key_of(const void *value) {
    return name_view(value);
}

void name_pool_init(name_pool_t *p) {
    mutex_init(&p->lock);
    table_init(&p->table, key_of);
}

void name_pool_free(name_pool_t *p) {
    size_t at = 0;
    for (void *n; (n = table_next(&p->table, &at)) != NULL;) memory_free(n);
    table_free(&p->table);
    mutex_destroy(&p->lock);
}

name_t *name_pool_get(name_pool_t *p, view_t text) {
    mutex_lock(&p->lock);
    name_t *n = table_get(&p->table, text);
    if (n == NULL) {
        n = memory_alloc(sizeof *n + text.size);
        n->users = 0;
        n->size = (uint16_t)text.size;
        memcpy(n->bytes, text.data, text.size);
        table_put(&p->table, n);
    }
    n->users++;
    mutex_unlock(&p->lock);
    return n;
}

void name_pool_release(name_pool_t *p, name_t *name) {
    mutex_lock(&p->lock);
    if (--name->users == 0) {
        table_remove(&p->table, name_view(name));
        memory_free(name);
    }
    mutex_unlock(&p->lock);
}
