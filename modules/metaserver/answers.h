/* Answers of BROKER_REGISTER and BROKER_ACQUIRE_META: given when the database has spoken, but no later than a deadline, and on each
 * connection in the order of the requests (metaserver.md 6). */
#ifndef QMQ_METASERVER_ANSWERS_H
#define QMQ_METASERVER_ANSWERS_H

#include "net/connection.h"

/* Brokers give up after 2 s. */
#define ANSWER_DEADLINE_US 1800000

typedef struct answer answer_t;

/* Events of the server's connections. */
void answers_closed(void *arg, connection_t *c);

/* Answers a request whose answer is known; behind those of the connection that are not. The connection's loop. */
void answer_now(connection_t *c, const frame_t *request, int16_t code);
/* Promises an answer; 51 is sent at the deadline. Exactly one answer_give must follow. The connection's loop. */
answer_t *answer_expect(connection_t *c, const frame_t *request);
/* Gives it (body taken over, NULL for none; a is gone). Any thread. */
void answer_give(answer_t *a, int16_t code, chain_t *body);

#endif
