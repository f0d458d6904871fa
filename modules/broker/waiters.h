/* Who waits for messages of a subject: one list a subject, filled by groups that hold pulls, emptied by the append that makes messages
 * visible (design rule 15). */
#ifndef QMQ_BROKER_WAITERS_H
#define QMQ_BROKER_WAITERS_H

#include "broker/figures.h"

/* Embedded in whoever waits. */
typedef struct waiter {
    struct waiter *next;
    struct waiter *previous;
    bool listed;
    void (*wake)(struct waiter *self); /* any thread, under the list's lock: it only queues; the waiter is off the list */
} waiter_t;

/* Puts w on the list if it is not there. Whoever registers looks at the subject once more afterwards. Any thread. */
void waiters_register(broker_t *b, store_subject_t *subject, waiter_t *w);
void waiters_unregister(broker_t *b, store_subject_t *subject, waiter_t *w);
/* Takes everybody off and wakes them. Any thread; called after the messages are visible. */
void waiters_wake(store_subject_t *subject);
/* Metrics of a subject that has messages. Any thread. */
void subject_count(broker_t *b, store_subject_t *subject, subject_figure_t which, int64_t n);
void subject_time(broker_t *b, store_subject_t *subject, subject_figure_t which, int64_t us, uint32_t times);
/* Frees all lists at the end. */
void waiters_free_all(broker_t *b);

#endif
