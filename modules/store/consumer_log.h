/* The index of every subject (storage.md 5): its youngest entries in memory (the tail), all entries that are durable in the message log
 * written behind to consumerlog/<subject>/. An entry reaches a file only when its record is synced, so files never name what a power loss
 * took away. */
#ifndef QMQ_STORE_CONSUMER_LOG_H
#define QMQ_STORE_CONSUMER_LOG_H

#include "base/metrics.h"
#include "store/file_cache.h"
#include "store/index_entry.h"
#include "store/segmented_log.h"
#include "store/sorted_tables.h"
#include "store/subject_table.h"

#define INDEX_LOCKS 256
/* Entries of a full chunk: what is written at once, and what stays in memory of a busy subject at least. */
#define INDEX_CHUNK_ENTRIES 4096

typedef struct subject_list {
    store_subject_t **at;
    size_t count;
    size_t capacity;
} subject_list_t;

typedef struct consumer_logs {
    segmented_log_t *messages;
    sorted_tables_t *sorted;
    index_format_t format; /* of all files; set by consumer_logs_detect */
    const log_t *log;
    char *root;       /* <store>/consumerlog */
    bool root_synced; /* its name in the store is durable; of whoever syncs */
    file_cache_t *files;
    mutex_t locks[INDEX_LOCKS]; /* a subject's lock is found by its hash */
    mutex_t list_lock;
    subject_list_t dirty;
    subject_list_t full;
    subject_list_t unsynced; /* have written files; whoever writes behind */
    bool write_failed;       /* since it was last cleared; whoever writes behind */
    metrics_t *metrics;      /* NULL allowed */
    int64_t clock_ms;        /* what the wall clock was ahead of the monotonic one when the store was opened */
    log_limit_t write_limit;
    uint8_t *scratch; /* of whoever writes behind: recovery, then the index thread, then the close */
    uint8_t *present;
} consumer_logs_t;

void consumer_logs_init(consumer_logs_t *x, char *root, segmented_log_t *messages, sorted_tables_t *sorted, int max_open_files,
                        const log_t *log);
/* Finds out the format of the files there are; an empty store gets `wanted`. Refuses files of both formats, and V1 files when V2 is wanted.
 * Before anything else is done with the index. */
apr_status_t consumer_logs_detect(consumer_logs_t *x, index_format_t wanted, qmq_error_t **error);
void consumer_logs_free(consumer_logs_t *x, subject_table_t *subjects);
/* The clock of index entries: the wall clock as it was when the store was opened, going on steadily whatever becomes of that. Any thread.
 */
int64_t consumer_logs_now_ms(const consumer_logs_t *x);

/* A record that was appended, on its way into the index. */
typedef struct indexed_message {
    store_subject_t *subject;
    index_entry_t entry;
} indexed_message_t;

/* Makes the entries visible; sequences of a subject continue where its index ends. Appender only. */
void consumer_logs_publish(consumer_logs_t *x, const indexed_message_t *messages, size_t count);

/* False when the subject never had a message. Any thread. */
bool consumer_log_bounds(consumer_logs_t *x, store_subject_t *s, int64_t *min, int64_t *next);

typedef enum index_place { INDEX_IN_MEMORY, INDEX_IN_FILE } index_place_t;
/* Entries [from, from + max) of the subject, from < next: INDEX_IN_MEMORY with *count of them copied to `to`, or INDEX_IN_FILE with *count
 * = how many of them lie in files. Any thread. */
index_place_t consumer_log_copy(consumer_logs_t *x, store_subject_t *s, int64_t from, size_t max, index_entry_t *to, size_t *count);
/* Reads entries from the files; what was never written there is zero. count stays within one file. Blocks; any thread. */
apr_status_t consumer_log_read(consumer_logs_t *x, store_subject_t *s, int64_t from, size_t count, index_entry_t *to);
/* The same as far as the system has it in memory; false when the disk would be needed. Never blocks; any thread. */
bool consumer_log_read_cached(consumer_logs_t *x, store_subject_t *s, int64_t from, size_t count, index_entry_t *to);

/* First sequence whose record lies at or behind this offset of the message log; the next sequence when there is none. Blocks; any thread.
 */
apr_status_t consumer_log_first_from(consumer_logs_t *x, store_subject_t *s, int64_t offset, int64_t *sequence);
/* Sequences below min are given up. Any thread. */
void consumer_log_raise_min(consumer_logs_t *x, store_subject_t *s, int64_t min);
/* Deletes files that hold nothing from min on, but never the last one (storage.md 3.8). Blocks; one thread at a time. */
void consumer_log_delete_before(consumer_logs_t *x, store_subject_t *s, int64_t min);

/* Writing behind: one thread at a time. */

/* True when a tail has a whole chunk to write. Any thread. */
bool consumer_logs_have_full(consumer_logs_t *x);
/* Writes tails that have a whole chunk, as far as it is synced. */
void consumer_logs_write_full(consumer_logs_t *x);
/* Writes everything that is synced; tails that got nothing since the last time leave the memory. `again` (may be NULL) is asked between
 * subjects whether to go on. False when not everything was done. */
bool consumer_logs_write_all(consumer_logs_t *x, bool (*again)(void *arg), void *arg);

/* Makes what was written to the files durable. Like the above. */
apr_status_t consumer_logs_sync(consumer_logs_t *x);

/* Recovery: one thread, nobody else uses the index. */

/* A snapshot says that entries below `next` are in the files. False, and nothing known about the subject, when they are not; `deep` looks
 * at the last one, too. */
bool consumer_log_restore(consumer_logs_t *x, store_subject_t *s, int64_t next, bool deep);
typedef enum replay_result { REPLAY_INDEXED, REPLAY_KNOWN, REPLAY_GAP_TOO_WIDE, REPLAY_FAILED } replay_result_t;
/* Indexes a record found in the log. Gaps get blank entries; one wider than a file is refused unless `restart`: then the index starts anew
 * at sequence. */
replay_result_t consumer_log_replay(consumer_logs_t *x, store_subject_t *s, int64_t sequence, const index_entry_t *entry, bool restart);
/* Sequences below `next` are taken: blank entries for those that are not there. False when the gap is wider than a file (nothing done). */
bool consumer_log_reserve(consumer_logs_t *x, store_subject_t *s, int64_t next, int64_t now_ms);
/* Behind the last entry in the files of the subject, and the first sequence of its first file; 0, 0 without files. */
apr_status_t consumer_log_extent(consumer_logs_t *x, view_t subject, int64_t *first, int64_t *next);

#endif
