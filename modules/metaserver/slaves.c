#include "metaserver/slaves.h"

#include "base/memory.h"
#include "base/table.h"
#include "portability/thread.h"
#include "protocol/codes.h"

struct slaves {
    mutex_t lock; /* what follows */
    broker_row_t *rows;
    table_t by_group;
};

static view_t row_group(const void *value) {
    return view_of(((const broker_row_t *)value)->group);
}

slaves_t *slaves_create(void) {
    slaves_t *s = memory_zalloc(sizeof *s);
    mutex_init(&s->lock);
    table_init(&s->by_group, row_group);
    return s;
}

void slaves_destroy(slaves_t *s) {
    if (s == NULL) return;
    table_free(&s->by_group);
    memory_free(s->rows);
    mutex_destroy(&s->lock);
    memory_free(s);
}

static bool is_slave(const broker_row_t *row) {
    return row->role == ROLE_SLAVE || row->role == ROLE_DELAY_SLAVE;
}

void slaves_replace(slaves_t *s, const broker_rows_t *rows) {
    broker_row_t *copies = memory_alloc((rows->count + 1) * sizeof *copies);
    table_t fresh;
    table_init(&fresh, row_group);
    size_t count = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (!is_slave(&rows->items[i])) continue;
        copies[count] = rows->items[i];
        (void)table_remove(&fresh, view_of(copies[count].group));
        table_put(&fresh, &copies[count++]);
    }
    mutex_lock(&s->lock);
    table_t old = s->by_group;
    broker_row_t *old_rows = s->rows;
    s->by_group = fresh;
    s->rows = copies;
    mutex_unlock(&s->lock);
    table_free(&old);
    memory_free(old_rows);
}

bool slaves_find(slaves_t *s, view_t group, broker_row_t *slave) {
    mutex_lock(&s->lock);
    const broker_row_t *found = table_get(&s->by_group, group);
    if (found != NULL) *slave = *found;
    mutex_unlock(&s->lock);
    return found != NULL;
}
