/* The armed timers of a loop: a 4-ary heap by due time, equal ones in the order they were started. */
#ifndef QMQ_PORTABILITY_COMMON_TIMER_HEAP_H
#define QMQ_PORTABILITY_COMMON_TIMER_HEAP_H

#include "portability/loop.h"

typedef struct timer_entry {
    int64_t due_us;
    uint64_t order;
    loop_timer_t *timer;
} timer_entry_t;

typedef struct timer_heap {
    timer_entry_t *entries;
    size_t count;
    size_t capacity;
    uint64_t next_order;
} timer_heap_t;

/* Adds t, which is not in the heap, with its due_us. */
void timer_heap_add(timer_heap_t *h, loop_timer_t *t);
/* Takes t out; nothing happens when it is not in. */
void timer_heap_remove(timer_heap_t *h, loop_timer_t *t);
/* The timer due first, NULL when there is none. */
loop_timer_t *timer_heap_first(const timer_heap_t *h);
void timer_heap_free(timer_heap_t *h);

#endif
