/* Giving a subject its route in the database (metaserver.md 7.3 steps 3 and 5), under the optimistic rules that several metaservers share.
 */
#ifndef QMQ_METASERVER_ASSIGN_H
#define QMQ_METASERVER_ASSIGN_H

#include "metaserver/catalog.h"
#include "metaserver/database.h"

#include <apr_errno.h>

/* Creates or tops up the route of a real subject to `wanted` groups. Runs on a database thread, inside the caller's transaction. *names is
 * the route that the database has now (memory_free), NULL when there is none. QMQ_E_TOO_LONG: the route does not fit its column; other
 * failures are the session's. */
apr_status_t assign_route(database_t *d, db_session_t *session, catalog_t *catalog, view_t real, size_t wanted, group_names_t **names);

#endif
