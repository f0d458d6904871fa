/* The pull log of old versions, pulllog/<consumer id>/<group>@<subject>/: an array of message sequences with the pull sequence as its index
 * (README.md, storage.md 7.1). It is read and deleted, never written. */
#ifndef QMQ_STORE_LEGACY_PULL_LOG_H
#define QMQ_STORE_LEGACY_PULL_LOG_H

#include "base/log.h"
#include "store/group_progress.h"

typedef struct legacy_pull_logs {
    char *root;    /* <store>/pulllog */
    bool is_there; /* the directory exists */
    const log_t *log;
} legacy_pull_logs_t;

/* Takes root over. */
void legacy_pull_logs_init(legacy_pull_logs_t *l, char *root, const log_t *log);
void legacy_pull_logs_free(legacy_pull_logs_t *l);
/* Adds what the files of a consumer say about pull sequences that are pulled, not acknowledged and not known otherwise. Blocks. */
void legacy_pull_logs_fill(const legacy_pull_logs_t *l, const store_group_t *g, store_consumer_t *c);
/* Deletes what is acknowledged and what belongs to nobody: consumers that went offline for ever. Blocks. */
void legacy_pull_logs_clean(const legacy_pull_logs_t *l, subject_table_t *subjects, group_progress_t *progress);

#endif
