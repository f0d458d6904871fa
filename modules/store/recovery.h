/* What the parts of recovery share (recovery.c calls them in order). One thread, nobody else uses the store yet. */
#ifndef QMQ_STORE_RECOVERY_H
#define QMQ_STORE_RECOVERY_H

#include "base/table.h"
#include "store/message_record.h"
#include "store/snapshot_files.h"
#include "store/store_internal.h"

typedef struct doubtful doubtful_t;

typedef struct recovery {
    store_t *store;
    marker_t marker;
    bool trusted; /* the marker fits the message log: what it says holds */
    bool actions_trusted;
    bool marker_read;
    bool continued; /* somebody else has appended since the marker was written */
    store_subject_t *last_subject;
    int64_t refused_subjects;
    int64_t refused_sequences;
    int64_t from;     /* records of messages that end at or below are in the files of the index */
    int64_t restored; /* subjects of the snapshot */
    int64_t rebuilds; /* subjects whose files are not what a snapshot says */
    bool rebuilding;  /* the second walk, for these alone */
    bool failed;
    int64_t gaps;
    table_t doubts; /* by subject: the record whose sequence left a gap */
    int64_t now_ms;
    qmq_error_t *error;
} recovery_t;

/* The subject of this name, NULL when it cannot be stored. Quick for the same one again. */
store_subject_t *recovery_subject(recovery_t *r, view_t name);
/* Progress for people: `percent` of the part done, which starts at `base` and is `share` of the whole. */
void recovery_tell(recovery_t *r, segmented_log_t *l, int64_t offset, int base, int share, const char *what);

/* The index of every subject (recovery_messages.c). */
apr_status_t recover_messages(recovery_t *r);
/* One record (recovery_index.c): false when its entry cannot be written. hole: a segment is missing in front of it. */
bool recovery_index(recovery_t *r, store_subject_t *subject, int64_t offset, const message_record_t *record, bool hole);
/* A record whose subject cannot be stored must not keep others from being indexed. */
void recovery_refuse_subject(recovery_t *r, int64_t offset, view_t name);
void recovery_doubts_init(recovery_t *r);
/* Nothing came that speaks against those that are left. */
bool recovery_end_doubts(recovery_t *r);
void recovery_doubts_free(recovery_t *r);
/* Sequences named by snapshots from beyond the log's end are taken. After recover_actions. */
apr_status_t recover_reserve(recovery_t *r);
/* Groups, consumers and what they have pulled (recovery_actions.c). */
apr_status_t recover_actions(recovery_t *r);

#endif
