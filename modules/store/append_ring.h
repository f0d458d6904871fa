/* Many threads, one log: every batch is left in a row, and whoever finds the log free becomes its appender for a moment and takes along
 * what others leave meanwhile (design section 5). After a bounded share the appender hands over to the log's own thread; while the system
 * is slow that thread does all the work (rule 12). */
#ifndef QMQ_STORE_APPEND_RING_H
#define QMQ_STORE_APPEND_RING_H

#include "portability/thread.h"

#include <stdbool.h>
#include <stddef.h>

/* First member of what is queued. */
typedef struct append_node {
    struct append_node *next;
} append_node_t;

typedef struct append_ring {
    mutex_t lock;
    condition_t handed_over;
    append_node_t *first;
    append_node_t *last;
    bool busy;   /* somebody is the appender */
    bool handed; /* ... and it is the own thread's turn to be it */
    bool slow;   /* the own thread appends */
    bool stopping;
    int quick_rounds;
    /* Writes and completes a chain of nodes (ends with NULL); no lock is held, one call at a time. Returns how long the write took. A node
     * belongs to its owner again once it was completed. */
    int64_t (*drain)(void *arg, append_node_t *first);
    void *arg;
    thread_t *thread;
} append_ring_t;

apr_status_t append_ring_start(append_ring_t *r, const char *name, int64_t (*drain)(void *arg, append_node_t *first), void *arg);
/* Nothing is submitted any more; what was is completed. Also for a ring that is all zero. */
void append_ring_stop(append_ring_t *r);
/* Any thread. May drain here. */
void append_ring_submit(append_ring_t *r, append_node_t *node);

#endif
