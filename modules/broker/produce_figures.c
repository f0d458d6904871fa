#include "broker/produce_figures.h"

#include "base/cursor.h"
#include "base/status.h"
#include "broker/waiters.h"
#include "portability/clock.h"
#include "protocol/codes.h"
#include "protocol/subject.h"

/* Where a payload says when it was made. */
#define AT_CREATED 1
#define CREATED_END 9

typedef struct moment {
    int64_t now_ms;
    int64_t took_us;
} moment_t;

static void count_consumer_error(broker_t *b, view_t name, int64_t n) {
    view_t subject, group;
    subject_split(name, &subject, &group);
    metric_labels_t labels = {"subject", subject, "group", group};
    metric_add(metrics_counter(b->metrics, "consumerErrorCount", labels), n);
    if (subject_kind(name) == SUBJECT_DEAD) metric_add(metrics_counter(b->metrics, "deadLetterQueueCount", labels), n);
}

static int64_t created_ms(const store_message_t *m) {
    cursor_t c = cursor_make(m->payload, m->payload_size < CREATED_END ? 0 : CREATED_END);
    cursor_skip(&c, AT_CREATED);
    return cursor_i64(&c);
}

/* Messages of one subject, verdict and creation time, in a row; how many. */
static size_t run_of(const store_message_t *first, size_t count, int64_t created) {
    size_t n = 1;
    while (n < count && first[n].subject_handle == first->subject_handle && first[n].status == first->status &&
           created_ms(&first[n]) == created)
        n++;
    return n;
}

static void count_stored(broker_t *b, const store_message_t *m, size_t n, int64_t created, const moment_t *moment) {
    store_subject_t *subject = m->subject_handle;
    if (m->subject.data[0] == '%' && subject_kind(m->subject) != SUBJECT_NORMAL) {
        count_consumer_error(b, m->subject, (int64_t)n);
    } else {
        subject_count(b, subject, SUBJECT_RECEIVED, (int64_t)n);
        subject_count(b, subject, SUBJECT_RECEIVED_RATE, (int64_t)n);
        subject_time(b, subject, SUBJECT_PRODUCE_TIME, (moment->now_ms - created) * 1000, (uint32_t)n);
    }
    subject_time(b, subject, SUBJECT_PROCESS_TIME, moment->took_us, (uint32_t)n);
}

/* Subjects that were never stored share a series. */
static void count_name(broker_t *b, view_t subject, const char *what) {
    view_t shown = store_subject_find(b->store, subject) == NULL ? view_of("_other") : subject;
    metric_labels_t labels = {"subject", shown, NULL, {NULL, 0}};
    metric_add(metrics_counter(b->metrics, what, labels), 1);
}

static void count_refused(broker_t *b, view_t subject, const char *what) {
    view_t shown = store_subject_find(b->store, subject) == NULL ? view_of("_other") : subject;
    if (subject_kind(subject) == SUBJECT_NORMAL) {
        metric_labels_t labels = {"subject", shown, NULL, {NULL, 0}};
        metric_add(metrics_counter(b->metrics, "receivedMessagesCount", labels), 1);
        metric_add(metrics_meter(b->metrics, "receivedMessagesEx", labels), 1);
    }
    count_name(b, subject, what);
}

/* What neither the message nor a full disk explains is counted as a failure besides. */
static void count_not_stored(broker_t *b, view_t subject, apr_status_t status) {
    if (status == QMQ_E_READONLY || APR_STATUS_IS_ENOSPC(status)) {
        count_refused(b, subject, "brokerReadOnlyMessageCount");
        return;
    }
    count_refused(b, subject, "storeMessageErrorCount");
    if (status != QMQ_E_TOO_LONG) count_name(b, subject, "receivedFailedCount");
}

void produce_count_tried(broker_t *b, const store_message_t *messages, size_t count, int64_t took_us) {
    moment_t moment = {clock_wall_ms(), took_us};
    for (size_t i = 0; i < count;) {
        const store_message_t *m = &messages[i];
        if (m->status != APR_SUCCESS || m->subject_handle == NULL) {
            count_not_stored(b, m->subject, m->status);
            i++;
            continue;
        }
        int64_t created = created_ms(m);
        size_t n = run_of(m, count - i, created);
        count_stored(b, m, n, created, &moment);
        i += n;
    }
}

void produce_count_refused(broker_t *b, view_t subject, uint8_t code) {
    switch (code) {
    case SEND_READ_ONLY:
        count_refused(b, subject, "brokerReadOnlyMessageCount");
        break;
    case SEND_SUBJECT_NOT_ASSIGNED:
        count_refused(b, subject, "rejectReceivedMessageCount");
        count_name(b, subject, "receivedIllegalSubjectMessagesCount");
        break;
    default:
        count_refused(b, subject, "storeMessageErrorCount");
        break;
    }
}
