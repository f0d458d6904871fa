/* A listening port with a table of commands, served by several loops (design section 5): the listener lives on the first loop, connections
 * are dealt out to all. Unknown codes are answered 3, frames with the response flag are ignored, protocol errors close the connection and
 * are logged with the peer's address and what it seems to speak (TLS hello, HTTP request). */
#ifndef QMQ_NET_SERVER_H
#define QMQ_NET_SERVER_H

#include "base/error.h"
#include "base/log.h"
#include "net/connection.h"
#include "net/loops.h"

typedef struct net_server net_server_t;

/* Called on the connection's loop; answer now (connection_reply) or later (reply_to). frame->body is valid during the call, retain block to
 * keep it. */
typedef void (*command_fn)(void *arg, connection_t *c, const frame_t *request, block_t *block);

typedef struct command {
    int16_t code;
    command_fn run;
} command_t;

typedef struct net_server_options {
    const char *name;                              /* "broker.port": the key the port comes from, for messages */
    const char *address;                           /* "0.0.0.0" or one IPv4 address */
    int port;                                      /* 0: any free one */
    const command_t *commands;                     /* ends with code 0 */
    void *arg;                                     /* for commands and events */
    void (*burst_end)(void *arg, connection_t *c); /* NULL allowed */
    void (*opened)(void *arg, connection_t *c);    /* NULL allowed */
    void (*closed)(void *arg, connection_t *c);    /* NULL allowed */
    size_t max_frame;
    size_t max_unsent;
    int max_connections;                                  /* further ones are closed at once, with a log line a minute */
    int max_requests;                                     /* an address sends a second, further ones are read later; 0: any number */
    uint32_t (*weigh)(void *arg, const frame_t *request); /* counts as so many of max_requests; NULL: one */
    const log_t *log;
} net_server_options_t;

/* Opens the port. When it is taken, *error names key, port and (where the system tells) the owner. Any thread, the loops must run. */
apr_status_t net_server_start(net_server_t **out, loops_t *loops, const net_server_options_t *options, qmq_error_t **error);
int net_server_port(const net_server_t *s);
int net_server_connections(const net_server_t *s);
/* Stops accepting; open connections go on. Returns when no accept callback can come any more. Any thread but a loop's. */
void net_server_stop_accepting(net_server_t *s);
/* Closes all connections after flushing (at most flush_us), waits until they are gone, frees. Any thread but a loop's. */
void net_server_destroy(net_server_t *s, int64_t flush_us);

#endif
