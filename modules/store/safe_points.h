/* What a restart still needs of the logs: the offsets from which on it replays, and with them what retention may take away. */
#ifndef QMQ_STORE_SAFE_POINTS_H
#define QMQ_STORE_SAFE_POINTS_H

#include <stdatomic.h>
#include <stdint.h>

typedef struct safe_points {
    _Atomic int64_t message;
    _Atomic int64_t action;
} safe_points_t;

/* Segments that end at or below these offsets are covered by a durable snapshot: nothing derived is lost with them. 0: nothing is covered
 * yet. They only grow while a store is open. Any thread (storage.md 16). */
static inline int64_t safe_points_message(const safe_points_t *p) {
    return atomic_load_explicit(&p->message, memory_order_acquire);
}
static inline int64_t safe_points_action(const safe_points_t *p) {
    return atomic_load_explicit(&p->action, memory_order_acquire);
}

/* A snapshot of everything below offset became durable. Checkpoint and recovery only. */
static inline void safe_points_reach(_Atomic int64_t *point, int64_t offset) {
    if (offset > atomic_load_explicit(point, memory_order_relaxed)) atomic_store_explicit(point, offset, memory_order_release);
}

#endif
