#include "store/store_metrics.h"

#include "portability/clock.h"

static const char *const counters[] = {"memtable_hits_count",
                                       "ReplayMessageLogFailed",
                                       "ReplayActionLogFailed",
                                       "storePullLogFlushCount",
                                       "consumerLogFlusherExceedCheckpointInterval",
                                       "consumerLogFlusherFlushFailed",
                                       "pullLogFlusherExceedCheckpointInterval",
                                       "pullLogFlusherFlushFailed"};

static const char *const timers[] = {"storeConsumerLogFlushTimer", "storePullLogFlushTimer", "consumerLogFlusherElapsedPerExecute",
                                     "pullLogFlusherElapsedPerExecute"};

void store_metrics_create(metrics_t *metrics) {
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) (void)metrics_counter(metrics, counters[i], METRIC_NO_LABELS);
    for (size_t i = 0; i < sizeof timers / sizeof timers[0]; i++) (void)metrics_timer(metrics, timers[i], METRIC_NO_LABELS);
}

void store_metrics_count(metrics_t *metrics, const char *name, view_t subject) {
    metric_labels_t labels = {"subject", subject, NULL, {NULL, 0}};
    metric_add(metrics_counter(metrics, name, labels), 1);
}

void store_metrics_add(metrics_t *metrics, const char *name, int64_t n) {
    metric_add(metrics_counter(metrics, name, METRIC_NO_LABELS), n);
}

void store_metrics_time(metrics_t *metrics, const char *name, int64_t start_us) {
    metric_time_us(metrics_timer(metrics, name, METRIC_NO_LABELS), clock_mono_us() - start_us);
}
