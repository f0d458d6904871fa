/* Making derived state restartable (README.md, storage.md 10.3, 10.4, 23.2): what is in memory goes to files, the files become durable, and
 * a snapshot says up to which offset of the log that holds. One thread at a time: the one that writes behind. */
#ifndef QMQ_STORE_CHECKPOINT_H
#define QMQ_STORE_CHECKPOINT_H

#include "store/snapshot_files.h"
#include "store/store_internal.h"

/* After recovery. */
void checkpoint_start(store_t *s);
/* Snapshots from beyond the end of a log that was cut must not be taken for ones of what is appended now: new ones take their place and
 * they go. After recovery, before anything is appended. */
void checkpoint_settle(store_t *s);
/* True when enough was appended, or enough time has passed, since the last one. Any thread. */
bool checkpoint_is_due(store_t *s);
/* The same for groups and consumers. */
bool checkpoint_actions_are_due(store_t *s);
/* Takes one of whatever was appended since the last. again(s) is asked between files whether to go on; NULL: the store is being closed,
 * everything is taken. */
void checkpoint_run(store_t *s, bool (*again)(void *arg));

/* Parts of checkpoint_run. */

/* What failed, at most once a minute. */
void checkpoint_complain(store_t *s, const char *what, apr_status_t status);
/* Saves a snapshot and deletes what it makes superfluous: versions beyond *stale_from, where the log ended at the start (then it becomes
 * -1), because Java would take them for the newest; of the others the youngest stay. */
apr_status_t checkpoint_save(store_t *s, const char *kind, int64_t version, int64_t *stale_from, void (*write)(void *arg, text_file_t *to),
                             void *arg);
/* checkpoint_actions.c */
void checkpoint_actions(store_t *s);

#endif
