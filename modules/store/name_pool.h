/* Names of groups and consumers, each kept once however many subjects it appears on. Any thread. */
#ifndef QMQ_STORE_NAME_POOL_H
#define QMQ_STORE_NAME_POOL_H

#include "base/table.h"
#include "portability/thread.h"

typedef struct name {
    uint32_t users;
    uint16_t size;
    char bytes[];
} name_t;

typedef struct name_pool {
    mutex_t lock;
    table_t table;
} name_pool_t;

void name_pool_init(name_pool_t *p);
void name_pool_free(name_pool_t *p);
/* At most 32767 bytes. Give it back with name_pool_release. */
name_t *name_pool_get(name_pool_t *p, view_t text);
void name_pool_release(name_pool_t *p, name_t *name);

static inline view_t name_view(const name_t *n) {
    return view_make(n->bytes, n->size);
}

#endif
