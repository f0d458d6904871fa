/* Positions that were set by a reset, in the private file .group-positions of the store root (broker.md 10, BUG-13; design decision 4): the
 * action log only ever moves a group forward, so without it a restart would undo the reset. An entry is kept until the pulls of the group
 * say the same; after a crash a few seconds of a group's way may be repeated. */
#ifndef QMQ_BROKER_POSITIONS_H
#define QMQ_BROKER_POSITIONS_H

#include "broker/group.h"

typedef struct positions positions_t;

/* Embedded in who waits until a reset is on the disk. */
typedef struct position_waiter {
    struct position_waiter *next;
    void (*saved)(struct position_waiter *self); /* once, any thread, no lock held; also when writing failed, which was logged */
} position_waiter_t;

/* Gives the groups of the file their positions; before anybody pulls. root: the store's directory. */
apr_status_t positions_open(positions_t **out, broker_t *b, const char *root, qmq_error_t **error);
/* Writes a last time; nothing moves any more. NULL is allowed. */
void positions_close(positions_t *p);
/* The group was moved by a reset. p NULL: nothing is kept. Any thread. */
void positions_note(positions_t *p, group_t *g, position_waiter_t *w);

#endif
