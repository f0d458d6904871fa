/* Producers' answers that wait until a slave has their messages (broker.md 5.4), in log order. Any thread. */
#ifndef QMQ_BROKER_SLAVE_WAIT_H
#define QMQ_BROKER_SLAVE_WAIT_H

#include "broker/peer.h"
#include "portability/thread.h"

typedef struct slave_waiter {
    struct slave_waiter *next;
    int64_t end_offset; /* of what the slave must have */
    int64_t messages;   /* that wait in it */
    peer_t *peer;       /* the waiter's reference */
    /* Once, with no lock held: the slave has it (true), or nobody can be told any more (false). */
    void (*done)(struct slave_waiter *self, bool confirmed);
} slave_waiter_t;

typedef struct slave_wait {
    mutex_t lock;
    slave_waiter_t *first;
    slave_waiter_t *last;
    bool closed;
    int64_t swept_us;
    _Atomic int64_t messages; /* accepted to wait, those still being stored included */
} slave_wait_t;

void slave_wait_init(slave_wait_t *s);
void slave_wait_destroy(slave_wait_t *s);
/* Takes a place for a message that will wait; false when `limit` have one already. */
bool slave_wait_reserve(slave_wait_t *s, int64_t limit);
/* Gives places back that are not needed. */
void slave_wait_unreserve(slave_wait_t *s, int64_t messages);
/* The waiter stays its owner's and must live until done. */
void slave_wait_add(slave_wait_t *s, slave_waiter_t *w);
/* A slave asks for messages from `offset` on, so it has what lies below. Replication calls it, with offsets that are not beyond the end. */
void slave_wait_confirm(slave_wait_t *s, int64_t offset);
/* Nobody waits any more: everything is confirmed. */
void slave_wait_release(slave_wait_t *s);
/* At the end: what waits is dropped, also what comes later. */
void slave_wait_close(slave_wait_t *s);

#endif
