/* Small sets of rows keyed by several texts: read-only marks (subject, group) and consumers switched off (client, subject, group).
 * Immutable once handed on; any thread that holds a reference reads. */
#ifndef QMQ_METASERVER_MARKS_H
#define QMQ_METASERVER_MARKS_H

#include "base/shared.h"
#include "base/table.h"
#include "metaserver/arena.h"

typedef struct marks {
    shared_t shared;
    arena_t arena;
    table_t by_key;
} marks_t;

/* Empty, one reference. */
marks_t *marks_create(void);
void marks_release(marks_t *m);
void marks_add(marks_t *m, const view_t *parts, size_t count, int value);
/* A copy without the row of these texts. */
marks_t *marks_without(const marks_t *m, const view_t *parts, size_t count);
/* False when there is no such row. */
bool marks_find(const marks_t *m, const view_t *parts, size_t count, int *value);

/* metaserver.md 7.5: the group takes no messages of the subject. */
bool marks_are_readonly(const marks_t *m, view_t subject, view_t group);
/* metaserver.md 8: enum on_offline of a consumer; the most exact row decides. */
int marks_consumer_state(const marks_t *m, view_t client, view_t subject, view_t group);

#endif
