#include "store/store.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "store/checkpoint.h"
#include "store/positions.h"
#include "store/snapshot_files.h"
#include "store/store_metrics.h"

#define DEFAULT_MESSAGE_SEGMENT ((int64_t)1073741824)
#define DEFAULT_ACTION_SEGMENT ((int64_t)104857600)
#define DEFAULT_SYNC_PERIOD_US 500000
#define DEFAULT_HOT_WINDOW ((int64_t)256 * 1024 * 1024)
#define DEFAULT_MIN_FREE ((int64_t)16 * 1024 * 1024)
#define DEFAULT_OPEN_FILES 1024
#define DEFAULT_RETENTION_MS INT64_C(259200000)
#define DEFAULT_RETENTION_CHECK_US INT64_C(60000000)
#define DEFAULT_SCRUB_RATE ((int64_t)4 * 1024 * 1024)
#define DEFAULT_SCRUB_PAUSE_US INT64_C(3600000000)
#define DEFAULT_CHECKPOINT_RECORDS 10000
#define DEFAULT_SNAPSHOTS_KEPT 5
/* Tails that did not fill a chunk are written this often; one that got nothing in between leaves the memory. */
#define DEFAULT_INDEX_PERIOD_US 5000000

/* Writing behind works this long and then pauses as long. */
#define WRITE_SLICE_US 2000
#define WRITE_PAUSE_US 2000

static int64_t or_default(int64_t value, int64_t fallback) {
    return value > 0 ? value : fallback;
}

static store_retention_t complete_retention(const store_retention_t *given) {
    store_retention_t r = *given;
    r.message_ms = or_default(r.message_ms, DEFAULT_RETENTION_MS);
    r.action_ms = or_default(r.action_ms, DEFAULT_RETENTION_MS);
    r.check_period_us = or_default(r.check_period_us, DEFAULT_RETENTION_CHECK_US);
    return r;
}

static store_options_t complete_options(const store_options_t *given) {
    store_options_t o = *given;
    o.message_segment_size = or_default(o.message_segment_size, DEFAULT_MESSAGE_SEGMENT);
    o.action_segment_size = or_default(o.action_segment_size, DEFAULT_ACTION_SEGMENT);
    o.sync_period_us = or_default(o.sync_period_us, DEFAULT_SYNC_PERIOD_US);
    o.index_period_us = or_default(o.index_period_us, DEFAULT_INDEX_PERIOD_US);
    o.hot_window = or_default(o.hot_window, DEFAULT_HOT_WINDOW);
    o.min_free_bytes = or_default(o.min_free_bytes, DEFAULT_MIN_FREE);
    o.checkpoint_records = or_default(o.checkpoint_records, DEFAULT_CHECKPOINT_RECORDS);
    o.snapshots_kept = (int)or_default(o.snapshots_kept, DEFAULT_SNAPSHOTS_KEPT);
    if (o.scrub_bytes_per_second == 0) o.scrub_bytes_per_second = DEFAULT_SCRUB_RATE;
    o.scrub_pause_us = or_default(o.scrub_pause_us, DEFAULT_SCRUB_PAUSE_US);
    o.retention = complete_retention(&o.retention);
    o.max_open_files = (int)or_default(o.max_open_files, DEFAULT_OPEN_FILES);
    return o;
}

static char *path_in(const store_t *s, const char *name) {
    return memory_printf("%s/%s", s->root, name);
}

/* Directories of parts that are not filled yet, so that the tree is the one every version expects. */
static apr_status_t create_directories(store_t *s, qmq_error_t **error) {
    static const char *const names[] = {"pulllog_smt", "smt", "checkpoint"};
    apr_status_t status = APR_SUCCESS;
    for (size_t i = 0; status == APR_SUCCESS && i < sizeof names / sizeof names[0]; i++) {
        char *path = path_in(s, names[i]);
        status = directory_create(path);
        char text[160];
        if (status != APR_SUCCESS) {
            *error = error_create(status, "Give this user the right to write to its parent", "cannot create the directory %s: %s", path,
                                  status_text(status, text, sizeof text));
        }
        memory_free(path);
    }
    return status;
}

static apr_status_t create_root(store_t *s, qmq_error_t **error) {
    apr_status_t status = directory_create(s->root);
    if (status == APR_SUCCESS) return APR_SUCCESS;
    char text[160];
    *error = error_create(status, "Give this user the right to write to its parent, or configure another store.root",
                          "cannot create the store's directory %s: %s", s->root, status_text(status, text, sizeof text));
    return status;
}

static apr_status_t open_logs(store_t *s, qmq_error_t **error) {
    const store_options_t *o = &s->options;
    apr_status_t status =
        segmented_log_open(&s->messages.segments, "message log", path_in(s, "messagelog"), o->message_segment_size, o->log, error);
    if (status == APR_SUCCESS)
        status = segmented_log_open(&s->actions.segments, "action log", path_in(s, "actionlog"), o->action_segment_size, o->log, error);
    if (status == APR_SUCCESS) status = sorted_tables_open(&s->sorted, path_in(s, "smt"), o->log, error);
    if (status == APR_SUCCESS) status = consumer_logs_detect(&s->index, o->index_v2 ? INDEX_V2 : INDEX_V1, error);
    return status;
}

/* Best effort: a marker that stays behind costs the next start time, nothing else. */
static void write_marker(store_t *s, bool clean, bool durable) {
    marker_t m = {.clean = clean, .own_from = s->own_from};
    if (s->marker == NULL) return; /* the disk was full when it was to be made */
    if (marker_point_take(&s->messages.segments, atomic_load(&s->messages.segments.synced), &m.messages) != APR_SUCCESS ||
        marker_point_take(&s->actions.segments, atomic_load(&s->actions.segments.synced), &m.actions) != APR_SUCCESS)
        return;
    /* Durable at least once a segment: below that offset nothing may be missing (recovery.c). */
    int64_t segments = m.messages.offset / s->options.message_segment_size + m.actions.offset / s->options.action_segment_size;
    bool sync = durable || segments != s->marked_segments;
    if (marker_write(s->marker, &m, sync) == APR_SUCCESS && sync) s->marked_segments = segments;
}

static void logs_synced(void *arg) {
    store_t *s = arg;
    int64_t synced = atomic_load(&s->messages.segments.synced) + atomic_load(&s->actions.segments.synced);
    if (synced != s->marked) write_marker(s, false, false);
    s->marked = synced;
    if (consumer_logs_have_full(&s->index) || checkpoint_is_due(s) || checkpoint_actions_are_due(s) ||
        (s->legacy.is_there && atomic_load(&s->progress.offline)))
        periodic_trigger(s->writer);
}

/* Writing behind leaves the disk and its journal to the appends every now and then, however many files there are to make. */
static bool goes_on(void *arg) {
    store_t *s = arg;
    int64_t now = clock_mono_us();
    positions_save_awaited(s);
    if (now - s->slice_us < WRITE_SLICE_US) return !atomic_load(&s->closing);
    mutex_lock(&s->pause_lock);
    if (!atomic_load(&s->closing)) (void)condition_wait_us(&s->pause, &s->pause_lock, WRITE_PAUSE_US);
    mutex_unlock(&s->pause_lock);
    s->slice_us = clock_mono_us();
    return !atomic_load(&s->closing);
}

static void write_behind(void *arg) {
    store_t *s = arg;
    positions_save_awaited(s);
    consumer_logs_write_full(&s->index);
    int64_t now = clock_mono_us();
    if (atomic_exchange(&s->progress.offline, false)) legacy_pull_logs_clean(&s->legacy, &s->subjects, &s->progress);
    if (checkpoint_is_due(s) || checkpoint_actions_are_due(s)) {
        checkpoint_run(s, goes_on);
    } else if (now >= s->next_write_us) {
        (void)consumer_logs_write_all(&s->index, goes_on, s); /* what failed is reported and stays in memory */
    } else {
        return;
    }
    s->next_write_us = now + s->options.index_period_us;
}

static apr_status_t start_threads(store_t *s, qmq_error_t **error) {
    checkpoint_start(s);
    apr_status_t status = space_start(&s->space);
    if (status == APR_SUCCESS) status = message_log_start(&s->messages, &s->subjects, &s->index, &s->space);
    if (status == APR_SUCCESS) status = action_log_start(&s->actions, &s->progress, &s->space);
    if (status == APR_SUCCESS) {
        /* What was kept because it looked durable is so from now on; a failure is found again by the next sync. */
        if (s->keeps_doubtful) (void)(segmented_log_sync(&s->messages.segments) || segmented_log_sync(&s->actions.segments));
        checkpoint_settle(s);
        write_marker(s, false, true); /* "closed in order" must be gone before the first append, and who wrote what must be known */
    }
    if (status == APR_SUCCESS) status = periodic_start(&s->writer, "store-index", s->options.index_period_us, write_behind, s);
    if (status == APR_SUCCESS) status = syncer_start(&s->syncer, logs_synced, s);
    if (status == APR_SUCCESS) {
        status = scrub_start(&s->scrub, &s->messages.segments, &s->damage, s->own_from, s->options.scrub_bytes_per_second,
                             s->options.scrub_pause_us);
    }
    if (status == APR_SUCCESS) status = retention_start(&s->retention, s);
    char text[160];
    if (status != APR_SUCCESS) {
        *error = error_create(status, "Raise the limit of processes and threads of this user", "cannot start the threads of the store: %s",
                              status_text(status, text, sizeof text));
    }
    return status;
}

/* Also removes what checkpoints that were killed left behind. */
static apr_status_t open_marker(store_t *s, qmq_error_t **error) {
    apr_status_t status = snapshot_delete_temporaries(s->checkpoints);
    s->taken_over = !marker_exists(s->root);
    if (status == APR_SUCCESS) status = marker_open(&s->marker, s->root);
    if (APR_STATUS_IS_ENOSPC(status)) status = APR_SUCCESS;
    char text[160];
    if (status != APR_SUCCESS) {
        *error = error_create(status, "Make the store's files and directories writable for this user", "cannot write in %s: %s", s->root,
                              status_text(status, text, sizeof text));
    }
    return status;
}

/* Nothing in the store is durable before its directories are. */
static apr_status_t sync_names(store_t *s, qmq_error_t **error) {
    const char *slash = strrchr(s->root, '/');
    char *parent = memory_strndup(s->root, slash == NULL || slash == s->root ? 1 : (size_t)(slash - s->root));
    apr_status_t status = directory_sync(s->root);
    (void)directory_sync(parent); /* may belong to somebody else, who has made it durable */
    memory_free(parent);
    char text[160];
    if (status != APR_SUCCESS) {
        *error = error_create(status, "Look at the disk", "cannot make the directory %s durable: %s", s->root,
                              status_text(status, text, sizeof text));
    }
    return status;
}

static apr_status_t open_all(store_t *s, qmq_error_t **error) {
    apr_status_t status = create_root(s, error);
    if (status == APR_SUCCESS) status = store_lock(s->root, &s->lock, error);
    if (status == APR_SUCCESS) space_prepare(&s->space);
    if (status == APR_SUCCESS) status = create_directories(s, error);
    if (status == APR_SUCCESS) status = open_logs(s, error);
    if (status == APR_SUCCESS) status = open_marker(s, error);
    if (status == APR_SUCCESS) status = sync_names(s, error);
    if (status == APR_SUCCESS) status = store_recover(s, error);
    if (status == APR_SUCCESS) status = start_threads(s, error);
    return status;
}

static void free_all(store_t *s) {
    consumer_logs_free(&s->index, &s->subjects);
    group_progress_free(&s->progress);
    pull_tablets_free(&s->tablets);
    legacy_pull_logs_free(&s->legacy);
    subject_table_free(&s->subjects);
    segmented_log_close(&s->messages.segments);
    segmented_log_close(&s->actions.segments);
    sorted_tables_close(&s->sorted);
    mutex_destroy(&s->syncer.lock);
    mutex_destroy(&s->pause_lock);
    mutex_destroy(&s->positions_lock);
    condition_destroy(&s->pause);
    damage_free(&s->damage);
    index_mender_free(&s->mender);
    (void)file_close(s->marker); /* a cache */
    (void)file_close(s->lock);   /* gives the lock up */
    memory_free(s->checkpoints);
    memory_free(s->root);
    memory_free(s);
}

static void stop_threads(store_t *s) {
    mutex_lock(&s->pause_lock);
    atomic_store(&s->closing, true);
    condition_broadcast(&s->pause);
    mutex_unlock(&s->pause_lock);
    scrub_stop(&s->scrub);
    retention_stop(&s->retention);
    message_log_stop(&s->messages);
    action_log_stop(&s->actions);
    syncer_stop(&s->syncer);
    periodic_stop(s->writer);
    space_stop(&s->space);
}

apr_status_t store_open(store_t **out, const store_options_t *options, qmq_error_t **error) {
    store_t *s = memory_zalloc(sizeof *s);
    *out = NULL;
    *error = NULL;
    s->options = complete_options(options);
    s->root = memory_strdup(options->root);
    s->options.root = s->root;
    store_set_checkpoints(s, s->options.checkpoint_records, s->options.snapshots_kept);
    s->checkpoints = path_in(s, "checkpoint");
    pull_tablets_init(&s->tablets, path_in(s, "pulllog_smt"), options->log);
    legacy_pull_logs_init(&s->legacy, path_in(s, "pulllog"), options->log);
    store_metrics_create(options->metrics);
    s->memory_hits = metrics_counter(options->metrics, "memtable_hits_count", METRIC_NO_LABELS);
    damage_init(&s->damage, options->log, options->metrics);
    index_mender_init(&s->mender);
    mutex_init(&s->positions_lock);
    mutex_init(&s->pause_lock);
    condition_init(&s->pause);
    subject_table_init(&s->subjects, &s->index);
    group_progress_init(&s->progress, options->metrics);
    consumer_logs_init(&s->index, path_in(s, "consumerlog"), &s->messages.segments, &s->sorted, s->options.max_open_files, options->log);
    s->index.metrics = options->metrics;
    space_init(&s->space, &s->options, s->root, &s->messages.segments, &s->actions.segments);
    syncer_init(&s->syncer, &s->messages.segments, &s->actions.segments, &s->space, &s->options);
    s->next_write_us = clock_mono_us() + s->options.index_period_us;
    apr_status_t status = open_all(s, error);
    if (status == APR_SUCCESS) {
        *out = s;
        return APR_SUCCESS;
    }
    stop_threads(s);
    free_all(s);
    return status;
}

void store_close(store_t *s) {
    if (s == NULL) return;
    stop_threads(s);
    bool durable = store_sync(s) == APR_SUCCESS; /* reported inside */
    positions_save_awaited(s);
    checkpoint_run(s, NULL);
    if (durable) write_marker(s, true, true);
    free_all(s);
}

apr_status_t store_sync(store_t *s) {
    return syncer_sync_all(&s->syncer);
}

/* Subjects. */

store_subject_t *store_subject_find(store_t *s, view_t name) {
    return subject_table_find(&s->subjects, name);
}

store_subject_t *store_subject_get(store_t *s, view_t name) {
    return subject_table_get(&s->subjects, name);
}

view_t store_subject_name(const store_subject_t *subject) {
    return subject_name(subject);
}

bool store_subject_bounds(store_subject_t *subject, int64_t *min, int64_t *next) {
    return consumer_log_bounds(subject->index, subject, min, next);
}

void *store_subject_user(const store_subject_t *subject) {
    return atomic_load(&subject->user);
}

void *store_subject_set_user(store_subject_t *subject, void *user) {
    void *present = NULL;
    return atomic_compare_exchange_strong(&subject->user, &present, user) ? user : present;
}

typedef struct subject_walk {
    store_t *store;
    void (*visit)(void *arg, store_subject_t *subject);
    void *arg;
} subject_walk_t;

static void visit_subject(void *arg, store_subject_t *subject) {
    subject_walk_t *walk = arg;
    int64_t min = 0, next = 0;
    if (consumer_log_bounds(&walk->store->index, subject, &min, &next)) walk->visit(walk->arg, subject);
}

void store_subjects(store_t *s, void (*visit)(void *arg, store_subject_t *subject), void *arg) {
    subject_walk_t walk = {s, visit, arg};
    subject_table_each(&s->subjects, visit_subject, &walk);
}

/* Appending. */

void store_append(store_t *s, store_batch_t *batch) {
    message_log_append(&s->messages, batch);
}

void store_append_actions(store_t *s, store_action_batch_t *batch) {
    action_log_append(&s->actions, batch);
}

void store_await_message_sync(store_t *s, store_sync_waiter_t *w) {
    syncer_await(&s->syncer, SPACE_MESSAGES, w);
}

void store_await_action_sync(store_t *s, store_sync_waiter_t *w) {
    syncer_await(&s->syncer, SPACE_ACTIONS, w);
}

bool store_is_writable(store_t *s, const char **reason) {
    return space_is_writable(&s->space, reason);
}

int64_t store_message_end(store_t *s) {
    return segmented_log_end(&s->messages.segments);
}

int64_t store_action_end(store_t *s) {
    return segmented_log_end(&s->actions.segments);
}

int64_t store_message_min(store_t *s) {
    return segmented_log_min(&s->messages.segments);
}

int64_t store_action_min(store_t *s) {
    return segmented_log_min(&s->actions.segments);
}

/* Groups. */

store_group_t *store_group_get(store_t *s, view_t subject, view_t group) {
    store_subject_t *of = subject_table_get(&s->subjects, subject);
    return of == NULL ? NULL : group_progress_get(&s->progress, of, group);
}

store_group_t *store_group_find(store_t *s, view_t subject, view_t group) {
    const store_subject_t *of = subject_table_find(&s->subjects, subject);
    return of == NULL ? NULL : group_progress_find(&s->progress, of, group);
}

typedef struct group_walk {
    void (*visit)(void *arg, store_group_t *g);
    void *arg;
} group_walk_t;

static void visit_group(void *arg, named_t *thing) {
    group_walk_t *walk = arg;
    store_group_t *g = (store_group_t *)thing;
    int64_t pulled = 0;
    if (store_group_pulled(g, &pulled)) walk->visit(walk->arg, g);
}

void store_group_move(store_group_t *g, int64_t next) {
    group_progress_move(g, next);
}

void store_await_positions(store_t *s, store_sync_waiter_t *w) {
    mutex_lock(&s->positions_lock);
    w->next = s->position_waiters;
    s->position_waiters = w;
    mutex_unlock(&s->positions_lock);
    periodic_trigger(s->writer);
}

void store_groups(store_t *s, void (*visit)(void *arg, store_group_t *g), void *arg) {
    group_walk_t walk = {visit, arg};
    name_table_each(&s->progress.groups, visit_group, &walk);
}

void store_figures(store_t *s, store_figures_t *to) {
    memset(to, 0, sizeof *to);
    to->message_end = segmented_log_end(&s->messages.segments);
    to->message_synced = atomic_load(&s->messages.segments.synced);
    to->action_end = segmented_log_end(&s->actions.segments);
    to->message_indexed = atomic_load_explicit(&s->messages.indexed_end, memory_order_relaxed);
    to->action_applied = atomic_load_explicit(&s->actions.applied, memory_order_relaxed);
    to->action_synced = atomic_load(&s->actions.segments.synced);
    to->subjects = (int64_t)atomic_load(&s->subjects.names.count);
    to->groups = atomic_load(&s->progress.group_count);
    to->consumers = atomic_load(&s->progress.consumer_count);
    to->open_files =
        segmented_log_files(&s->messages.segments) + segmented_log_files(&s->actions.segments) + file_cache_count(s->index.files);
    to->mappings = segmented_log_mappings(&s->messages.segments);
    to->disk_min_free = atomic_load(&s->space.min_free);
    to->disk_full_in_seconds = atomic_load(&s->space.forecast.seconds);
    to->disk_available = space_available(&s->space);
    to->recovered_records = s->recovered_records;
    to->recovery_us = s->recovery_us;
    to->truncated_bytes = s->truncated_bytes;
    to->validated_bytes = s->validated_bytes;
    to->message_checkpoint = safe_points_message(&s->safe);
    to->action_checkpoint = safe_points_action(&s->safe);
    to->checkpoint_us = atomic_load(&s->checkpoint.took_us);
    to->skipped_records = s->skipped_records;
    damage_figures(&s->damage, &to->damaged_records, &to->taken_over_records, to->first_damage, sizeof to->first_damage);
    to->retention_deleted_bytes = atomic_load(&s->retention.deleted_bytes);
    to->retention_passes = atomic_load(&s->retention.passes);
    to->retention_unconsumed = atomic_load(&s->retention.unconsumed);
    to->scrub_walks = atomic_load(&s->scrub.walks);
    to->writable = space_is_writable(&s->space, NULL);
}
