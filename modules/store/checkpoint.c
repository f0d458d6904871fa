#include "store/checkpoint.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "store/message_snapshot.h"
#include "store/snapshot_files.h"
#include "store/store_metrics.h"

/* However little was appended. */
#define LONGEST_US 60000000
/* However much was appended: this long, and this many times what the last one took, but that no longer than so. */
#define SHORTEST_US 1000000
#define SHARE 10
#define LONGEST_SHARE_US 10000000
/* What a start walks through at most, about. */
#define MOST_LOG_BYTES ((int64_t)256 * 1024 * 1024)
#define WARNING_US 60000000

void checkpoint_start(store_t *s) {
    atomic_store(&s->checkpoint.message_offset, safe_points_message(&s->safe));
    s->checkpoint.stale_messages = segmented_log_end(&s->messages.segments);
    s->checkpoint.stale_actions = segmented_log_end(&s->actions.segments);
    atomic_store(&s->checkpoint.taken_us, clock_mono_us());
    atomic_store(&s->checkpoint.actions_taken_us, clock_mono_us());
}

static int64_t indexed_records(store_t *s) {
    return atomic_load_explicit(&s->messages.indexed_records, memory_order_relaxed);
}

void store_set_checkpoints(store_t *s, int64_t records, int kept) {
    atomic_store(&s->checkpoint.interval, records);
    atomic_store(&s->checkpoint.kept, kept);
}

bool checkpoint_is_due(store_t *s) {
    checkpoint_state_t *c = &s->checkpoint;
    int64_t since = clock_mono_us() - atomic_load(&c->taken_us);
    int64_t share = SHARE * atomic_load(&c->took_us);
    if (since < SHORTEST_US || since < (share < LONGEST_SHARE_US ? share : LONGEST_SHARE_US)) return false;
    int64_t records = indexed_records(s) - atomic_load(&c->records);
    int64_t bytes = atomic_load_explicit(&s->messages.indexed_end, memory_order_relaxed) - atomic_load(&c->message_offset);
    return records >= atomic_load(&c->interval) || bytes >= MOST_LOG_BYTES || (since >= LONGEST_US && records > 0);
}

typedef struct written {
    text_file_t *to;
    int64_t offset;
    store_t *store;
} written_t;

static void put_subject(void *arg, store_subject_t *subject) {
    written_t *w = arg;
    mutex_lock(index_lock_of(&w->store->index, subject));
    int64_t persisted = subject->exists ? subject->persisted : 0;
    mutex_unlock(index_lock_of(&w->store->index, subject));
    if (persisted > 0) message_snapshot_put_subject(w->to, subject_name(subject), persisted - 1);
}

static void put_messages(void *arg, text_file_t *to) {
    written_t *w = arg;
    w->to = to;
    message_snapshot_put_head(to, w->offset);
    subject_table_each(&w->store->subjects, put_subject, w);
}

void checkpoint_complain(store_t *s, const char *what, apr_status_t status) {
    int64_t suppressed = 0;
    char text[160];
    if (!log_permit(&s->checkpoint.limit, WARNING_US, &suppressed)) return;
    log_warn(s->options.log, "%s of %s failed: %s; the next start takes longer, nothing is lost (%lld such lines suppressed)", what,
             s->root, status_text(status, text, sizeof text), (long long)suppressed);
}

/* Versions from beyond the end that the log had at the start are of a log that was cut since. Gone for good before anything is appended:
 * one that a power loss brings back would be believed. */
static apr_status_t delete_stale(store_t *s, const char *kind, int64_t version, int64_t *stale_from) {
    snapshot_versions_t versions;
    apr_status_t status = *stale_from < 0 ? APR_SUCCESS : snapshot_versions_list(&versions, s->checkpoints, kind);
    if (*stale_from < 0 || status != APR_SUCCESS) return status;
    for (size_t i = 0; status == APR_SUCCESS && i < versions.count; i++) {
        if (versions.at[i] > *stale_from && versions.at[i] != version) status = snapshot_delete(s->checkpoints, kind, versions.at[i]);
    }
    if (status == APR_SUCCESS) status = directory_sync(s->checkpoints);
    if (status == APR_SUCCESS) *stale_from = -1;
    snapshot_versions_free(&versions);
    return status;
}

apr_status_t checkpoint_save(store_t *s, const char *kind, int64_t version, int64_t *stale_from, void (*write)(void *arg, text_file_t *to),
                             void *arg) {
    apr_status_t status = snapshot_save(s->checkpoints, kind, version, write, arg);
    if (status == APR_SUCCESS) status = delete_stale(s, kind, version, stale_from);
    if (status == APR_SUCCESS) status = snapshot_keep(s->checkpoints, kind, (size_t)atomic_load(&s->checkpoint.kept));
    return status;
}

static bool has_beyond(store_t *s, const char *kind, int64_t end) {
    snapshot_versions_t versions;
    bool yes = snapshot_versions_list(&versions, s->checkpoints, kind) == APR_SUCCESS && versions.count > 0 &&
               versions.at[versions.count - 1] > end;
    snapshot_versions_free(&versions);
    return yes;
}

void checkpoint_settle(store_t *s) {
    checkpoint_state_t *c = &s->checkpoint;
    bool messages = has_beyond(s, SNAPSHOT_OF_MESSAGES, c->stale_messages), actions = has_beyond(s, SNAPSHOT_OF_ACTIONS, c->stale_actions);
    if (!messages) c->stale_messages = -1;
    if (!actions) c->stale_actions = -1;
    if (!messages && !actions) return;
    if (messages) atomic_store(&c->message_offset, -1);
    if (actions) atomic_store(&c->action_offset, -1);
    checkpoint_run(s, NULL);
}

static apr_status_t save_messages(store_t *s, int64_t offset) {
    written_t w = {NULL, offset, s};
    apr_status_t status = checkpoint_save(s, SNAPSHOT_OF_MESSAGES, offset, &s->checkpoint.stale_messages, put_messages, &w);
    if (status == APR_SUCCESS) safe_points_reach(&s->safe.message, offset);
    return status;
}

/* Order: records durable, their entries written, entries durable, snapshot. */
static void checkpoint_messages(store_t *s, bool (*again)(void *arg)) {
    checkpoint_state_t *c = &s->checkpoint;
    int64_t records = indexed_records(s), indexed = atomic_load_explicit(&s->messages.indexed_end, memory_order_acquire);
    if (c->index_lost || segmented_log_sync(&s->messages.segments) != APR_SUCCESS) return; /* a failed sync was reported where it counts */
    int64_t start = clock_mono_us();
    if (!consumer_logs_write_all(&s->index, again, s)) return;
    apr_status_t status = consumer_logs_sync(&s->index);
    store_metrics_time(s->options.metrics, "storeConsumerLogFlushTimer", start);
    if (status != APR_SUCCESS) {
        store_metrics_add(s->options.metrics, "consumerLogFlusherFlushFailed", 1);
        c->index_lost = true; /* nobody knows what of it is on the disk: the next start makes it anew */
        checkpoint_complain(s, "data sync of the consumer logs", status);
        return;
    }
    status = indexed == atomic_load(&c->message_offset) ? APR_SUCCESS : save_messages(s, indexed);
    if (status != APR_SUCCESS) {
        store_metrics_add(s->options.metrics, "consumerLogFlusherFlushFailed", 1);
        checkpoint_complain(s, "the checkpoint", status);
        return;
    }
    atomic_store(&c->message_offset, indexed);
    atomic_store(&c->records, records);
}

void checkpoint_run(store_t *s, bool (*again)(void *arg)) {
    checkpoint_state_t *c = &s->checkpoint;
    int64_t start = clock_mono_us();
    if (indexed_records(s) - atomic_load(&c->records) >= atomic_load(&c->interval))
        store_metrics_add(s->options.metrics, "consumerLogFlusherExceedCheckpointInterval", 1);
    checkpoint_messages(s, again);
    store_metrics_time(s->options.metrics, "consumerLogFlusherElapsedPerExecute", start);
    int64_t actions_start = clock_mono_us();
    if (again == NULL || checkpoint_actions_are_due(s)) {
        checkpoint_actions(s);
        store_metrics_time(s->options.metrics, "pullLogFlusherElapsedPerExecute", actions_start);
    }
    int64_t now = clock_mono_us();
    atomic_store(&c->took_us, now - start);
    atomic_store(&c->taken_us, now);
}
