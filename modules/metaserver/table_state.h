/* What a look at a table tells before it is read: whether it can have changed since the last look (metaserver.md 20). */
#ifndef QMQ_METASERVER_TABLE_STATE_H
#define QMQ_METASERVER_TABLE_STATE_H

#include "db/db.h"

/* All zero: never looked at. Times are the database's, in seconds since the epoch. */
typedef struct table_state {
    int64_t now;
    int64_t newest; /* update_time of the row that was touched last */
    int64_t rows;
    int64_t versions; /* their sum: moves also when a row becomes visible late, with an older update_time */
} table_state_t;

/* statement: routes_state or subjects_state. On failure *state is unchanged. */
apr_status_t table_state_read(table_state_t *state, db_session_t *session, const char *statement);
/* True when nothing can have changed between the two looks but in the second in which `old` was taken, which counts as changed. */
bool table_state_unchanged(const table_state_t *old, const table_state_t *now);
/* True when rows touched since `old` can be found by their update_time: the database's clock has not gone back. */
bool table_state_follows(const table_state_t *old, const table_state_t *now);

#endif
