/* Metrics under the original's names and labels (broker.md 17-18). The registry belongs to the host (or a test); metric objects are
 * found once and kept by their users. Updating is lock-free and any thread; creating takes a lock. */
#ifndef QMQ_BASE_METRICS_H
#define QMQ_BASE_METRICS_H

#include "base/view.h"

#include <stdatomic.h>

typedef struct metrics metrics_t;
typedef struct metric metric_t;

metrics_t *metrics_create(void);
void metrics_destroy(metrics_t *m);

/* Labels: alternating names and values, at most two pairs; NULL names mean none. Values are copied. The same name and labels give the
 * same object. m NULL gives a shared dummy, and so does a name that is in use for another kind or other labels. Beyond the series limit
 * (10 000 a name) the series with value "_other" is given; gauges beyond it are left out. Values are cut at 512 bytes. */
typedef struct metric_labels {
    const char *name1;
    view_t value1;
    const char *name2;
    view_t value2;
} metric_labels_t;

#define METRIC_NO_LABELS ((metric_labels_t){NULL, {NULL, 0}, NULL, {NULL, 0}})

metric_t *metrics_counter(metrics_t *m, const char *name, metric_labels_t labels);
metric_t *metrics_meter(metrics_t *m, const char *name, metric_labels_t labels);
metric_t *metrics_timer(metrics_t *m, const char *name, metric_labels_t labels);
/* read(arg) is called at every scrape, on the scraper's thread, until metrics_remove_gauges(m, arg), which waits for a read
 * in progress: read must not call into the gauges of m, nor take a lock that is held around metrics_remove_gauges. The same name and
 * labels again replace read and arg. */
void metrics_gauge(metrics_t *m, const char *name, metric_labels_t labels, double (*read)(void *arg), void *arg);
void metrics_remove_gauges(metrics_t *m, void *arg);

void metric_add(metric_t *m, int64_t n);      /* counter and meter */
void metric_time_us(metric_t *m, int64_t us); /* timer; exported in milliseconds */
/* The same for what lasted from one time of clock_mono_us to another, which is about now: reads no clock. */
void metric_time_span(metric_t *m, int64_t from_us, int64_t to_us);
void metric_time_us_many(metric_t *m, int64_t us, uint32_t times); /* as often, each so long */
/* For tests and health: a counter's value, the sum of a meter, how many times a timer took. */
int64_t metric_value(const metric_t *m);

/* Bytes the registry takes, about. */
size_t metrics_memory(metrics_t *m);

/* Prometheus text format 0.0.4 as broker.md 18; caller frees with memory_free, NULL when there is no memory. extra_label/extra_value (NULL:
 * none) are added to every series. Any thread; updates go on meanwhile. */
char *metrics_export(metrics_t *m, const char *extra_label, const char *extra_value);

/* One page of several registries, each with labels of its own (standalone: server and instance). names: only these samples (the name[]
 * parameters of a scrape), NULL-terminated, or NULL for all. */
typedef struct metrics_part {
    metrics_t *metrics;
    metric_labels_t extra;
} metrics_part_t;
char *metrics_export_parts(const metrics_part_t *parts, size_t count, const char *const *names);

#endif
