/* What requester.c (requests) and peer.c (connections they go over) share; nobody else includes it. */
#ifndef QMQ_NET_REQUESTER_IMPL_H
#define QMQ_NET_REQUESTER_IMPL_H

#include "base/table.h"
#include "net/requester.h"

typedef struct peer peer_t;

typedef struct request {
    int32_t opaque;
    request_options_t options;
    peer_t *peer; /* NULL once it has ended */
    struct request *next;
    struct request **link;
    chain_t body; /* until it is sent */
    loop_timer_t timer;
    apr_status_t status; /* of an ended one */
    response_fn done;
    void *arg;
} request_t;

typedef enum peer_state { PEER_CONNECTING, PEER_OPEN, PEER_ENDED } peer_state_t;

/* One connection to one address, from the first request that needs it until it is lost; the next request makes a new one. */
struct peer {
    requester_t *requester;
    char *key; /* the address; a separate connection's has a blank behind it */
    size_t key_size;
    peer_state_t state;
    int holds; /* the connection, and an attempt that names it: freed at zero, when it has ended */
    struct connect_attempt *attempt;
    connection_t *connection;
    request_t *first; /* in the order sent */
    request_t **last;
    loop_timer_t idle;
};

struct requester {
    requester_options_t options;
    loop_t *loop;
    table_t peers;    /* those that have not ended, by key */
    table_t requests; /* in flight or waiting for a connection, by opaque */
    int32_t next_opaque;
    size_t live_peers;
    log_limit_t failures;
    request_t *ended; /* to be called back with a failure, in order */
    request_t **last_ended;
    task_t report; /* calls them back */
    bool report_queued;
    bool stopping;
    bool end_queued;
    task_t end;
    void (*stopped)(void *arg);
    void *stopped_arg;
};

/* requester.c */
/* Takes q out of peer and table; its callback comes at the end of the round. */
void request_fail(requester_t *r, request_t *q, apr_status_t status);
/* A response arrived at p. */
void requester_answer(peer_t *p, const frame_t *response, block_t *block);
/* Frees the requester when it stops and nothing is left. */
void requester_end_if_idle(requester_t *r);

/* peer.c */
/* Finds the peer that can take a request, or starts to connect one. */
peer_t *peer_find(requester_t *r, const char *address, bool separate);
void peer_add(peer_t *p, request_t *q);
void peer_remove(request_t *q);
/* Ends it, failing its requests. p may be gone afterwards. */
void peer_end(peer_t *p, apr_status_t status);

#endif
