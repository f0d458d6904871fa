/* What the files of the connection share among themselves; nobody else includes it. context.c: receive blocks and the outbox of other
 * threads; connection.c: life and death; receive.c: bytes to frames; transmit.c: frames to bytes; reply.c: answers. */
#ifndef QMQ_NET_CONNECTION_IMPL_H
#define QMQ_NET_CONNECTION_IMPL_H

#include "net/connection.h"
#include "portability/thread.h"

#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Below this a block is not worth reading into: a fresh one is taken. */
#define RECEIVE_ROOM_LEAST ((size_t)64 * 1024)
/* Partial frames up to this are copied rather than continued where they are. */
#define RECEIVE_COPY_MOST ((size_t)8 * 1024)
/* Bytes read from, or written at once to, one connection before the others get their turn. */
#define CONNECTION_TURN ((size_t)1024 * 1024)
/* Receive blocks of a context that may be alive; when all are held, reading stops (design rule 11). */
#define CONTEXT_BLOCKS_MOST 32
/* Released blocks kept for the next burst. */
#define CONTEXT_BLOCKS_KEPT 2
/* Slices of one write. */
#define TRANSMIT_SLICES 256

typedef enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_FLUSHING, /* closes when everything queued is written */
    CONNECTION_CLOSING,  /* the loop has been told to close */
    CONNECTION_GONE
} connection_state_t;

struct connection {
    shared_t shared;
    connection_context_t *context; /* referenced */
    loop_socket_t *socket;
    const connection_events_t *events;
    void *arg;
    void *user;
    size_t max_frame;
    size_t max_unsent;

    /* Bytes received but not yet delivered: [begin, end) of block. NULL: none. It is the context's current block (no reference of its own)
     * when the context's tail is this connection, else a private one. needed: size of the frame at begin as far as it is known. */
    block_t *block;
    size_t begin;
    size_t end;
    size_t needed;
    connection_t *next_starving;

    chain_t out;
    size_t writing;     /* bytes at the front of out that the system is writing; 0: no write is pending */
    io_slice_t *slices; /* of the pending write */
    task_t flush;

    int64_t moved_us;
    char *reason;
    uint8_t state;
    bool reading;  /* readiness is switched on */
    bool held;     /* too much is unsent */
    bool starving; /* waits for a receive block */
    bool paused;   /* its owner wants nothing of it now */
    bool flush_queued;
    bool broke_protocol;
    char peer[24];
};

/* An answer of another thread on its way to the loop. */
typedef struct reply_node {
    struct reply_node *next;
    connection_t *connection; /* referenced */
    frame_t head;
    chain_t body;
} reply_node_t;

typedef struct receive_block {
    block_t block; /* first member */
    struct receive_block *next;
    connection_context_t *context; /* referenced while the block is out */
} receive_block_t;

struct connection_context {
    shared_t shared;
    loop_t *loop;
    size_t block_size;

    block_t *current; /* where bursts are read into; NULL until the first one */
    size_t fill;
    connection_t *tail; /* whose partial frame ends at fill, or NULL */
    connection_t *starving;
    io_slice_t *spare_slices;

    mutex_t lock; /* for what follows; held for a few instructions and loop_post only, so that the loop cannot go meanwhile */
    bool closed;
    bool posted;
    bool block_wanted;
    reply_node_t *first_reply;
    reply_node_t *last_reply;
    receive_block_t *free_blocks;
    size_t free_count;
    size_t live_count;
    task_t task;
};

/* context.c, loop thread */
/* Makes a fresh block current; *old is the former one with its reference (or NULL). QMQ_E_FULL when too many are held: the caller stops
 * reading. APR_ENOMEM. */
apr_status_t context_next_block(connection_context_t *x, block_t **old);
/* Puts c, which stops reading, where it is woken when a block comes back. */
void context_wait_for_block(connection_context_t *x, connection_t *c);
void context_forget_waiting(connection_context_t *x, connection_t *c);
io_slice_t *context_take_slices(connection_context_t *x);
void context_return_slices(connection_context_t *x, io_slice_t *slices);
/* Any thread. */
bool context_is_current(connection_context_t *x);
/* Hands the node to the loop; false (node not taken) when the context is closed. */
bool context_post_reply(connection_context_t *x, reply_node_t *node);

/* connection.c, loop thread */
/* Closes at once; the first reason given stays. */
void connection_fail(connection_t *c, const char *reason);
/* Switches readiness to what the state wants. */
void connection_update_reading(connection_t *c);

/* receive.c, loop thread */
void connection_receive(connection_t *c);
/* Delivers what was left when reading was held, then reads on. */
void connection_receive_on(connection_t *c);
void connection_drop_received(connection_t *c);

/* transmit.c, loop thread */
/* Something was appended to out, or the state changed: a flush at the end of the round. */
void connection_queue_flush(connection_t *c);
void connection_written(connection_t *c, apr_status_t status);
void connection_drop_unsent(connection_t *c);

/* reply.c, loop thread */
void connection_run_reply(reply_node_t *node);

#endif
