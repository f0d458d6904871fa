/* A row of subject_route as the actions see it: read from the database, not from the catalog, because its version is the optimistic lock of
 * a change (metaserver.md 4, R2 and R4). */
#ifndef QMQ_METASERVER_STORED_ROUTE_H
#define QMQ_METASERVER_STORED_ROUTE_H

#include "metaserver/database.h"
#include "metaserver/group_names.h"

#include <jansson.h>

typedef struct stored_route {
    char *subject; /* NULL: there is no such row */
    group_names_t *names;
    int64_t version;
    int64_t update_time; /* ms */
} stored_route_t;

/* Takes a row of the route statements apart; false, logged, when its JSON is no list of names (the row is to be left out). */
bool stored_route_read(stored_route_t *r, const db_value_t *columns, size_t count, const log_t *log);
/* R2: r->subject stays NULL when there is no usable row. */
apr_status_t stored_route_find(stored_route_t *r, database_t *d, db_session_t *session, const char *subject, const log_t *log);
/* R4 with other names; *won is false when the row has changed since it was read. QMQ_E_TOO_LONG: the names do not fit the column, nothing
 * was tried. */
apr_status_t stored_route_write(const stored_route_t *r, database_t *d, db_session_t *session, const group_names_t *names, bool *won);
/* The SubjectRoute object of metaserver.md 11. */
json_t *stored_route_json(const stored_route_t *r);
void stored_route_clear(stored_route_t *r);

#endif
