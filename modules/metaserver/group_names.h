/* The list of broker group names in a subject's route, and its JSON form in subject_route.broker_group_json. Immutable; one piece of
 * memory. */
#ifndef QMQ_METASERVER_GROUP_NAMES_H
#define QMQ_METASERVER_GROUP_NAMES_H

#include "base/view.h"

#define ROUTE_JSON_CHARACTERS 300 /* VARCHAR(300) */

typedef struct group_names {
    size_t count;
    view_t items[]; /* point behind the array */
} group_names_t;

/* Order is kept, the first of equal names counts. memory_free ends it. */
group_names_t *group_names_make(const view_t *names, size_t count);
/* NULL unless the text is an array of strings; single quotes are accepted as the original does. */
group_names_t *group_names_parse(view_t json);
group_names_t *group_names_copy(const group_names_t *names);
/* The old names in their order, then those of `more` that are new. */
group_names_t *group_names_extend(const group_names_t *names, const view_t *more, size_t count);
bool group_names_equal(const group_names_t *a, const group_names_t *b); /* order counts */
bool group_names_have(const group_names_t *names, view_t name);
/* Compact JSON, zero-terminated, memory_free. NULL when it does not fit the column. */
char *group_names_json(const group_names_t *names);

#endif
