/* What the broker remembers of a connection: whether it is still there, for requests that wait on other loops. */
#ifndef QMQ_BROKER_PEER_H
#define QMQ_BROKER_PEER_H

#include "net/connection.h"

#include <stdbool.h>

typedef struct peer peer_t;

/* For net_server_options_t. */
void peer_opened(void *arg, connection_t *c);
void peer_closed(void *arg, connection_t *c);
/* The connection's peer, retained. Loop thread. */
peer_t *peer_of(connection_t *c);
bool peer_is_gone(const peer_t *p); /* any thread */
void peer_release(peer_t *p);       /* any thread */

#endif
