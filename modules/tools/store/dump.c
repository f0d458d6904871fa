/* dump: one file of a store, whichever it is; its place and name say what it is. */
#include "tools/store/inspect.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "store/action_snapshot.h"
#include "store/index_entry.h"
#include "store/message_snapshot.h"
#include "store/pull_tablet.h"
#include "store/store.h"
#include "tools/store/dump.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_MOST ((size_t)1024 * 1024 * 1024)
#define ENTRIES_A_READ 4096

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* Small files, whole in memory. */

static void print_indexed(void *arg, view_t subject, int64_t sequence) {
    inspector_t *i = arg;
    if (i->json)
        inspector_print(i, json_pack("{s:o, s:I}", "subject", text_json(subject), "indexed", (json_int_t)sequence));
    else
        (void)fprintf(i->out, "%.*s: indexed up to %lld\n", VIEW_ARG(subject), (long long)sequence);
}

static void print_offset(inspector_t *i, int64_t offset) {
    if (i->json)
        inspector_print(i, json_pack("{s:I}", "offset", (json_int_t)offset));
    else
        (void)fprintf(i->out, "offset %lld\n", (long long)offset);
}

static bool dump_message_snapshot(inspector_t *i, view_t text) {
    int64_t offset = 0;
    if (!message_snapshot_read(text, &offset, NULL, NULL)) return false;
    print_offset(i, offset);
    return message_snapshot_read(text, &offset, print_indexed, i);
}

static void print_group(void *arg, view_t subject, view_t group, bool broadcast, int64_t pulled) {
    inspector_t *i = arg;
    if (i->json)
        inspector_print(i, json_pack("{s:o, s:o, s:b, s:I}", "subject", text_json(subject), "group", text_json(group), "broadcast",
                                     (int)broadcast, "last_pulled_message_sequence", (json_int_t)pulled));
    else
        (void)fprintf(i->out, "%.*s group %.*s%s: last pulled message %lld\n", VIEW_ARG(subject), VIEW_ARG(group),
                      broadcast ? " (broadcast)" : "", (long long)pulled);
}

static void print_consumer(void *arg, view_t consumer_id, int64_t pull, int64_t ack) {
    inspector_t *i = arg;
    if (i->json)
        inspector_print(i, json_pack("{s:o, s:I, s:I}", "consumer", text_json(consumer_id), "last_pulled", (json_int_t)pull, "last_acked",
                                     (json_int_t)ack));
    else
        (void)fprintf(i->out, "    consumer %.*s: last pulled %lld, last acknowledged %lld\n", VIEW_ARG(consumer_id), (long long)pull,
                      (long long)ack);
}

static bool dump_action_snapshot(inspector_t *i, view_t text) {
    int64_t offset = 0;
    if (!action_snapshot_read(text, &offset, NULL)) return false;
    print_offset(i, offset);
    action_snapshot_visitor_t visitor = {print_group, print_consumer, i};
    return action_snapshot_read(text, &offset, &visitor);
}

static void print_run(inspector_t *i, const tablet_run_t *run) {
    json_t *messages = json_array();
    for (int32_t k = 0; k < run->count; k++) (void)json_array_append_new(messages, json_integer(tablet_run_message(run, k)));
    if (i->json) {
        inspector_print(i, json_pack("{s:o, s:I, s:o}", "key", text_json(run->key), "pull", (json_int_t)run->pull, "messages", messages));
        return;
    }
    char *list = json_dumps(messages, JSON_COMPACT);
    (void)fprintf(i->out, "%.*s: pulls from %lld on, messages %s\n", VIEW_ARG(run->key), (long long)run->pull, list == NULL ? "" : list);
    free(list);
    json_decref(messages);
}

static bool dump_tablet(inspector_t *i, view_t bytes) {
    tablet_image_t image;
    tablet_run_t run;
    if (!tablet_image_open(&image, bytes.data, bytes.size)) return false;
    if (!i->json) (void)fprintf(i->out, "actions from %lld to %lld\n", (long long)image.begin, (long long)image.end);
    for (size_t at = 0; tablet_image_next(&image, &at, &run);) print_run(i, &run);
    return true;
}

static bool dump_text(inspector_t *i, view_t text) {
    (void)fwrite(text.data, 1, text.size, i->out);
    return true;
}

static int dump_small(inspector_t *i, bool (*dump)(inspector_t *i, view_t text)) {
    char *text = NULL;
    size_t size = 0;
    char cause[160];
    apr_status_t rv = file_read_all(i->argument, SMALL_MOST, &text, &size);
    bool good = rv == APR_SUCCESS && dump(i, view_make(text, size));
    if (!good)
        (void)fprintf(i->err, "%s: %s\n", i->argument,
                      rv == APR_SUCCESS ? "cut short or damaged; verify says what that means" : status_text(rv, cause, sizeof cause));
    memory_free(text);
    return good ? STORE_SOUND : rv == APR_SUCCESS ? STORE_DAMAGED : STORE_UNREADABLE;
}

static bool dump_pulls(inspector_t *i, view_t bytes) {
    int64_t base = 0;
    const char *slash = strrchr(i->argument, '/');
    return id_parse_i64(view_of(slash == NULL ? i->argument : slash + 1), &base) && dump_old_pulls(i, bytes, base);
}

/* A consumer log. */

static void print_entry(inspector_t *i, int64_t sequence, const index_entry_t *e) {
    if (i->json)
        inspector_print(i, json_pack("{s:I, s:I, s:I, s:I, s:I}", "sequence", (json_int_t)sequence, "time", (json_int_t)e->time_ms,
                                     "offset", (json_int_t)e->offset, "record_size", (json_int_t)e->record_size, "header_size",
                                     (json_int_t)e->header_size));
    else
        (void)fprintf(i->out, "%lld: offset %lld, %d bytes, header %d%s\n", (long long)sequence, (long long)e->offset, (int)e->record_size,
                      (int)e->header_size,
                      index_entry_is_sorted(e)  ? " (sorted table)"
                      : index_entry_is_blank(e) ? " (blank)"
                                                : "");
}

static bool is_zero(const uint8_t *bytes, size_t size) {
    while (size > 0 && bytes[size - 1] == 0) size--;
    return size == 0;
}

static apr_status_t dump_entries(inspector_t *i, file_t *f, int64_t base) {
    uint8_t bytes[ENTRIES_A_READ * INDEX_MOST_SIZE];
    size_t got = 0, zeros = 0;
    apr_status_t rv = file_read_at(f, bytes, 2, 0, &got);
    bool v2 = rv == APR_SUCCESS && got == 2 && bytes[0] == INDEX_V2_MAGIC >> 8 && bytes[1] == (INDEX_V2_MAGIC & 0xff);
    index_format_t format = v2 ? INDEX_V2 : INDEX_V1;
    size_t size = (size_t)format;
    for (int64_t position = 0; rv == APR_SUCCESS && zeros < 4; position += (int64_t)(ENTRIES_A_READ * size)) {
        rv = file_read_at(f, bytes, ENTRIES_A_READ * size, position, &got);
        if (rv != APR_SUCCESS || got < size) break;
        zeros = is_zero(bytes, got) ? zeros + 1 : 0;
        for (size_t k = 0; zeros == 0 && k < got / size; k++) {
            if (is_zero(bytes + k * size, size)) continue;
            index_entry_t e = index_entry_decode(format, bytes + k * size);
            print_entry(i, base / format + position / format + (int64_t)k, &e);
        }
    }
    return rv;
}

static int dump_index(inspector_t *i, int64_t base) {
    file_t *f = NULL;
    apr_status_t rv = file_open(&f, i->argument, IO_READ);
    if (rv == APR_SUCCESS) rv = dump_entries(i, f, base);
    (void)file_close(f); /* only read */
    char cause[160];
    if (rv != APR_SUCCESS) (void)fprintf(i->err, "%s: %s\n", i->argument, status_text(rv, cause, sizeof cause));
    return rv == APR_SUCCESS ? STORE_SOUND : STORE_UNREADABLE;
}

/* Segments of the two logs. */

typedef struct action_range {
    inspector_t *inspector;
    int64_t from, upto;
} action_range_t;

static void print_action(void *arg, int64_t end, const action_record_t *a) {
    static const char *const names[] = {"PULL", "RANGE_ACK", "FOREVER_OFFLINE"};
    const action_range_t *r = arg;
    inspector_t *i = r->inspector;
    if (end <= r->from || end > r->upto) return;
    const char *name = a->type <= ACTION_FOREVER_OFFLINE ? names[a->type] : "UNKNOWN";
    if (i->json)
        inspector_print(i,
                        json_pack("{s:s, s:o, s:o, s:o, s:I, s:b, s:[I,I], s:[I,I], s:I}", "action", name, "subject", text_json(a->subject),
                                  "group", text_json(a->group), "consumer", text_json(a->consumer_id), "time", (json_int_t)a->time_ms,
                                  "broadcast", (int)a->broadcast, "pulls", (json_int_t)a->first_pull, (json_int_t)a->last_pull, "messages",
                                  (json_int_t)a->first_message, (json_int_t)a->last_message, "end", (json_int_t)end));
    else
        (void)fprintf(i->out, "%s %.*s group %.*s consumer %.*s: pulls %lld-%lld, messages %lld-%lld\n", name, VIEW_ARG(a->subject),
                      VIEW_ARG(a->group), VIEW_ARG(a->consumer_id), (long long)a->first_pull, (long long)a->last_pull,
                      (long long)a->first_message, (long long)a->last_message);
}

static void start_segment(void *arg, int64_t offset) {
    (void)arg;
    (void)offset;
}

static apr_status_t dump_action_segment(inspector_t *i, int64_t base) {
    action_range_t r = {i, base, base + i->actions.segment_size};
    action_visitor_t visitor = {print_action, start_segment, &r};
    int64_t skipped = 0, records = 0;
    return action_replay(&i->actions, base, &visitor, &skipped, &records);
}

static int dump_segment(inspector_t *i, int64_t base, apr_status_t (*dump)(inspector_t *i, int64_t base)) {
    if (!inspector_open(i)) return STORE_UNREADABLE;
    return dump(i, base) == APR_SUCCESS ? STORE_SOUND : STORE_UNREADABLE;
}

/* The last directories of the file's path: what it is. */
static void directory_names(const char *path, char **parent, char **grand, char **root) {
    char *copy = memory_strdup(path);
    char *slash = strrchr(copy, '/');
    *parent = *grand = NULL;
    if (slash != NULL) *slash = 0;
    *root = memory_strdup(copy);
    char *last = strrchr(copy, '/');
    *parent = memory_strdup(last == NULL ? copy : last + 1);
    if (last != NULL) {
        *last = 0;
        char *before = strrchr(copy, '/');
        *grand = memory_strdup(before == NULL ? copy : before + 1);
        memory_free(*root);
        *root = memory_strdup(copy);
    }
    memory_free(copy);
}

static int dump_named(inspector_t *i, const char *name, const char *parent, const char *grand) {
    int64_t base = 0;
    bool is_base = id_parse_i64(view_of(name), &base);
    if (*name == '.') return dump_small(i, dump_text);
    if (strcmp(parent, "messagelog") == 0 && is_base) return dump_segment(i, base, dump_message_segment);
    if (strcmp(parent, "actionlog") == 0 && is_base) return dump_segment(i, base, dump_action_segment);
    if (grand != NULL && strcmp(grand, "consumerlog") == 0 && is_base) return dump_index(i, base);
    if (strcmp(parent, "smt") == 0 && is_base) return dump_small(i, dump_sorted_table);
    if (grand != NULL && is_base && strchr(parent, '@') != NULL) return dump_small(i, dump_pulls);
    if (starts_with(name, "message-checkpoint")) return dump_small(i, dump_message_snapshot);
    if (starts_with(name, "action-checkpoint")) return dump_small(i, dump_action_snapshot);
    if (strcmp(parent, "pulllog_smt") == 0) return dump_small(i, dump_tablet);
    (void)fprintf(i->err,
                  "%s is no file of a store that can be shown: name it with its directory, as in messagelog/00000000000000000000, "
                  "consumerlog/<subject>/00000000000000000000, checkpoint/action-checkpoint.<offset>, pulllog_smt/<offset>, smt/<offset>, "
                  "pulllog/<consumer>/<group>@<subject>/00000000000000000000\n",
                  i->argument);
    return STORE_USAGE;
}

int command_dump(inspector_t *i) {
    char *path = NULL, *parent, *grand;
    if (path_absolute(i->argument, NULL, &path) != APR_SUCCESS) return STORE_USAGE;
    memory_free(i->root);
    directory_names(path, &parent, &grand, &i->root);
    const char *slash = strrchr(path, '/');
    int code = dump_named(i, slash == NULL ? path : slash + 1, parent, grand);
    memory_free(parent);
    memory_free(grand);
    memory_free(path);
    return code;
}
