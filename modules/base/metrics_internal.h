/* What the registry (metrics.c) and the exporter (metrics_export.c) share.
 *
 * Families and series are only ever added, at the end of lists whose links are published with release order, so that the exporter walks
 * them without a lock. Gauges come and go: gauge_lock guards them and is held while they are read. */
#ifndef QMQ_BASE_METRICS_INTERNAL_H
#define QMQ_BASE_METRICS_INTERNAL_H

#include "base/metrics.h"
#include "base/table.h"
#include "base/window.h"
#include "portability/thread.h"

typedef enum metric_kind { METRIC_COUNTER, METRIC_METER, METRIC_TIMER, METRIC_GAUGE } metric_kind_t;

/* Label values, cut and made valid UTF-8: both behind one another. */
typedef struct metric_key {
    uint16_t size1;
    uint16_t size2;
    char bytes[];
} metric_key_t;

struct metric {
    const struct metric_family *family; /* NULL: the dummy */
    _Atomic(struct metric *) next;
    _Atomic int64_t value; /* counter; sum of a meter, sum of a timer in µs */
    _Atomic int64_t calls; /* meter and timer */
    window_t *window;      /* timer */
    metric_key_t key;      /* last: as long as it must be */
};

typedef struct gauge {
    struct metric_family *family;
    struct gauge *next;
    struct gauge *previous;
    struct gauge *next_of_arg;
    double (*read)(void *arg);
    void *arg;
    metric_key_t key;
} gauge_t;

typedef struct metric_family {
    char *name;
    metric_kind_t kind;
    char *label1; /* NULL: no labels */
    char *label2; /* NULL: at most one */
    _Atomic(struct metric_family *) next;
    _Atomic(struct metric *) first;
    struct metric *last;
    struct metric *other; /* takes what is beyond the limit */
    table_t series;       /* metric_t or gauge_t by key */
    gauge_t *first_gauge;
    gauge_t *last_gauge;
} metric_family_t;

struct metrics {
    mutex_t lock;       /* families and series other than gauges */
    mutex_t gauge_lock; /* gauges and the series tables of gauge families; taken before lock */
    table_t families;
    _Atomic(struct metric_family *) first;
    metric_family_t *last;
    table_t by_arg; /* first gauge of each arg */
};

/* The family of that (exported) name, or NULL. */
metric_family_t *metrics_family_find(metrics_t *m, view_t name);

#endif
