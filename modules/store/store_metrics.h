/* Metrics of the store under the original's names (storage.md 19). Any thread. */
#ifndef QMQ_STORE_STORE_METRICS_H
#define QMQ_STORE_STORE_METRICS_H

#include "base/metrics.h"

/* Makes the counters that have no labels, so that each is there with 0 before anything happens. metrics NULL: nothing. */
void store_metrics_create(metrics_t *metrics);
/* A counter of one subject. */
void store_metrics_count(metrics_t *metrics, const char *name, view_t subject);
/* A counter without labels. */
void store_metrics_add(metrics_t *metrics, const char *name, int64_t n);
/* A timer: since start_us of the monotonic clock. */
void store_metrics_time(metrics_t *metrics, const char *name, int64_t start_us);

#endif
