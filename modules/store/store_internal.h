/* The store as its own files see it. */
#ifndef QMQ_STORE_INTERNAL_H
#define QMQ_STORE_INTERNAL_H

#include "store/action_log.h"
#include "store/message_log.h"
#include "store/safe_points.h"

struct store {
    store_options_t options; /* defaults filled in */
    char *root;
    file_t *lock;
    subject_table_t subjects;
    consumer_logs_t index;
    group_progress_t progress;
    message_log_t messages;
    action_log_t actions;
    space_t space;
    safe_points_t safe;
    periodic_t *syncer;
    periodic_t *writer;    /* consumer logs */
    int64_t next_write_us; /* writer thread only */
    _Atomic bool closing;
    int64_t recovered_records;
    int64_t recovery_us;
    int64_t truncated_bytes;
    int64_t skipped_records;
    int64_t skipped_bytes;
    metric_t *sync_timer;
    metric_t *unreadable;
};

/* recovery.c: finds the ends of both logs and rebuilds everything derived from them. */
apr_status_t store_recover(store_t *s, qmq_error_t **error);

/* store_lock.c: takes <root>/.lock for this process; on failure *error names the holder. */
apr_status_t store_lock(const char *root, file_t **lock, qmq_error_t **error);

#endif
