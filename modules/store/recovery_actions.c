/* Recovery of what groups and consumers did: the best snapshot, the actions behind it, and for what was pulled before and is not
 * acknowledged the tablets. Where the log still has the record of a pull it decides, then the youngest tablet, then the files of old
 * versions. */
#include "base/memory.h"
#include "base/status.h"
#include "store/action_replay.h"
#include "store/action_snapshot.h"
#include "store/log_check.h"
#include "store/positions.h"
#include "store/recovery.h"

#define BASE_PERCENT 90
#define SHARE_PERCENT 10

typedef struct actions_recovery {
    recovery_t *recovery;
    store_t *store;
    int64_t from;      /* offset of the snapshot used */
    int64_t positions; /* offset of the file of positions, -1: none */
    bool complete;     /* tablets and the log from there on are all that is needed */
    store_subject_t *subject;
    store_group_t *group; /* of the snapshot, while it is read */
    int64_t unknown;      /* consumers with pulls of which nobody knows the message */
} actions_recovery_t;

/* The snapshot. */

static void restore_group(void *arg, view_t subject, view_t group, bool broadcast, int64_t pulled) {
    actions_recovery_t *a = arg;
    store_subject_t *s = recovery_subject(a->recovery, subject);
    a->group = s == NULL ? NULL : group_progress_restore(&a->store->progress, s, group, broadcast, pulled);
}

static void restore_consumer(void *arg, view_t consumer_id, int64_t pull, int64_t ack) {
    actions_recovery_t *a = arg;
    if (a->group != NULL) group_progress_restore_consumer(a->group, consumer_id, pull, ack);
}

static bool try_version(actions_recovery_t *a, int64_t version) {
    store_t *s = a->store;
    char *text = NULL;
    size_t size = 0;
    int64_t offset = 0;
    apr_status_t status = snapshot_load(s->checkpoints, SNAPSHOT_OF_ACTIONS, version, &text, &size);
    bool sound = status == APR_SUCCESS && action_snapshot_read(view_make(text, size), &offset, NULL) && offset == version;
    if (!sound) {
        log_warn(s->options.log, "%s/%s.%020lld cannot be read and is ignored; an older one is used", s->checkpoints, SNAPSHOT_OF_ACTIONS,
                 (long long)version);
    }
    bool used = sound && log_may_end_snapshot(&s->actions.segments, offset, ACTION_MAGIC);
    if (used) {
        action_snapshot_visitor_t visitor = {restore_group, restore_consumer, a};
        a->from = offset;
        (void)action_snapshot_read(view_make(text, size), &offset, &visitor);
    }
    memory_free(text);
    return used;
}

static apr_status_t use_snapshot(actions_recovery_t *a) {
    snapshot_versions_t versions;
    apr_status_t status = snapshot_versions_list(&versions, a->store->checkpoints, SNAPSHOT_OF_ACTIONS);
    bool used = false;
    for (size_t i = versions.count; !used && i > 0; i--) used = try_version(a, versions.at[i - 1]);
    snapshot_versions_free(&versions);
    a->complete = used;
    return status;
}

/* The tablets. */

typedef enum tablet_origin { TABLET_OURS, TABLET_FOREIGN, TABLET_BEHIND } tablet_origin_t;

/* Our headers say one byte less than the end, those of Java the end itself. Java's runs can be shifted (storage.md 7.2): with one of those
 * the whole log is asked. TABLET_BEHIND: ours, written just before a snapshot that did not come to be. */
static tablet_origin_t origin_of(const actions_recovery_t *a, const tablet_image_t *image) {
    segmented_log_t *l = &a->store->actions.segments;
    if (image->end < segmented_log_min(l)) return TABLET_OURS; /* the log does not know better */
    if (image->end + 1 > segmented_log_end(l) || log_is_boundary(l, image->end, ACTION_MAGIC) ||
        !log_is_boundary(l, image->end + 1, ACTION_MAGIC))
        return TABLET_FOREIGN;
    return image->end + 1 > a->from ? TABLET_BEHIND : TABLET_OURS;
}

static apr_status_t look_at_tablets(actions_recovery_t *a) {
    pull_tablets_t *t = &a->store->tablets;
    apr_status_t status = pull_tablets_list(t);
    for (size_t i = t->count; status == APR_SUCCESS && i > 0; i--) {
        uint8_t *bytes = NULL;
        tablet_image_t image;
        status = pull_tablets_load(t, t->at[i - 1], &bytes, &image);
        if (status == QMQ_E_CORRUPT) {
            a->complete = false;
            status = pull_tablets_set_aside(t, i - 1);
        } else if (status == APR_SUCCESS) {
            tablet_origin_t origin = origin_of(a, &image);
            if (origin == TABLET_FOREIGN) a->complete = false;
            t->at[i - 1]->superseded = origin == TABLET_BEHIND;
        }
        memory_free(bytes);
    }
    for (size_t i = 0; !a->complete && i < t->count; i++) t->at[i]->superseded = false;
    return status;
}

/* The consumer of a run: group and subject are what is behind the last two @, unless names with @ say otherwise. */
static store_group_t *find_owner(store_t *s, view_t key, view_t *consumer_id) {
    for (size_t second = key.size; second-- > 0;) {
        if (key.data[second] != '@') continue;
        const store_subject_t *subject = subject_table_find(&s->subjects, view_make(key.data + second + 1, key.size - second - 1));
        for (size_t first = second; subject != NULL && first-- > 0;) {
            if (key.data[first] != '@') continue;
            view_t group = view_make(key.data + first + 1, second - first - 1);
            store_group_t *g = group_progress_find(&s->progress, subject, group);
            *consumer_id = view_make(key.data, first);
            if (g != NULL && group_consumer(g, *consumer_id) != NULL) return g;
        }
    }
    return NULL;
}

/* What of the run is pulled, not acknowledged and not known from the log. `complete`: only what was pulled before the snapshot can be
 * meant. */
static void fill_from_run(actions_recovery_t *a, pull_tablet_t *tablet, const tablet_run_t *run) {
    view_t id;
    store_group_t *g = find_owner(a->store, run->key, &id);
    store_consumer_t *c = g == NULL ? NULL : group_consumer(g, id);
    if (c == NULL || g->broadcast) return;
    int64_t upto = a->complete ? c->tabled : c->pull;
    int64_t first = run->pull > c->ack ? run->pull : c->ack + 1;
    int64_t last = run->pull + run->count - 1 < upto ? run->pull + run->count - 1 : upto;
    for (int64_t pull = first; pull <= last;) {
        int64_t message = tablet_run_message(run, (int32_t)(pull - run->pull)), n = 1;
        while (pull + n <= last && tablet_run_message(run, (int32_t)(pull + n - run->pull)) == message + n) n++;
        pull_log_fill(&c->pulled, pull, pull + n - 1, message);
        pull += n;
    }
    if (first <= last) tablet_refs_add(&c->tablets, tablet, last);
}

static apr_status_t fill_from_tablets(actions_recovery_t *a) {
    pull_tablets_t *t = &a->store->tablets;
    apr_status_t status = APR_SUCCESS;
    for (size_t i = t->count; status == APR_SUCCESS && i > 0; i--) {
        uint8_t *bytes = NULL;
        tablet_image_t image;
        tablet_run_t run;
        if (t->at[i - 1]->superseded) continue;
        status = pull_tablets_load(t, t->at[i - 1], &bytes, &image);
        for (size_t at = 0; status == APR_SUCCESS && tablet_image_next(&image, &at, &run);) fill_from_run(a, t->at[i - 1], &run);
        memory_free(bytes);
    }
    return status;
}

/* The records. */

static void action_progress(void *arg, int64_t offset) {
    actions_recovery_t *a = arg;
    recovery_tell(a->recovery, &a->store->actions.segments, offset, BASE_PERCENT, SHARE_PERCENT, "replaying the action log");
}

static void visit_action(void *arg, int64_t end, const action_record_t *record) {
    actions_recovery_t *a = arg;
    store_t *s = a->store;
    s->recovered_records++;
    store_subject_t *subject = recovery_subject(a->recovery, record->subject);
    store_group_t *group = subject == NULL ? NULL : group_progress_get(&s->progress, subject, record->group);
    if (group == NULL) {
        s->skipped_records++;
        return;
    }
    store_action_t action = {(action_type_t)record->type, group,
                             record->consumer_id,         record->time_ms,
                             record->broadcast,           record->first_pull,
                             record->last_pull,           record->first_message,
                             record->last_message};
    int64_t moved_to = group->moved_to;
    group_progress_apply(&s->progress, &action);
    if (end <= a->positions) group->moved_to = moved_to; /* in the file already */
}

static apr_status_t replay(actions_recovery_t *a, int64_t from) {
    store_t *s = a->store;
    action_visitor_t visitor = {visit_action, action_progress, a};
    return action_replay(&s->actions.segments, from, &visitor, &s->skipped_bytes, &s->skipped_records);
}

/* What nobody knows. */

static void check_consumer(void *arg, store_group_t *g, store_consumer_t *c) {
    actions_recovery_t *a = arg;
    if (pull_log_count_after(&c->pulled, c->ack) == c->pull - c->ack) return;
    legacy_pull_logs_fill(&a->store->legacy, g, c);
    a->unknown += pull_log_count_after(&c->pulled, c->ack) != c->pull - c->ack;
}

static void check_group(void *arg, named_t *thing) {
    store_group_t *g = (store_group_t *)thing;
    if (g->known && !g->broadcast) group_each_consumer(g, check_consumer, arg);
}

static int64_t count_unknown(actions_recovery_t *a) {
    a->unknown = 0;
    name_table_each(&a->store->progress.groups, check_group, a);
    return a->unknown;
}

/* From the snapshot, or when something is missing there from the front. */
static apr_status_t rebuild(actions_recovery_t *a) {
    store_t *s = a->store;
    bool whole = !a->complete || a->from < segmented_log_min(&s->actions.segments);
    apr_status_t status = replay(a, whole ? 0 : a->from);
    if (status == APR_SUCCESS) status = fill_from_tablets(a);
    if (status != APR_SUCCESS || count_unknown(a) == 0 || whole) return status;
    log_warn(s->options.log, "%lld consumers have pulled messages that no tablet names; the whole action log is replayed",
             (long long)a->unknown);
    a->complete = false;
    status = replay(a, 0);
    if (status == APR_SUCCESS) status = fill_from_tablets(a);
    (void)count_unknown(a);
    return status;
}

static apr_status_t settle(actions_recovery_t *a) {
    store_t *s = a->store;
    s->checkpoint.table_all = !a->complete;
    s->checkpoint.tabled_offset = a->complete ? a->from : segmented_log_end(&s->actions.segments);
    atomic_store(&s->checkpoint.action_offset, s->checkpoint.tabled_offset);
    atomic_store(&s->progress.moved, s->positions_written);
    if (a->complete) safe_points_reach(&s->safe.action, a->from);
    return a->complete ? pull_tablets_clean(&s->tablets, false) : APR_SUCCESS;
}

apr_status_t recover_actions(recovery_t *r) {
    actions_recovery_t a = {.recovery = r, .store = r->store};
    apr_status_t status = use_snapshot(&a);
    positions_load(r->store, &a.positions);
    if (status == APR_SUCCESS) status = look_at_tablets(&a);
    if (status == APR_SUCCESS) status = rebuild(&a);
    if (status == APR_SUCCESS) status = settle(&a);
    if (status != APR_SUCCESS) {
        char text[160];
        r->error = error_create(status, "Make the files readable and writable for this user",
                                "cannot make out the positions of groups and consumers from %s, pulllog_smt and checkpoint: %s",
                                r->store->actions.segments.directory, status_text(status, text, sizeof text));
    }
    return status;
}
