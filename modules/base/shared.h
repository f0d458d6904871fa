/* Reference-counted memory that crosses threads: receive blocks, mappings, connections embed a shared_t. */
#ifndef QMQ_BASE_SHARED_H
#define QMQ_BASE_SHARED_H

#include <stdatomic.h>
#include <stddef.h>

typedef struct shared {
    atomic_int references;
    void (*destroy)(struct shared *self);
} shared_t;

/* One reference, held by the caller. destroy is called by whoever drops the last one, on any thread. */
static inline void shared_init(shared_t *s, void (*destroy)(shared_t *self)) {
    atomic_init(&s->references, 1);
    s->destroy = destroy;
}

static inline void shared_retain(shared_t *s) {
    if (s != NULL) atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
}

/* So many references more; NULL is allowed. */
static inline void shared_retain_many(shared_t *s, size_t n) {
    if (s != NULL && n > 0) atomic_fetch_add_explicit(&s->references, (int)n, memory_order_relaxed);
}

/* NULL is allowed. */
static inline void shared_release(shared_t *s) {
    if (s != NULL && atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1) s->destroy(s);
}

/* Drops n references that the caller holds; NULL is allowed. */
static inline void shared_release_many(shared_t *s, size_t n) {
    if (s != NULL && n > 0 && atomic_fetch_sub_explicit(&s->references, (int)n, memory_order_acq_rel) == (int)n) s->destroy(s);
}

/* True when the caller holds the only reference. */
static inline int shared_is_sole(const shared_t *s) {
    return atomic_load_explicit(&s->references, memory_order_acquire) == 1;
}

#endif
