/* verify: every file, and whether they fit each other. */
#include "tools/store/inspect.h"

#include "base/memory.h"
#include "base/table.h"

#include <string.h>

#define RECORDS_A_STEP 65536

void findings_add(findings_t *f, finding_t one) {
    /* Grows at powers of two. */
    if ((f->count & (f->count + 1)) == 0) f->items = memory_realloc(f->items, (2 * f->count + 1) * sizeof *f->items);
    f->items[f->count++] = one;
}

void findings_free(findings_t *f) {
    for (size_t k = 0; k < f->count; k++) {
        memory_free(f->items[k].file);
        memory_free(f->items[k].text);
    }
    memory_free(f->items);
}

void findings_print(inspector_t *i, const finding_t *one) {
    if (i->json) {
        json_t *line = json_pack("{s:s, s:s, s:s}", "kind", one->damage ? "damage" : "note", "file", one->file, "text", one->text);
        if (one->position >= 0) (void)json_object_set_new(line, "position", json_integer(one->position));
        if (one->size > 0) (void)json_object_set_new(line, "size", json_integer(one->size));
        if (one->repair != NULL) (void)json_object_set_new(line, "repair", json_string(one->repair));
        inspector_print(i, line);
        return;
    }
    (void)fprintf(i->out, "%s: %s", one->damage ? "damage" : "note", one->file);
    if (one->position >= 0) (void)fprintf(i->out, " byte %lld", (long long)one->position);
    (void)fprintf(i->out, ": %s", one->text);
    if (one->repair != NULL) (void)fprintf(i->out, "; repair --what %s", one->repair);
    (void)fprintf(i->out, "\n");
}

/* The message log. */

typedef struct subject_sight {
    int64_t last;
    size_t size;
    char name[];
} subject_sight_t;

typedef struct message_sight {
    inspector_t *inspector;
    findings_t *findings;
    table_t subjects;
} message_sight_t;

static view_t sight_name(const void *value) {
    const subject_sight_t *s = value;
    return view_make(s->name, s->size);
}

static subject_sight_t *sight_of(message_sight_t *m, view_t subject) {
    subject_sight_t *s = table_get(&m->subjects, subject);
    if (s != NULL) return s;
    s = memory_alloc(sizeof *s + subject.size);
    s->last = -1;
    s->size = subject.size;
    memcpy(s->name, subject.data, subject.size);
    table_put(&m->subjects, s);
    return s;
}

static void add_at(const message_sight_t *m, int64_t offset, int64_t size, bool damage, const char *repair, char *text) {
    segment_t *s = segmented_log_locate(&m->inspector->messages, offset);
    findings_add(m->findings, (finding_t){damage, repair, memory_strdup(s == NULL ? m->inspector->root : s->path),
                                          s == NULL ? -1 : offset - s->base, size, text});
    segment_release(s);
}

static bool see_message(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    message_sight_t *m = arg;
    subject_sight_t *s = sight_of(m, record->subject);
    if (s->last >= 0 && record->sequence != s->last + 1 && !hole)
        add_at(m, offset, 0, true, NULL,
               memory_printf("the sequence of subject %.*s goes from %lld to %lld", VIEW_ARG(record->subject), (long long)s->last,
                             (long long)record->sequence));
    s->last = record->sequence;
    if (++m->findings->records % RECORDS_A_STEP == 0)
        inspector_progress(m->inspector, "message log", offset, segmented_log_end(&m->inspector->messages));
    return true;
}

static void see_start(void *arg, int64_t offset) {
    (void)arg;
    (void)offset;
}

static void see_bad_crc(void *arg, const segment_t *s, int64_t offset) {
    message_sight_t *m = arg;
    (void)s;
    add_at(
        m, offset, 0, true, NULL,
        memory_strdup("the payload of a record is not what its checksum says; it is not delivered, unless it came so from the original"));
}

static void see_damage(void *arg, const segment_t *s, int64_t offset, int64_t size, const char *reason) {
    message_sight_t *m = arg;
    (void)s;
    bool tail = offset + size >= segmented_log_end(&m->inspector->messages);
    add_at(m, offset, size, true, tail ? "tail" : NULL,
           memory_printf(tail ? "a torn end: %s; the next start cuts it off" : "damaged: %s; the messages in it are lost", reason));
}

static void check_holes(inspector_t *i, const segmented_log_t *l, findings_t *f) {
    (void)i;
    for (size_t k = 1; k < l->count; k++) {
        int64_t missing = l->segments[k]->base - l->segments[k - 1]->base - l->segment_size;
        if (missing <= 0) continue;
        findings_add(f, (finding_t){true, NULL, memory_strdup(l->segments[k]->path), -1, missing,
                                    memory_printf("the segments in front of it, from offset %lld on, are missing",
                                                  (long long)(l->segments[k - 1]->base + l->segment_size))});
    }
}

static apr_status_t verify_messages(inspector_t *i, findings_t *f) {
    message_sight_t m = {.inspector = i, .findings = f};
    table_init(&m.subjects, sight_name);
    message_visitor_t visitor = {see_message, see_start, see_bad_crc, see_damage, &m};
    int64_t skipped = 0;
    check_holes(i, &i->messages, f);
    apr_status_t rv = message_replay(&i->messages, 0, &visitor, &skipped);
    f->subjects = (int64_t)m.subjects.count;
    size_t at = 0;
    void *s;
    while ((s = table_next(&m.subjects, &at)) != NULL) memory_free(s);
    table_free(&m.subjects);
    inspector_progress(i, NULL, 0, 0);
    return rv;
}

/* The action log. */

static void see_action(void *arg, int64_t end, const action_record_t *record) {
    (void)end;
    (void)record;
    ((findings_t *)arg)->actions++;
}

static apr_status_t verify_actions(inspector_t *i, findings_t *f) {
    action_visitor_t visitor = {see_action, see_start, f};
    int64_t skipped = 0, records = 0;
    segmented_log_t *l = &i->actions;
    check_holes(i, l, f);
    apr_status_t rv = action_replay(l, 0, &visitor, &skipped, &records);
    int64_t torn = segmented_log_end(l) - i->action_sound;
    const char *file = l->count == 0 ? i->root : l->segments[l->count - 1]->path;
    int64_t base = l->count == 0 ? 0 : l->segments[l->count - 1]->base;
    if (torn > 0)
        findings_add(f, (finding_t){true, skipped <= torn ? "tail" : NULL, memory_strdup(file), i->action_sound - base, torn,
                                    memory_strdup("a torn or damaged end of the action log; what no record can be made of is passed")});
    else if (skipped > 0)
        findings_add(f, (finding_t){true, NULL, memory_strdup(l->directory), -1, skipped,
                                    memory_strdup("damaged places in the action log; the progress in them is lost")});
    if (records > 0)
        findings_add(f,
                     (finding_t){true, NULL, memory_strdup(l->directory), -1, 0,
                                 memory_printf("%lld actions cannot be understood, maybe those of a later version", (long long)records)});
    return rv;
}

bool findings_make(inspector_t *i, findings_t *f) {
    *f = (findings_t){.items = NULL};
    if (verify_messages(i, f) != APR_SUCCESS || verify_actions(i, f) != APR_SUCCESS) {
        (void)fprintf(i->err, "the logs in %s cannot be read. See that this user may read them, and look at the disk\n", i->root);
        return false;
    }
    verify_index(i, f);
    verify_small_files(i, f);
    return true;
}

int command_verify(inspector_t *i) {
    findings_t f;
    if (!findings_make(i, &f)) {
        findings_free(&f);
        return STORE_UNREADABLE;
    }
    int64_t damages = 0;
    for (size_t k = 0; k < f.count; k++) {
        damages += f.items[k].damage;
        findings_print(i, &f.items[k]);
    }
    if (i->json)
        inspector_print(i, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "kind", "summary", "messages", (json_int_t)f.records,
                                     "subjects", (json_int_t)f.subjects, "actions", (json_int_t)f.actions, "index_entries",
                                     (json_int_t)f.entries, "message_log_end", (json_int_t)i->message_sound, "action_log_end",
                                     (json_int_t)i->action_sound, "damages", (json_int_t)damages, "notes",
                                     (json_int_t)f.count - (json_int_t)damages));
    else
        (void)fprintf(
            i->out, "%lld messages of %lld subjects up to offset %lld, %lld actions up to offset %lld, %lld index entries: %lld damages\n",
            (long long)f.records, (long long)f.subjects, (long long)i->message_sound, (long long)f.actions, (long long)i->action_sound,
            (long long)f.entries, (long long)damages);
    findings_free(&f);
    return damages == 0 ? STORE_SOUND : STORE_DAMAGED;
}
