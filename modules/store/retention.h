/* Deletes what is older than its retention (storage.md 16): leading segments only, never the last one, never one that a reader holds or a
 * restart needs. Messages that a group has not consumed are warned about first, or held. */
#ifndef QMQ_STORE_RETENTION_H
#define QMQ_STORE_RETENTION_H

#include "portability/executor.h"
#include "store/segment_ages.h"
#include "store/store.h"

typedef struct retention {
    store_t *store;
    mutex_t lock;
    store_retention_t wanted; /* under lock */
    periodic_t *thread;
    /* Cleaner thread. */
    store_retention_t now;
    segment_ages_t ages;
    int64_t save_us;
    int64_t warned_base; /* segment whose unconsumed messages were warned about, -1: none */
    int64_t warned_us;
    int64_t held_base; /* segment that was said to be held, -1: none */
    int64_t raised_to; /* sequences below this log offset are given up */
    _Atomic int64_t passes;
    _Atomic int64_t deleted_bytes;
    _Atomic int64_t unconsumed; /* messages that are about to be, or were, deleted without having been consumed */
    metric_t *expired_metric;
} retention_t;

apr_status_t retention_start(retention_t *r, store_t *store);
/* Also for one that was not started. */
void retention_stop(retention_t *r);

#endif
