/* Quantiles of durations over the last 8 to 10 minutes (five buckets of two minutes), for metrics timers. Adding is lock-free and any
 * thread; a sample that meets the start of a new bucket in another thread may be lost, which no quantile notices.
 * A bucket keeps its first samples as they are; only a busy one gets a histogram, 12.5 % wide and interpolated, 1 µs to 71 minutes. */
#ifndef QMQ_BASE_WINDOW_H
#define QMQ_BASE_WINDOW_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_BUCKETS 5
#define WINDOW_BUCKET_US (120 * INT64_C(1000000))

struct window_bucket;

/* Zero-initialise. */
typedef struct window {
    _Atomic(struct window_bucket *) buckets[WINDOW_BUCKETS];
} window_t;

/* now_us: monotonic time. Negative durations (clocks that differ) count. */
void window_add(window_t *w, int64_t now_us, int64_t us);
/* The same duration several times. */
void window_add_many(window_t *w, int64_t now_us, int64_t us, uint32_t times);
/* values[i] = quantile q[i] (0 to 1) of what was added lately; NaN when nothing was. */
void window_quantiles(const window_t *w, int64_t now_us, const double *q, size_t count, double *values);
/* Bytes it takes, itself included, about. Any thread. */
size_t window_memory(const window_t *w);
/* No adding at the same time. */
void window_free(window_t *w);

#endif
