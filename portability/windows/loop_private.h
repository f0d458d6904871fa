/* The loop's inside, for the files that fulfil portability/loop.h: operations on a completion port and their ends. */
#ifndef QMQ_PORTABILITY_WINDOWS_LOOP_PRIVATE_H
#define QMQ_PORTABILITY_WINDOWS_LOOP_PRIVATE_H

#include "portability/common/loop_round.h"
#include "portability/windows/system.h"

#include <mswsock.h>

/* A place in a list of sockets whose turn comes; both NULL: in none. */
typedef struct turn {
    struct turn *next, *previous;
} turn_t;

/* What owns operations: the first member of a socket, listener or attempt. Its memory stays until the last operation has ended. */
typedef struct endpoint {
    retiree_t retiree;
    loop_t *loop;
    SOCKET fd;
    int pending;  /* operations the port will still report */
    bool skips;   /* an operation that succeeds at once is not reported */
    bool retired; /* closed: ends of operations are only counted */
} endpoint_t;

/* One operation under way; it is the port's until `ended`. */
typedef struct operation {
    OVERLAPPED place;
    endpoint_t *owner;
    void (*ended)(struct operation *self, DWORD bytes); /* not called for a retired owner */
    struct operation *next;                             /* among those taken from the port by poller_reap */
    DWORD bytes;
} operation_t;

/* Binds the endpoint's socket to the loop's port. */
apr_status_t endpoint_attach(endpoint_t *e);
/* Readies an operation that is about to be started, and counts it. */
void operation_begin(operation_t *o);
/* What a starting call means: true when its end will be reported, false when it ended inside the call with *status. */
bool operation_started(operation_t *o, bool succeeded, apr_status_t *status);
/* How an operation that was reported has ended. */
apr_status_t operation_status(operation_t *o);
/* Reports the operation to the loop as if it had ended. Any thread. */
void operation_post(operation_t *o);
/* Closes the socket; release is called when the last operation has ended, at the end of a round. */
void endpoint_retire(endpoint_t *e);

/* Sockets whose turn comes in the next round without waiting. */
typedef void (*turn_fn)(turn_t *t);
void poller_queue(poller_t *p, turn_t *t);
void poller_unqueue(turn_t *t);

/* What loop_socket.c does with one of the above. */
void socket_take_turn(turn_t *t);

struct raw_socket {
    SOCKET fd;
};
/* Makes a raw socket of a connected socket: non-blocking, TCP_NODELAY. */
raw_socket_t *raw_socket_wrap(SOCKET fd);
/* Gives the socket out and frees s. */
SOCKET raw_socket_unwrap(raw_socket_t *s);
/* A new TCP socket that no child inherits. */
apr_status_t socket_create(SOCKET *fd);
/* IPv4 text and port as the system's address; APR_EINVAL when they are none. */
apr_status_t socket_address_parse(SOCKADDR_IN *to, const char *address, int port);
apr_status_t socket_error(void);
/* An extension function of Winsock; NULL: see socket_error. */
void *socket_function(SOCKET fd, const GUID *id);

#endif
