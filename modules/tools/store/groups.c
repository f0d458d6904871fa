/* groups: how far consumers are, by the latest sound snapshot and the actions behind it, as a start of the broker would find. */
#include "tools/store/inspect.h"

#include "base/memory.h"
#include "store/action_snapshot.h"
#include "store/group_progress.h"
#include "store/snapshot_files.h"

#include <string.h>

typedef struct progress_sight {
    inspector_t *inspector;
    subject_table_t subjects;
    group_progress_t progress;
    metrics_t *metrics;
    store_group_t *group; /* of the snapshot, while it is read */
    int64_t from;
} progress_sight_t;

static void restore_group(void *arg, view_t subject, view_t group, bool broadcast, int64_t pulled) {
    progress_sight_t *p = arg;
    store_subject_t *s = subject_table_get(&p->subjects, subject);
    p->group = s == NULL ? NULL : group_progress_restore(&p->progress, s, group, broadcast, pulled);
}

static void restore_consumer(void *arg, view_t consumer_id, int64_t pull, int64_t ack) {
    progress_sight_t *p = arg;
    if (p->group != NULL) group_progress_restore_consumer(p->group, consumer_id, pull, ack);
}

static bool use_version(progress_sight_t *p, const char *directory, int64_t version) {
    char *text = NULL;
    size_t size = 0;
    int64_t offset = -1;
    bool sound = snapshot_load(directory, SNAPSHOT_OF_ACTIONS, version, &text, &size) == APR_SUCCESS &&
                 action_snapshot_read(view_make(text, size), &offset, NULL) && offset == version &&
                 offset <= segmented_log_end(&p->inspector->actions);
    if (sound) {
        action_snapshot_visitor_t visitor = {restore_group, restore_consumer, p};
        (void)action_snapshot_read(view_make(text, size), &offset, &visitor); /* it was sound a moment ago */
        p->from = offset;
    }
    memory_free(text);
    return sound;
}

static void use_snapshot(progress_sight_t *p) {
    char *directory = memory_printf("%s/checkpoint", p->inspector->root);
    snapshot_versions_t versions;
    bool used = snapshot_versions_list(&versions, directory, SNAPSHOT_OF_ACTIONS) != APR_SUCCESS;
    for (size_t i = versions.count; !used && i > 0; i--) used = use_version(p, directory, versions.at[i - 1]);
    snapshot_versions_free(&versions);
    memory_free(directory);
}

static void apply(void *arg, int64_t end, const action_record_t *record) {
    progress_sight_t *p = arg;
    (void)end;
    store_subject_t *s = subject_table_get(&p->subjects, record->subject);
    store_group_t *g = s == NULL ? NULL : group_progress_get(&p->progress, s, record->group);
    if (g == NULL) return;
    store_action_t action = {(action_type_t)record->type, g,
                             record->consumer_id,         record->time_ms,
                             record->broadcast,           record->first_pull,
                             record->last_pull,           record->first_message,
                             record->last_message};
    group_progress_apply(&p->progress, &action);
}

static void start_segment(void *arg, int64_t offset) {
    progress_sight_t *p = arg;
    inspector_progress(p->inspector, "action log", offset, segmented_log_end(&p->inspector->actions));
}

/* Printing. */

typedef struct consumer_sight {
    inspector_t *inspector;
    json_t *list; /* with --json */
} consumer_sight_t;

static void print_consumer(void *arg, store_group_t *g, store_consumer_t *c) {
    consumer_sight_t *x = arg;
    (void)g;
    view_t id = name_view(c->id);
    if (x->list != NULL)
        (void)json_array_append_new(x->list, json_pack("{s:o, s:I, s:I}", "consumer", text_json(id), "last_pulled", (json_int_t)c->pull,
                                                       "last_acked", (json_int_t)c->ack));
    else
        (void)fprintf(x->inspector->out, "    consumer %.*s: last pulled %lld, last acknowledged %lld\n", VIEW_ARG(id), (long long)c->pull,
                      (long long)c->ack);
}

static void print_group(void *arg, store_group_t *g) {
    inspector_t *i = arg;
    view_t subject = subject_name(g->subject), group = name_view(g->name);
    consumer_sight_t x = {i, i->json ? json_array() : NULL};
    if (!i->json)
        (void)fprintf(i->out, "%.*s group %.*s%s: last pulled message %lld\n", VIEW_ARG(subject), VIEW_ARG(group),
                      g->broadcast ? " (broadcast)" : "", (long long)g->pulled);
    group_each_consumer(g, print_consumer, &x);
    if (i->json)
        inspector_print(i, json_pack("{s:o, s:o, s:b, s:I, s:o}", "subject", text_json(subject), "group", text_json(group), "broadcast",
                                     (int)g->broadcast, "last_pulled_message_sequence", (json_int_t)g->pulled, "consumers", x.list));
}

static void visit_subject(void *arg, store_subject_t *s) {
    progress_sight_t *p = arg;
    inspector_t *i = p->inspector;
    if (i->subject != NULL && !view_equal(subject_name(s), view_of(i->subject))) return;
    for (store_group_t *g = subject_groups(s); g != NULL; g = g->sibling) {
        if (g->known) group_progress_visit(g, print_group, i);
    }
}

int command_groups(inspector_t *i) {
    progress_sight_t *p = memory_zalloc(sizeof *p);
    p->inspector = i;
    p->metrics = metrics_create();
    subject_table_init(&p->subjects, NULL);
    group_progress_init(&p->progress, p->metrics);
    use_snapshot(p);
    action_visitor_t visitor = {apply, start_segment, p};
    int64_t skipped = 0, records = 0;
    apr_status_t rv = action_replay(&i->actions, p->from, &visitor, &skipped, &records);
    inspector_progress(i, NULL, 0, 0);
    subject_table_each(&p->subjects, visit_subject, p);
    group_progress_free(&p->progress);
    subject_table_free(&p->subjects);
    metrics_destroy(p->metrics);
    memory_free(p);
    return rv == APR_SUCCESS ? STORE_SOUND : STORE_UNREADABLE;
}
