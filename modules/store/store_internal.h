/* The store as its own files see it. */
#ifndef QMQ_STORE_INTERNAL_H
#define QMQ_STORE_INTERNAL_H

#include "store/action_log.h"
#include "store/damage.h"
#include "store/index_internal.h"
#include "store/index_mend.h"
#include "store/legacy_pull_log.h"
#include "store/marker.h"
#include "store/message_log.h"
#include "store/retention.h"
#include "store/safe_points.h"
#include "store/scrub.h"
#include "store/sync.h"

/* What the last checkpoint left behind. */
typedef struct checkpoint_state {
    _Atomic int64_t interval;       /* messages between two of the index */
    _Atomic int kept;               /* snapshots of each kind */
    _Atomic int64_t message_offset; /* of the last snapshot */
    _Atomic int64_t records;
    _Atomic int64_t taken_us;
    _Atomic int64_t took_us;
    _Atomic int64_t action_offset; /* of the last snapshot, or where the log ended at the start */
    _Atomic int64_t actions_taken_us;
    int64_t tabled_offset;  /* actions that end at or below are in earlier tablets */
    int64_t stale_messages; /* snapshots beyond are of a log that was cut; -1: none are left */
    int64_t stale_actions;
    bool table_all;  /* the next tablet holds everything that is un-acked, and earlier ones go */
    bool index_lost; /* a sync of the consumer logs failed: no more snapshots */
    log_limit_t limit;
} checkpoint_state_t;

struct store {
    store_options_t options; /* defaults filled in */
    char *root;
    char *checkpoints; /* directory of the snapshots */
    file_t *lock;
    subject_table_t subjects;
    consumer_logs_t index;
    sorted_tables_t sorted;
    group_progress_t progress;
    message_log_t messages;
    action_log_t actions;
    pull_tablets_t tablets;
    legacy_pull_logs_t legacy;
    space_t space;
    safe_points_t safe;
    checkpoint_state_t checkpoint;
    mutex_t positions_lock;
    store_sync_waiter_t *position_waiters; /* for moves; under the lock */
    bool positions_written;                /* the file exists; writer thread only */
    file_t *marker;
    int64_t appended_from;   /* records of messages from this offset on were written by this process */
    int64_t own_from;        /* records of messages from this offset on are ours */
    bool keeps_doubtful;     /* no marker told which part of the logs was durable */
    bool taken_over;         /* no process of ours has had it open before */
    int64_t marked_segments; /* how many were complete when it was last made durable */
    int64_t marked;          /* what the marker was last written for; sync thread only */
    syncer_t syncer;
    damage_t damage;
    index_mender_t mender;
    scrub_t scrub;
    retention_t retention;
    periodic_t *writer;    /* consumer logs */
    int64_t next_write_us; /* writer thread only */
    int64_t slice_us;      /* writer thread only: when it began to work without a pause */
    mutex_t pause_lock;
    condition_t pause; /* ends a pause when the store is closed */
    _Atomic bool closing;
    int64_t recovered_records;
    int64_t recovery_us;
    int64_t truncated_bytes;
    int64_t validated_bytes;
    int64_t skipped_records;
    int64_t skipped_bytes;
    metric_t *memory_hits; /* messages polled from the end of the log, which is kept in memory */
};

/* recovery.c: finds the ends of both logs and rebuilds everything derived from them. */
apr_status_t store_recover(store_t *s, qmq_error_t **error);

/* store_lock.c: takes <root>/.lock for this process; on failure *error names the holder. */
apr_status_t store_lock(const char *root, file_t **lock, qmq_error_t **error);

#endif
