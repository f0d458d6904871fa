/* Live broker groups (table broker_group) as an immutable set that any thread may read while it holds a reference. */
#ifndef QMQ_METASERVER_BROKER_GROUPS_H
#define QMQ_METASERVER_BROKER_GROUPS_H

#include "base/shared.h"
#include "base/table.h"
#include "db/db.h"
#include "metaserver/arena.h"

typedef struct live_group {
    view_t name;
    view_t master; /* "ip:port" */
    view_t tag;    /* empty: the default tag */
    int kind;      /* enum group_kind */
    int state;     /* enum broker_state */
    int64_t update_time;
} live_group_t;

typedef struct broker_groups {
    shared_t shared;
    arena_t arena;   /* everything lies in it */
    table_t by_name; /* of live_group_t */
} broker_groups_t;

/* Empty, one reference. The maker may add until it hands the set on. */
broker_groups_t *broker_groups_create(void);
void broker_groups_release(broker_groups_t *g);
/* Copies the group, in the place of one with its name. */
void broker_groups_put(broker_groups_t *g, const live_group_t *group);
broker_groups_t *broker_groups_copy(const broker_groups_t *g);
const live_group_t *broker_groups_find(const broker_groups_t *g, view_t name);
/* Walks; *at starts at 0, NULL at the end. */
const live_group_t *broker_groups_next(const broker_groups_t *g, size_t *at);

/* Takes a row of the statements groups and group_by_name apart (views into it). False for a row with an impossible value. */
bool live_group_read(const db_value_t *columns, size_t count, live_group_t *group);
#define LIVE_GROUP_EXT 6 /* column that live_group_read leaves alone */
const char *group_kind_name(int kind);

#endif
