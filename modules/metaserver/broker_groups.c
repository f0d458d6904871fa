#include "metaserver/broker_groups.h"

#include "base/memory.h"
#include "metaserver/broker_rows.h"
#include "protocol/codes.h"

enum { COLUMN_NAME, COLUMN_KIND, COLUMN_MASTER, COLUMN_STATE, COLUMN_TAG, COLUMN_UPDATED, COLUMN_EXT, COLUMNS };
_Static_assert((int)COLUMN_EXT == LIVE_GROUP_EXT, "the columns of statements.groups");

static view_t name_of(const void *value) {
    return ((const live_group_t *)value)->name;
}

static void destroy(shared_t *s) {
    broker_groups_t *g = (broker_groups_t *)s;
    table_free(&g->by_name);
    arena_free(&g->arena);
    memory_free(g);
}

broker_groups_t *broker_groups_create(void) {
    broker_groups_t *g = memory_zalloc(sizeof *g);
    shared_init(&g->shared, destroy);
    arena_init(&g->arena);
    table_init(&g->by_name, name_of);
    return g;
}

void broker_groups_release(broker_groups_t *g) {
    if (g != NULL) shared_release(&g->shared);
}

void broker_groups_put(broker_groups_t *g, const live_group_t *group) {
    live_group_t *made = arena_alloc(&g->arena, sizeof *made);
    *made = *group;
    made->name = arena_keep(&g->arena, group->name);
    made->master = arena_keep(&g->arena, group->master);
    made->tag = arena_keep(&g->arena, group->tag);
    (void)table_remove(&g->by_name, made->name);
    table_put(&g->by_name, made);
}

broker_groups_t *broker_groups_copy(const broker_groups_t *g) {
    broker_groups_t *copy = broker_groups_create();
    size_t at = 0;
    const live_group_t *group;
    while ((group = broker_groups_next(g, &at)) != NULL) broker_groups_put(copy, group);
    return copy;
}

const live_group_t *broker_groups_find(const broker_groups_t *g, view_t name) {
    return table_get(&g->by_name, name);
}

const live_group_t *broker_groups_next(const broker_groups_t *g, size_t *at) {
    return table_next(&g->by_name, at);
}

bool live_group_read(const db_value_t *columns, size_t count, live_group_t *group) {
    if (count < COLUMNS) return false;
    int64_t kind = columns[COLUMN_KIND].number;
    int64_t state = columns[COLUMN_STATE].number;
    group->name = columns[COLUMN_NAME].text;
    group->master = columns[COLUMN_MASTER].text;
    group->tag = columns[COLUMN_TAG].text;
    group->kind = (int)kind;
    group->state = (int)state;
    group->update_time = columns[COLUMN_UPDATED].number;
    return group->name.size > 0 && group->name.size <= INT16_MAX && group->master.size <= INT16_MAX &&
           (kind == KIND_NORMAL || kind == KIND_DELAY) && state >= BROKER_RW && state <= BROKER_NRW;
}

const char *group_kind_name(int kind) {
    return kind == KIND_DELAY ? "DELAY" : "NORMAL";
}
