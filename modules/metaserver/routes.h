/* What is known of subjects: their routes (table subject_route) and tags (table subject_info), each an immutable table that any thread may
 * read while it holds a reference. Made for 100 000 subjects: 50 bytes and the name each, equal routes are kept once. */
#ifndef QMQ_METASERVER_ROUTES_H
#define QMQ_METASERVER_ROUTES_H

#include "base/shared.h"
#include "base/table.h"
#include "metaserver/arena.h"
#include "metaserver/group_names.h"

typedef struct subject_texts {
    shared_t shared;
    arena_t arena;
    table_t by_subject;
    table_t values;
} subject_texts_t;

/* Subject -> list of group names. */
typedef subject_texts_t routes_t;
routes_t *routes_create(void);
/* False when the JSON is no list of names; the first row of a subject counts. */
bool routes_add(routes_t *r, view_t subject, view_t json);
const group_names_t *routes_find(const routes_t *r, view_t subject);
/* Walks; *at starts at 0, NULL at the end. */
const group_names_t *routes_next(const routes_t *r, size_t *at, view_t *subject);

/* Subject -> tag. */
typedef subject_texts_t subject_tags_t;
subject_tags_t *subject_tags_create(void);
void subject_tags_add(subject_tags_t *t, view_t subject, view_t tag);
/* False when the subject has no row. */
bool subject_tags_find(const subject_tags_t *t, view_t subject, view_t *tag);

void subject_texts_release(subject_texts_t *t);

#endif
