#include "broker/figures.h"

#include "base/memory.h"

typedef enum kind { COUNTER, METER, TIMER } kind_t;

typedef struct figure {
    const char *name;
    kind_t kind;
} figure_t;

static const figure_t group_table[GROUP_FIGURES] = {
    [GROUP_PULL_REQUESTS] = {"pullRequestCount", COUNTER},
    [GROUP_PULL_REQUEST_RATE] = {"pullRequestEx", METER},
    [GROUP_PULL_PARAM_ERRORS] = {"pullParamErrorCount", COUNTER},
    [GROUP_NON_POSITIVE_NUMS] = {"nonPositiveRequestNumCount", COUNTER},
    [GROUP_PULL_QUEUE_TIME] = {"pullQueueTime", TIMER},
    [GROUP_PULLS_EXPIRED] = {"pullExpiredCount", COUNTER},
    [GROUP_PULLS_INVALID] = {"pullInValidCount", COUNTER},
    [GROUP_PULLS_SUSPENDED] = {"suspendRequestCount", COUNTER},
    [GROUP_RESUMED] = {"resumeActorCount", COUNTER},
    [GROUP_PULL_TIME_OUTS] = {"pullTimeOutCount", COUNTER},
    [GROUP_PULLED] = {"pulledMessagesCount", COUNTER},
    [GROUP_PULLED_RATE] = {"pulledMessagesEx", METER},
    [GROUP_PULLED_BYTES] = {"pulledMessageBytesCount", COUNTER},
    [GROUP_PULLED_NOTHING] = {"pulledNoMessagesCount", COUNTER},
    [GROUP_PULL_TIME] = {"pullProcessTime", TIMER},
    [GROUP_READ_TIME] = {"brokerPullResultReadAsBytesElapsed", TIMER},
    [GROUP_FIND_NEW_TIME] = {"findNewExistMessagesTime", TIMER},
    [GROUP_FIND_LOST_TIME] = {"findLostMessagesTime", TIMER},
    [GROUP_FOUND_LOST] = {"findLostMessageCount", COUNTER},
    [GROUP_FOUND_LOST_EMPTY] = {"findLostMessageEmptyCount", COUNTER},
    [GROUP_FIND_ERRORS] = {"findMessagesErrorCount", COUNTER},
    [GROUP_READ_ERRORS] = {"getMessageErrorCount", COUNTER},
    [GROUP_OVERFLOWS] = {"getMessageOverflowCount", COUNTER},
    [GROUP_EXPIRED] = {"expiredMessages", COUNTER},
    [GROUP_RANGE_ERRORS] = {"consumerLogOffsetRangeErrorCount", COUNTER},
    [GROUP_ACK_REQUESTS] = {"ackRequestCount", COUNTER},
    [GROUP_ACK_REQUEST_RATE] = {"ackRequestEx", METER},
    [GROUP_ACKED] = {"consumerAckCount", COUNTER},
    [GROUP_ACK_TIME] = {"ackProcessTime", TIMER},
    [GROUP_ACKED_TWICE] = {"consumerDuplicateAckCount", COUNTER},
    [GROUP_ACKS_LOST] = {"consumerLostAckCount", COUNTER},
    [GROUP_ACK_ERRORS] = {"putAckActionsErrorCount", COUNTER},
    [GROUP_ACTION_ERRORS] = {"putActionFailedCount", COUNTER},
    [GROUP_MOVED_TO_RETRY] = {"putNeedRetryMessagesCount", COUNTER},
    [GROUP_RETRY_TASKS] = {"consumerStatusCheckerRetryTaskExecute", COUNTER},
    [GROUP_OFFLINE_TASKS] = {"consumerStatusCheckerOfflineTaskExecute", COUNTER},
};

static const figure_t subject_table[SUBJECT_FIGURES] = {
    [SUBJECT_RECEIVED] = {"receivedMessagesCount", COUNTER}, [SUBJECT_RECEIVED_RATE] = {"receivedMessagesEx", METER},
    [SUBJECT_PRODUCE_TIME] = {"produceTime", TIMER},         [SUBJECT_PROCESS_TIME] = {"processTime", TIMER},
    [SUBJECT_PUT_TIME] = {"putMessageTime", TIMER},
};

void figures_free(figures_t *f) {
    memory_free((void *)atomic_load(&f->found));
}

static metric_t *obtain(metrics_t *m, const figure_t *figure, metric_labels_t labels) {
    switch (figure->kind) {
    case METER:
        return metrics_meter(m, figure->name, labels);
    case TIMER:
        return metrics_timer(m, figure->name, labels);
    default:
        return metrics_counter(m, figure->name, labels);
    }
}

static _Atomic(metric_t *) *places(figures_t *f, size_t count) {
    _Atomic(metric_t *) *found = atomic_load_explicit(&f->found, memory_order_acquire);
    if (found != NULL) return found;
    _Atomic(metric_t *) *made = memory_zalloc(count * sizeof *made);
    if (atomic_compare_exchange_strong(&f->found, &found, made)) return made;
    memory_free((void *)made);
    return found;
}

static metric_t *figure_of(figures_t *f, metrics_t *m, const figure_t *table, size_t which, size_t count, metric_labels_t labels) {
    _Atomic(metric_t *) *place = &places(f, count)[which];
    metric_t *metric = atomic_load_explicit(place, memory_order_acquire);
    if (metric != NULL) return metric;
    metric = obtain(m, &table[which], labels);
    atomic_store_explicit(place, metric, memory_order_release);
    return metric;
}

static metric_labels_t group_labels(view_t subject, view_t group) {
    return (metric_labels_t){"subject", subject, "group", group};
}

static metric_labels_t subject_labels(view_t subject) {
    return (metric_labels_t){"subject", subject, NULL, {NULL, 0}};
}

void group_figure_add(figures_t *f, metrics_t *m, view_t subject, view_t group, group_figure_t which, int64_t n) {
    metric_add(figure_of(f, m, group_table, which, GROUP_FIGURES, group_labels(subject, group)), n);
}

void group_figure_time(figures_t *f, metrics_t *m, view_t subject, view_t group, group_figure_t which, int64_t from_us, int64_t to_us) {
    metric_time_span(figure_of(f, m, group_table, which, GROUP_FIGURES, group_labels(subject, group)), from_us, to_us);
}

void subject_figure_add(figures_t *f, metrics_t *m, view_t subject, subject_figure_t which, int64_t n) {
    metric_add(figure_of(f, m, subject_table, which, SUBJECT_FIGURES, subject_labels(subject)), n);
}

void subject_figure_time(figures_t *f, metrics_t *m, view_t subject, subject_figure_t which, int64_t us, uint32_t times) {
    metric_time_us_many(figure_of(f, m, subject_table, which, SUBJECT_FIGURES, subject_labels(subject)), us, times);
}

void refused_figure_add(metrics_t *m, view_t subject, view_t group, group_figure_t which, int64_t n) {
    metric_add(obtain(m, &group_table[which], group_labels(subject, group)), n);
}
