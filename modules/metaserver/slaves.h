/* Which slave answers queries for a broker group (metaserver.md 5.3): read again and again, so that /slave/meta needs no database. */
#ifndef QMQ_METASERVER_SLAVES_H
#define QMQ_METASERVER_SLAVES_H

#include "metaserver/broker_rows.h"

typedef struct slaves slaves_t;

slaves_t *slaves_create(void);
void slaves_destroy(slaves_t *s);
/* Any thread. Takes what has just been read over, in the order of the rows; of several slaves of a group the last counts. */
void slaves_replace(slaves_t *s, const broker_rows_t *rows);
/* Any thread. False when the group has no slave. */
bool slaves_find(slaves_t *s, view_t group, broker_row_t *slave);

#endif
