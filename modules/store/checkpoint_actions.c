/* The checkpoint of groups and consumers: what was pulled since the last one and is not acknowledged goes into a tablet, then a snapshot
 * says how far everybody is. Both are taken while actions go on: an action of which they know already is applied again at the next start,
 * which changes nothing. */
#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "store/action_snapshot.h"
#include "store/checkpoint.h"
#include "store/positions.h"
#include "store/store_metrics.h"

/* Pulled and not acknowledged since the last tablet: 10 MiB of its values. */
#define MOST_UNTABLED (10 * 1024 * 1024 / 4)
#define LONGEST_US 600000000
/* What a start replays at most, about. */
#define MOST_LOG_BYTES (32 * 1024 * 1024)

static int64_t bytes_since(store_t *s) {
    return atomic_load(&s->actions.applied) - atomic_load(&s->checkpoint.action_offset);
}

static bool is_due_by_amount(store_t *s) {
    return bytes_since(s) >= MOST_LOG_BYTES || atomic_load(&s->progress.untabled) >= MOST_UNTABLED;
}

bool checkpoint_actions_are_due(store_t *s) {
    if (bytes_since(s) == 0) return false;
    return is_due_by_amount(s) || clock_mono_us() - atomic_load(&s->checkpoint.actions_taken_us) >= LONGEST_US;
}

/* The tablet. */

typedef struct tabling {
    store_t *store;
    pull_tablet_t *tablet;
    tablet_builder_t builder;
} tabling_t;

static void table_consumer(void *arg, store_group_t *g, store_consumer_t *c) {
    tabling_t *t = arg;
    pull_log_t pulled;
    if (t->store->checkpoint.table_all) {
        tablet_refs_drop(&c->tablets, INT64_MAX);
        c->tabled = -1;
    }
    pull_log_copy_after(&c->pulled, c->tabled > c->ack ? c->tabled : c->ack, &pulled);
    if (pulled.count > 0) {
        const pull_range_t *last = &pulled.ranges[pulled.first + pulled.count - 1];
        tablet_builder_add(&t->builder, name_view(c->id), store_group_name(g), store_group_subject(g), pulled.ranges + pulled.first,
                           pulled.count);
        tablet_refs_add(&c->tablets, t->tablet, last->pull + last->count - 1);
    }
    pull_log_free(&pulled);
    c->tabled = c->pull;
}

static void table_consumers(void *arg, store_group_t *g) {
    if (!g->broadcast) group_each_consumer(g, table_consumer, arg);
}

static void table_group(void *arg, named_t *thing) {
    group_progress_visit((store_group_t *)thing, table_consumers, arg);
}

/* The header says one byte less than the end, so that Java, which adds one, goes on at a record (storage.md 7.5). */
static apr_status_t save_tablet(tabling_t *t, int64_t end) {
    if (tablet_builder_is_empty(&t->builder)) return APR_SUCCESS;
    size_t size = 0;
    uint8_t *bytes = tablet_builder_finish(&t->builder, t->tablet->id, end - 1, &size);
    if (bytes == NULL) return QMQ_E_TOO_LONG;
    int64_t start = clock_mono_us();
    apr_status_t status = pull_tablets_save(&t->store->tablets, bytes, size);
    memory_free(bytes);
    if (status == APR_SUCCESS) store_metrics_add(t->store->options.metrics, "storePullLogFlushCount", 1);
    store_metrics_time(t->store->options.metrics, "storePullLogFlushTimer", start);
    return status;
}

/* Names lie between the end of the last tablet and that of this one, as Java expects them. */
static apr_status_t make_tablet(store_t *s, int64_t end) {
    checkpoint_state_t *c = &s->checkpoint;
    int64_t untabled = atomic_load(&s->progress.untabled);
    tabling_t t = {.store = s, .tablet = pull_tablets_add(&s->tablets, c->tabled_offset + 1)};
    tablet_builder_init(&t.builder);
    name_table_each(&s->progress.groups, table_group, &t);
    apr_status_t status = save_tablet(&t, end);
    tablet_builder_free(&t.builder);
    c->tabled_offset = end;
    c->table_all = c->table_all || status != APR_SUCCESS;
    if (status == APR_SUCCESS) atomic_fetch_sub(&s->progress.untabled, untabled);
    return status;
}

/* The snapshot. */

typedef struct snapshot_text {
    store_t *store;
    int64_t offset;
    text_file_t *to;
    store_group_t **groups; /* known ones of a subject */
    size_t count;
    size_t capacity;
} snapshot_text_t;

/* Such names cannot come from a client, and would break the text. */
static bool is_line(view_t name) {
    return !view_has(name, '/') && !view_has(name, '\n') && !view_has(name, '\r');
}

static void put_consumer(void *arg, store_group_t *g, store_consumer_t *c) {
    snapshot_text_t *t = arg;
    (void)g;
    if (is_line(name_view(c->id))) action_snapshot_put_consumer(t->to, name_view(c->id), c->pull, c->ack);
}

static void count_consumer(void *arg, store_group_t *g, store_consumer_t *c) {
    (void)g;
    *(int64_t *)arg += is_line(name_view(c->id));
}

static void put_group(void *arg, store_group_t *g) {
    snapshot_text_t *t = arg;
    int64_t consumers = 0;
    group_each_consumer(g, count_consumer, &consumers);
    action_snapshot_put_group(t->to, store_group_name(g), g->broadcast, g->pulled, consumers);
    group_each_consumer(g, put_consumer, t);
}

static void note_group(snapshot_text_t *t, store_group_t *g) {
    int64_t pulled = 0;
    if (!store_group_pulled(g, &pulled) || !is_line(store_group_name(g))) return;
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 64 : t->capacity * 2;
        t->groups = memory_realloc(t->groups, t->capacity * sizeof t->groups[0]);
    }
    t->groups[t->count++] = g;
}

static void put_subject(void *arg, store_subject_t *subject) {
    snapshot_text_t *t = arg;
    t->count = 0;
    for (store_group_t *g = subject_groups(subject); g != NULL; g = g->sibling) note_group(t, g);
    if (t->count == 0) return;
    action_snapshot_put_subject(t->to, subject_name(subject), (int64_t)t->count);
    for (size_t i = 0; i < t->count; i++) group_progress_visit(t->groups[i], put_group, t);
}

static void put_actions(void *arg, text_file_t *to) {
    snapshot_text_t *t = arg;
    t->to = to;
    action_snapshot_put_head(to, t->offset);
    subject_table_each(&t->store->subjects, put_subject, t);
}

static apr_status_t save_snapshot(store_t *s, int64_t offset) {
    snapshot_text_t t = {.store = s, .offset = offset};
    apr_status_t status = checkpoint_save(s, SNAPSHOT_OF_ACTIONS, offset, &s->checkpoint.stale_actions, put_actions, &t);
    memory_free(t.groups);
    if (status == APR_SUCCESS) safe_points_reach(&s->safe.action, offset);
    return status;
}

/* Order: actions durable, tablet and positions durable, snapshot; only then tablets go whose messages are all acknowledged. */
void checkpoint_actions(store_t *s) {
    checkpoint_state_t *c = &s->checkpoint;
    int64_t end = atomic_load_explicit(&s->actions.applied, memory_order_acquire);
    atomic_store(&c->actions_taken_us, clock_mono_us());
    if (is_due_by_amount(s)) store_metrics_add(s->options.metrics, "pullLogFlusherExceedCheckpointInterval", 1);
    if (end == atomic_load(&c->action_offset) || segmented_log_sync(&s->actions.segments) != APR_SUCCESS) return;
    bool all = c->table_all;
    for (size_t i = 0; all && i < s->tablets.count; i++) s->tablets.at[i]->superseded = true;
    apr_status_t status = make_tablet(s, end);
    if (status == APR_SUCCESS) status = positions_save(s);
    if (status == APR_SUCCESS) status = save_snapshot(s, end);
    if (status == APR_SUCCESS) {
        atomic_store(&c->action_offset, end);
        c->table_all = false;
        status = pull_tablets_clean(&s->tablets, true);
    }
    legacy_pull_logs_clean(&s->legacy, &s->subjects, &s->progress);
    if (status == APR_SUCCESS) return;
    store_metrics_add(s->options.metrics, "pullLogFlusherFlushFailed", 1);
    checkpoint_complain(s, "the checkpoint of groups and consumers", status);
}
