/* Rows of client_meta_info: every client ever seen. Inserted behind the answers' back, many at a time; database trouble only delays them.
 * When rows are to be forgotten, those of clients that are heard of are touched now and then, and old ones are deleted; an hour must have
 * passed without trouble, so that no client that lives is forgotten because it could not be noted. */
#ifndef QMQ_METASERVER_CLIENT_ROWS_H
#define QMQ_METASERVER_CLIENT_ROWS_H

#include "metaserver/database.h"
#include "protocol/client_register.h"

typedef struct client_rows client_rows_t;

/* At most `limit` rows wait; further ones are left out (the client says it again or not, nothing depends on it). keep_days: rows of clients
 * that were not seen for so long are deleted; 0: none is. */
client_rows_t *client_rows_create(database_t *database, const log_t *log, size_t limit, int keep_days);
/* After database_close. */
void client_rows_destroy(client_rows_t *c);
/* Inserts the row of a client that comes (request type ONLINE) unless it exists, later; notes that one is there. A value that does not fit
 * its column leaves the row out. Any thread. */
void client_rows_add(client_rows_t *c, const client_register_request_t *r);
/* Tries again what failed, and forgets. Any thread. */
void client_rows_retry(client_rows_t *c);
size_t client_rows_waiting(client_rows_t *c);

#endif
