/* Metrics of groups and subjects under the original's names (broker.md 17). A series comes to be when something happens for the first time;
 * its object is found once. Any thread. */
#ifndef QMQ_BROKER_FIGURES_H
#define QMQ_BROKER_FIGURES_H

#include "broker/broker_internal.h"

typedef enum group_figure {
    GROUP_PULL_REQUESTS,     /* pullRequestCount */
    GROUP_PULL_REQUEST_RATE, /* pullRequestEx */
    GROUP_PULL_PARAM_ERRORS, /* pullParamErrorCount */
    GROUP_NON_POSITIVE_NUMS, /* nonPositiveRequestNumCount */
    GROUP_PULL_QUEUE_TIME,   /* pullQueueTime */
    GROUP_PULLS_EXPIRED,     /* pullExpiredCount */
    GROUP_PULLS_INVALID,     /* pullInValidCount */
    GROUP_PULLS_SUSPENDED,   /* suspendRequestCount */
    GROUP_RESUMED,           /* resumeActorCount */
    GROUP_PULL_TIME_OUTS,    /* pullTimeOutCount */
    GROUP_PULLED,            /* pulledMessagesCount */
    GROUP_PULLED_RATE,       /* pulledMessagesEx */
    GROUP_PULLED_BYTES,      /* pulledMessageBytesCount */
    GROUP_PULLED_NOTHING,    /* pulledNoMessagesCount */
    GROUP_PULL_TIME,         /* pullProcessTime */
    GROUP_READ_TIME,         /* brokerPullResultReadAsBytesElapsed */
    GROUP_FIND_NEW_TIME,     /* findNewExistMessagesTime */
    GROUP_FIND_LOST_TIME,    /* findLostMessagesTime */
    GROUP_FOUND_LOST,        /* findLostMessageCount */
    GROUP_FOUND_LOST_EMPTY,  /* findLostMessageEmptyCount */
    GROUP_FIND_ERRORS,       /* findMessagesErrorCount */
    GROUP_READ_ERRORS,       /* getMessageErrorCount */
    GROUP_OVERFLOWS,         /* getMessageOverflowCount */
    GROUP_EXPIRED,           /* expiredMessages */
    GROUP_RANGE_ERRORS,      /* consumerLogOffsetRangeErrorCount */
    GROUP_ACK_REQUESTS,      /* ackRequestCount */
    GROUP_ACK_REQUEST_RATE,  /* ackRequestEx */
    GROUP_ACKED,             /* consumerAckCount */
    GROUP_ACK_TIME,          /* ackProcessTime */
    GROUP_ACKED_TWICE,       /* consumerDuplicateAckCount */
    GROUP_ACKS_LOST,         /* consumerLostAckCount */
    GROUP_ACK_ERRORS,        /* putAckActionsErrorCount */
    GROUP_ACTION_ERRORS,     /* putActionFailedCount */
    GROUP_MOVED_TO_RETRY,    /* putNeedRetryMessagesCount */
    GROUP_RETRY_TASKS,       /* consumerStatusCheckerRetryTaskExecute */
    GROUP_OFFLINE_TASKS,     /* consumerStatusCheckerOfflineTaskExecute */
    GROUP_FIGURES
} group_figure_t;

typedef enum subject_figure {
    SUBJECT_RECEIVED,      /* receivedMessagesCount */
    SUBJECT_RECEIVED_RATE, /* receivedMessagesEx */
    SUBJECT_PRODUCE_TIME,  /* produceTime */
    SUBJECT_PROCESS_TIME,  /* processTime */
    SUBJECT_PUT_TIME,      /* putMessageTime */
    SUBJECT_FIGURES
} subject_figure_t;

/* The objects found so far; allocated when the first is. */
typedef struct figures {
    _Atomic(_Atomic(metric_t *) *) found;
} figures_t;

void figures_free(figures_t *f);
void group_figure_add(figures_t *f, metrics_t *m, view_t subject, view_t group, group_figure_t which, int64_t n);
void group_figure_time(figures_t *f, metrics_t *m, view_t subject, view_t group, group_figure_t which, int64_t from_us, int64_t to_us);
void subject_figure_add(figures_t *f, metrics_t *m, view_t subject, subject_figure_t which, int64_t n);
/* `times` durations of the same length. */
void subject_figure_time(figures_t *f, metrics_t *m, view_t subject, subject_figure_t which, int64_t us, uint32_t times);
/* What happens to a (subject, group) that is not served: counted without an object of it. */
void refused_figure_add(metrics_t *m, view_t subject, view_t group, group_figure_t which, int64_t n);

#endif
