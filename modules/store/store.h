/* The store of a real-time broker: the only door for servers (storage.md). Two primary logs - messages and actions - and what is derived
 * from them: an index per subject, the progress of groups and consumers, and the map from pull sequences to message sequences. Appends may
 * be called from any thread; whoever finds the log free writes, whoever finds it busy leaves the batch to the one who writes
 * (modules/store/README.md). */
#ifndef QMQ_STORE_STORE_H
#define QMQ_STORE_STORE_H

#include "base/chain.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/view.h"

#include <apr_errno.h>
#include <stdbool.h>

typedef struct store store_t;
/* A subject; the handle stays valid until store_close. It can exist without messages (somebody waits for the first one). */
typedef struct store_subject store_subject_t;
/* A (subject, group); stays valid until store_close. */
typedef struct store_group store_group_t;

/* When messages and actions are deleted (storage.md 16). Time while the store is closed does not count. */
typedef struct store_retention {
    bool delete_expired;     /* false: nothing is ever deleted */
    int64_t message_ms;      /* 0: 72 h */
    int64_t action_ms;       /* 0: 72 h */
    bool hold;               /* messages that a group has not consumed are kept longer, as long as the disk allows */
    int64_t hold_max_bytes;  /* ... and the message log is not longer than this; 0: no such limit */
    int64_t check_period_us; /* 0: a minute; taken at open only */
} store_retention_t;

typedef struct store_options {
    const char *root;               /* absolute directory, created when missing, locked exclusively while open */
    int64_t message_segment_size;   /* 0: 1 GiB; others only for tests */
    int64_t action_segment_size;    /* 0: 100 MiB; others only for tests */
    int64_t sync_period_us;         /* 0: 500 ms */
    int64_t index_period_us;        /* how often young index entries are written to their files; 0: 5 s */
    int64_t hot_window;             /* bytes at the end of the message log that are read on event loops; 0: 256 MiB */
    bool loops_read_no_files;       /* older ones are for threads that may block even when the system has them in memory */
    int64_t min_free_bytes;         /* the message log turns read-only below this much disk space and back at twice it; 0: 16 MiB */
    int64_t min_free_percent;       /* the same in hundredths of the disk; the larger of the two counts; 0: no such limit */
    int64_t checkpoint_records;     /* messages between two checkpoints of the index; 0: 10 000 */
    int snapshots_kept;             /* of each kind; 0: 5 */
    int64_t scrub_bytes_per_second; /* how fast the message log is compared with its checksums in the background; 0: 4 MiB, -1: never */
    int64_t scrub_pause_us;         /* before the first such walk and between two; 0: an hour */
    bool index_v2;                  /* a new store gets consumer logs of format V2 */
    bool repair;                    /* opens a store with holes, too: what was in them is lost */
    int max_open_files;             /* descriptor cache for consumer logs; 0: 1024 */
    store_retention_t retention;
    const log_t *log;
    metrics_t *metrics; /* NULL allowed */
    /* The message log stopped (false, with the reason) or resumed (true) taking appends. Any thread, no lock held. May be NULL. */
    void (*writable)(void *arg, bool writable, const char *reason);
    void *arg;
    /* Recovery progress 0..100 with a word for people. May be NULL. */
    void (*progress)(void *arg, int percent, const char *what);
} store_options_t;

/* Opens or creates, recovers, replays; returns when everything acknowledged is readable. On failure NULL in *out and *error names file and
 * remedy. */
apr_status_t store_open(store_t **out, const store_options_t *options, qmq_error_t **error);
/* Takes new values at the next check. Any thread. */
void store_set_retention(store_t *s, const store_retention_t *wanted);
/* How many messages lie between two checkpoints of the index, and how many snapshots of each kind are kept, from the next one on. Any
 * thread. */
void store_set_checkpoints(store_t *s, int64_t records, int kept);
/* No append may be in flight. Flushes, syncs, closes, frees. */
void store_close(store_t *s);

/* Subjects. */

/* NULL when no message and no waiter ever named it. Any thread. */
store_subject_t *store_subject_find(store_t *s, view_t name);
/* Creates the in-memory entry when missing; no file. NULL only for names that cannot be stored (subject_is_directory_name). Any thread. */
store_subject_t *store_subject_get(store_t *s, view_t name);
view_t store_subject_name(const store_subject_t *subject); /* valid until store_close */
/* First readable sequence and the next to be written; false (and 0, 0) when there never was a message. Any thread. */
bool store_subject_bounds(store_subject_t *subject, int64_t *min, int64_t *next);
/* One pointer for the server (its waiters). Set once, any thread: returns the pointer that won. */
void *store_subject_user(const store_subject_t *subject);
void *store_subject_set_user(store_subject_t *subject, void *user);
/* Calls visit for every subject that has messages. Any thread. */
void store_subjects(store_t *s, void (*visit)(void *arg, store_subject_t *subject), void *arg);

/* Appending messages. */

typedef struct store_message {
    view_t subject;         /* record subject, storable */
    const uint8_t *payload; /* as received, without the wire CRC */
    uint32_t payload_size;
    uint32_t crc; /* of the payload, already verified */
    /* Filled by the store: */
    apr_status_t status; /* APR_SUCCESS; QMQ_E_TOO_LONG: does not fit into a segment; QMQ_E_READONLY, APR_ENOSPC, ... */
    int64_t sequence;
    store_subject_t *subject_handle; /* when status is APR_SUCCESS */
} store_message_t;

typedef struct store_batch {
    struct store_batch *next;
    store_message_t *messages;
    size_t count;
    /* Called once, after the bytes are in the page cache, the end offset is published and the index entries are visible (or nothing is, by
     * status); by whichever thread wrote, maybe inside store_append, with no lock held. Batches of one thread complete in the order
     * appended. */
    void (*done)(struct store_batch *self);
    int64_t end_offset; /* log offset behind the last record of the batch */
} store_batch_t;

/* The batch, its messages and their bytes stay the caller's and must live and stay unchanged until done. Any thread. */
void store_append(store_t *s, store_batch_t *batch);
/* False: the message log takes no appends now (disk full, failed sync). *reason (static text or valid until store_close) may be NULL. Any
 * thread. */
bool store_is_writable(store_t *s, const char **reason);
/* End of the message log / action log (next offset). Any thread. */
int64_t store_message_end(store_t *s);
int64_t store_action_end(store_t *s);
int64_t store_message_min(store_t *s);
int64_t store_action_min(store_t *s);

/* Somebody who waits until everything below an offset is on the disk. */
typedef struct store_sync_waiter {
    struct store_sync_waiter *next;
    int64_t end_offset;  /* of the batch */
    apr_status_t status; /* filled: APR_SUCCESS, or why the sync failed: then nobody knows what the disk has */
    /* Called once, by the store's sync thread or inside the call that waits, with no lock held. */
    void (*done)(struct store_sync_waiter *self);
} store_sync_waiter_t;
/* The waiter stays the caller's and must live until done. A sync begins at once, or after the one that is running; it serves all who wait.
 * Any thread. */
void store_await_message_sync(store_t *s, store_sync_waiter_t *w);
void store_await_action_sync(store_t *s, store_sync_waiter_t *w);
/* Syncs both logs now (tests, shutdown). Blocks. */
apr_status_t store_sync(store_t *s);

/* Reading messages. */

typedef enum poll_status {
    POLL_SUCCESS,
    POLL_NO_MESSAGE,
    POLL_SUBJECT_NOT_FOUND,
    POLL_OFFSET_OVERFLOW,
    POLL_EMPTY_CONSUMER_LOG
} poll_status_t;

typedef struct stored_message {
    int64_t sequence;
    int64_t entry_time_ms; /* when its index entry was made */
    slice_t payload;       /* holds a reference */
} stored_message_t;

typedef struct poll_result {
    poll_status_t status;
    int64_t next_begin; /* where the next poll starts (storage.md 5.6) */
    int64_t first;      /* range looked at: [first, last]; last = first - 1 when empty */
    int64_t last;
    size_t count;
    size_t bytes;
    stored_message_t *messages;
    size_t capacity;
} poll_result_t;

void poll_result_init(poll_result_t *r);
/* Drops the references, keeps the memory for the next poll. */
void poll_result_clear(poll_result_t *r);
void poll_result_free(poll_result_t *r);

typedef struct poll_options {
    int64_t from;
    int max;          /* messages */
    size_t max_bytes; /* payload bytes; at least one message is returned */
    bool strict;      /* from below min is EMPTY_CONSUMER_LOG instead of starting at min */
    /* Stop at the first entry made later than this by store_entry_now_ms, the future excepted; INT64_MAX: no limit. */
    int64_t entries_before_ms;
    bool may_block; /* false: return QMQ_E_COLD instead of touching the disk */
} poll_options_t;

/* The clock of index entries (retry delay): the wall clock when the store was opened, going on steadily whatever becomes of that. Any
 * thread. */
int64_t store_entry_now_ms(const store_t *s);

/* storage.md 5.6, header check included. APR_SUCCESS with *r filled, or QMQ_E_COLD. Any thread. */
apr_status_t store_poll(store_t *s, store_subject_t *subject, const poll_options_t *options, poll_result_t *r);

/* Progress. All take the group's own short lock; any thread. */

/* Creates the in-memory entry when missing. */
store_group_t *store_group_get(store_t *s, view_t subject, view_t group);
store_group_t *store_group_find(store_t *s, view_t subject, view_t group);
view_t store_group_subject(const store_group_t *g);
view_t store_group_name(const store_group_t *g);
bool store_group_is_broadcast(store_group_t *g); /* any thread */
void *store_group_user(const store_group_t *g);
void *store_group_set_user(store_group_t *g, void *user);
/* Last pulled message sequence; false when no action ever named the group. */
bool store_group_pulled(store_group_t *g, int64_t *sequence);
/* Where the group goes on: behind what was pulled, or where it was moved to and how far it came from there. False when neither ever
 * happened. */
bool store_group_next(store_group_t *g, int64_t *next);
/* Moves the group to a message; on the disk when store_await_positions says so. Any thread. */
void store_group_move(store_group_t *g, int64_t next);
/* Waits until every move made before is on the disk; the waiter as with store_await_action_sync, its end_offset does not matter. Any
 * thread. */
void store_await_positions(store_t *s, store_sync_waiter_t *w);
/* Last pulled and last acked pull sequence of a consumer (-1, -1 and false when unknown). pull >= ack always (broker.md BUG-11). */
bool store_consumer_position(store_group_t *g, view_t consumer_id, int64_t *pull, int64_t *ack);
/* Message sequence of an un-acked pull sequence; -1 unknown. Broadcast groups: the pull sequence itself. */
int64_t store_pull_lookup(store_group_t *g, view_t consumer_id, int64_t pull_sequence);
/* Calls visit for every group with progress / every consumer of a group; visit must not call back into the store. */
void store_groups(store_t *s, void (*visit)(void *arg, store_group_t *g), void *arg);
void store_consumers(store_group_t *g, void (*visit)(void *arg, view_t consumer_id, int64_t pull, int64_t ack), void *arg);

/* Actions. */

typedef enum action_type { ACTION_PULL = 0, ACTION_RANGE_ACK = 1, ACTION_FOREVER_OFFLINE = 2 } action_type_t;

typedef struct store_action {
    action_type_t type;
    store_group_t *group;
    view_t consumer_id;
    int64_t time_ms;
    bool broadcast;
    int64_t first_pull; /* PULL, RANGE_ACK */
    int64_t last_pull;
    int64_t first_message; /* PULL; last - first as in the pull range */
    int64_t last_message;
} store_action_t;

typedef struct store_action_batch {
    struct store_action_batch *next;
    store_action_t *actions;
    size_t count;
    apr_status_t status; /* of the whole batch */
    int64_t end_offset;  /* log offset behind the last record */
    /* As store_batch_t.done; the actions were applied to the progress in log order before. */
    void (*done)(struct store_action_batch *self);
} store_action_batch_t;

/* Writes the actions (one vectored write for all that wait), then applies them. A failed write changes nothing. Any thread. */
void store_append_actions(store_t *s, store_action_batch_t *batch);

typedef struct store_figures {
    int64_t message_end, message_synced, action_end, action_synced;
    int64_t message_indexed, action_applied; /* how far what is derived from the logs has followed them */
    int64_t subjects, groups, consumers;
    int64_t open_files, mappings;
    int64_t disk_available;
    int64_t disk_min_free;        /* below this messages are refused */
    int64_t disk_full_in_seconds; /* at the present rate; -1: not in sight */
    int64_t recovered_records, recovery_us, truncated_bytes, validated_bytes, skipped_records;
    int64_t damaged_records;                       /* found while open: by reading for somebody or in the background */
    int64_t taken_over_records;                    /* of the original, with a wrong checksum: delivered */
    int64_t scrub_walks;                           /* completed walks over the message log */
    int64_t message_checkpoint, action_checkpoint; /* offsets of the last snapshots: what a start need not replay */
    int64_t checkpoint_us;                         /* how long the last one took */
    int64_t retention_deleted_bytes, retention_passes;
    int64_t retention_unconsumed; /* messages that a group has not consumed and that retention deleted or soon will */
    bool writable;
    char first_damage[512]; /* "file, byte n"; "": none */
} store_figures_t;
void store_figures(store_t *s, store_figures_t *to);

#endif
