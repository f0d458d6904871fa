/* A framed connection on its loop: reads bursts into shared blocks, hands out whole frames as views, gathers what is to be sent and writes
 * it once a round. It lives on one loop for its whole life; references may cross threads, calls may not (reply_send is the exception). */
#ifndef QMQ_NET_CONNECTION_H
#define QMQ_NET_CONNECTION_H

#include "base/block.h"
#include "base/chain.h"
#include "net/frame.h"
#include "portability/loop.h"

typedef struct connection connection_t;

typedef struct connection_events {
    /* A whole frame. Its body is valid during the call; to keep it retain `block` (all bytes of the frame lie in it). */
    void (*frame)(void *arg, connection_t *c, const frame_t *frame, block_t *block);
    /* All frames of this burst were delivered. May be NULL. */
    void (*burst_end)(void *arg, connection_t *c);
    /* The connection is gone: reason in words ("closed by peer", "bad magic 474554"). Last event. */
    void (*gone)(void *arg, connection_t *c, const char *reason);
} connection_events_t;

typedef struct connection_options {
    size_t max_frame;  /* bytes; larger frames close the connection */
    size_t max_unsent; /* bytes not yet taken by the system above which reading stops until half of it is written */
    bool keepalive;    /* probes, so that a peer that vanished is noticed */
    const connection_events_t *events;
    void *arg;
} connection_options_t;

/* Per-loop state of the connections (receive blocks, answers of other threads). One a loop, loop thread only. At most 32 blocks are alive:
 * when all are held by frames that were kept, the loop reads nothing until one is released, so keep blocks for as long as a batch waits,
 * not for as long as a request is parked. */
typedef struct connection_context connection_context_t;
connection_context_t *connection_context_create(loop_t *loop, size_t block_size);
/* Before loop_destroy, when all connections are gone; the loop's thread, or any once it has ended. Replies sent later are dropped. NULL is
 * allowed. */
void connection_context_destroy(connection_context_t *x);
loop_t *connection_context_loop(const connection_context_t *x);

/* Takes s over. One reference belongs to the loop until `gone`; the caller gets none. Loop thread. */
apr_status_t connection_open(connection_t **out, connection_context_t *x, raw_socket_t *s, const connection_options_t *options);
/* Queues bytes; they leave at the end of the round (loop_defer), with all others queued meanwhile, in one write. Takes the chain's contents
 * over. Loop thread. */
void connection_send(connection_t *c, chain_t *bytes);
/* The same for a frame: its head, then the body (taken over; may be NULL for empty). */
void connection_send_frame(connection_t *c, const frame_t *head, chain_t *body);
/* Closes after what is queued was written (flush true) or at once. No further frame is delivered, `gone` follows later. Loop thread. */
void connection_close(connection_t *c, bool flush, const char *reason);
/* Reads nothing until it is let go on, so that its peer cannot send for long; what has been read is delivered. Loop thread. */
void connection_pause(connection_t *c, bool paused);
bool connection_is_open(const connection_t *c); /* loop thread */
/* True when it closed because the peer sent something that is no frame; then the reason tells its first bytes and what they seem to be. */
bool connection_broke_protocol(const connection_t *c);
size_t connection_unsent(const connection_t *c);
int64_t connection_moved_us(const connection_t *c); /* when bytes were last received or sent (loop_now_us); loop thread */
const char *connection_peer(const connection_t *c); /* "ip:port" */
loop_t *connection_loop(const connection_t *c);     /* any thread holding a reference */
connection_context_t *connection_context_of(const connection_t *c);
/* One slot for the owner (its per-connection object). */
void connection_set_user(connection_t *c, void *user);
void *connection_user(const connection_t *c);
/* Any thread. */
void connection_retain(connection_t *c);
void connection_release(connection_t *c);

/* What it takes to answer a request later, from any thread. Holds a reference on the connection. */
typedef struct reply_to {
    connection_t *connection;
    int32_t opaque;
    int16_t version;
    int16_t request_code;
    bool oneway;
} reply_to_t;

/* Fills r and retains the connection. */
void reply_to_init(reply_to_t *r, connection_t *c, const frame_t *request);
/* Sends header and body (taken over; may be NULL for empty), then drops the reference; r is used up. On the connection's loop directly,
 * from other threads through loop_post. One-way requests are not answered. */
void reply_send(reply_to_t *r, int16_t code, chain_t *body);
/* Drops it without an answer. */
void reply_drop(reply_to_t *r);
/* Answers at once on the connection's loop thread, without a reply_to. */
void connection_reply(connection_t *c, const frame_t *request, int16_t code, chain_t *body);

#endif
