/* The inside of a loop: what common/loop.c does on every system, and the poller that each system fulfils for it. */
#ifndef QMQ_PORTABILITY_COMMON_LOOP_ROUND_H
#define QMQ_PORTABILITY_COMMON_LOOP_ROUND_H

#include "portability/loop.h"

/* First member of what ends with a round, because events of the round may still name it. */
typedef struct retiree {
    struct retiree *next;
    void (*release)(struct retiree *self); /* frees the object */
} retiree_t;

/* Calls r->release at the end of this round. */
void loop_retire(loop_t *l, retiree_t *r);

typedef struct poller poller_t;
poller_t *loop_poller(loop_t *l);

apr_status_t poller_create(poller_t **out);
void poller_destroy(poller_t *p);
/* Ends the wait of the loop's thread, the present or the next one. Any thread. */
void poller_wake(poller_t *p);
/* True when events were taken already: the loop must not wait. */
bool poller_is_ready(const poller_t *p);
/* Waits at most wait_us real microseconds (< 0: for ever) and takes what has happened. */
apr_status_t poller_wait(poller_t *p, int64_t wait_us);
/* Calls back for what was taken. */
void poller_dispatch(poller_t *p);
/* True while something closed waits for the end of operations that were cancelled. */
bool poller_is_closing(const poller_t *p);
/* Waits a moment for such ends and takes them, calls back for nothing else. */
void poller_reap(poller_t *p);

/* Connection attempts under way, so that loop_destroy can end them. NULL while it does: no new ones then. */
typedef struct connecting connecting_t;
connecting_t **loop_connecting_list(loop_t *l);
/* Calls back with QMQ_E_CLOSED. */
void connecting_abort(connecting_t *c);

#endif
