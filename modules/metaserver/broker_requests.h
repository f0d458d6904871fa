/* Requests that the metaserver itself sends to brokers: one requester on loop 0. */
#ifndef QMQ_METASERVER_BROKER_REQUESTS_H
#define QMQ_METASERVER_BROKER_REQUESTS_H

#include "net/loops.h"
#include "net/requester.h"

typedef struct broker_requests broker_requests_t;

/* The loops outlive it. */
apr_status_t broker_requests_create(broker_requests_t **out, loops_t *loops, const log_t *log);
/* Fails what is in flight, waits until it is told, frees. Not from a loop's thread; nobody may send any more. NULL is allowed. */
void broker_requests_destroy(broker_requests_t *b);
/* Where requester_send may be called, by a task posted there. */
loop_t *broker_requests_loop(const broker_requests_t *b);
requester_t *broker_requests_requester(const broker_requests_t *b);
/* Whether somebody takes connections at the address ("ip:port"), whatever it answers. Waits for at most a second; not from a loop's thread.
 */
bool broker_requests_finds(const char *address);

#endif
