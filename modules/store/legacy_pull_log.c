#include "store/legacy_pull_log.h"

#include "base/cursor.h"
#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"

#define ENTRY_SIZE 8
#define SEGMENT_SIZE ((int64_t)80000000)
#define SEGMENT_ENTRIES (SEGMENT_SIZE / ENTRY_SIZE)
/* Entries read at once. */
#define READ_ENTRIES 512

void legacy_pull_logs_init(legacy_pull_logs_t *l, char *root, const log_t *log) {
    path_info_t info;
    l->root = root;
    l->log = log;
    l->is_there = path_inspect(root, &info) == APR_SUCCESS && info.kind == PATH_DIRECTORY;
}

void legacy_pull_logs_free(legacy_pull_logs_t *l) {
    memory_free(l->root);
    memset(l, 0, sizeof *l);
}

/* Entries [from, from + count) of one file; false when they cannot be read. What is not there is -1. */
static bool read_entries(const char *directory, int64_t from, size_t count, int64_t *to) {
    char *path = memory_printf("%s/%020lld", directory, (long long)(from / SEGMENT_ENTRIES * SEGMENT_SIZE));
    file_t *f = NULL;
    uint8_t encoded[READ_ENTRIES * ENTRY_SIZE];
    size_t got = 0;
    apr_status_t status = file_open(&f, path, IO_READ);
    if (status == APR_SUCCESS) status = file_read_at(f, encoded, count * ENTRY_SIZE, from % SEGMENT_ENTRIES * ENTRY_SIZE, &got);
    (void)file_close(f); /* only read */
    memory_free(path);
    cursor_t c = cursor_make(encoded, got);
    for (size_t i = 0; i < count; i++) to[i] = i < got / ENTRY_SIZE ? cursor_i64(&c) : -1;
    return status == APR_SUCCESS;
}

/* Zeros behind the end of a sparse file look like message 0: a sequence that does not grow is none. */
static bool is_next(int64_t message, int64_t before) {
    return message >= 0 && message > before;
}

void legacy_pull_logs_fill(const legacy_pull_logs_t *l, const store_group_t *g, store_consumer_t *c) {
    if (!l->is_there) return;
    char *directory = memory_printf("%s/%.*s/%.*s@%.*s", l->root, VIEW_ARG(name_view(c->id)), VIEW_ARG(store_group_name(g)),
                                    VIEW_ARG(store_group_subject(g)));
    int64_t messages[READ_ENTRIES], before = -1;
    for (int64_t pull = c->ack + 1; pull <= c->pull;) {
        int64_t count = c->pull - pull + 1, in_file = SEGMENT_ENTRIES - pull % SEGMENT_ENTRIES;
        if (count > READ_ENTRIES) count = READ_ENTRIES;
        if (count > in_file) count = in_file;
        if (!read_entries(directory, pull, (size_t)count, messages)) break;
        for (int64_t i = 0; i < count; i++) {
            if (!is_next(messages[i], before)) continue;
            pull_log_fill(&c->pulled, pull + i, pull + i, messages[i]);
            before = messages[i];
        }
        pull += count;
    }
    memory_free(directory);
}

/* Cleaning. */

typedef struct cleaning {
    const legacy_pull_logs_t *logs;
    subject_table_t *subjects;
    group_progress_t *progress;
    const char *consumer;
    const char *directory; /* of the consumer, then of its log */
    int64_t keep_from;     /* files that end at or below this entry go; INT64_MAX: all */
    int64_t last;          /* base of the last file */
} cleaning_t;

typedef struct position {
    view_t consumer_id;
    int64_t ack;
    bool found;
} position_t;

static void find_position(void *arg, store_group_t *g) {
    position_t *p = arg;
    const store_consumer_t *c = group_consumer(g, p->consumer_id);
    p->found = c != NULL;
    p->ack = c == NULL ? -1 : c->ack;
}

/* Entry up to which a log can go: all of it when its consumer is not known any more. */
static int64_t needed_from(const cleaning_t *c, const char *name) {
    const char *at = strchr(name, '@');
    const char *end = at == NULL ? NULL : strchr(at + 1, '@');
    position_t p = {view_of(c->consumer), -1, false};
    if (at == NULL) return -1;
    view_t subject = end == NULL ? view_of(at + 1) : view_make(at + 1, (size_t)(end - at - 1));
    const store_subject_t *s = subject_table_find(c->subjects, subject);
    store_group_t *g = s == NULL ? NULL : group_progress_find(c->progress, s, view_make(name, (size_t)(at - name)));
    if (g != NULL) group_progress_visit(g, find_position, &p);
    return p.found ? p.ack : INT64_MAX;
}

static bool is_file(const char *name, int64_t *base) {
    return name[0] != '.' && id_parse_i64(view_of(name), base) && *base >= 0 && *base % SEGMENT_SIZE == 0;
}

static apr_status_t note_last(void *arg, const char *name) {
    cleaning_t *c = arg;
    int64_t base = 0;
    if (is_file(name, &base) && base > c->last) c->last = base;
    return APR_SUCCESS;
}

static apr_status_t clean_file(void *arg, const char *name) {
    cleaning_t *c = arg;
    int64_t base = 0;
    bool gone = c->keep_from == INT64_MAX;
    if (!gone) gone = is_file(name, &base) && base < c->last && (base + SEGMENT_SIZE) / ENTRY_SIZE < c->keep_from;
    if (!gone) return APR_SUCCESS;
    char *path = memory_printf("%s/%s", c->directory, name);
    apr_status_t status = path_remove(path);
    memory_free(path);
    return status;
}

static apr_status_t clean_log(void *arg, const char *name) {
    cleaning_t *outer = arg, c = *outer;
    c.keep_from = needed_from(outer, name);
    char *directory = memory_printf("%s/%s", outer->directory, name);
    c.directory = directory;
    c.last = -1;
    apr_status_t status = c.keep_from < 0 ? APR_ENOTDIR : directory_list(directory, note_last, &c);
    if (status == APR_SUCCESS) status = directory_list(directory, clean_file, &c);
    if (status == APR_SUCCESS && c.keep_from == INT64_MAX) (void)path_remove(directory);
    memory_free(directory);
    return APR_SUCCESS; /* what cannot be deleted stays and is tried again */
}

static apr_status_t clean_consumer(void *arg, const char *name) {
    const cleaning_t *outer = arg;
    char *directory = memory_printf("%s/%s", outer->logs->root, name);
    cleaning_t c = *outer;
    c.consumer = name;
    c.directory = directory;
    if (directory_list(directory, clean_log, &c) == APR_SUCCESS) (void)path_remove(directory); /* fails while there is something in it */
    memory_free(directory);
    return APR_SUCCESS;
}

void legacy_pull_logs_clean(const legacy_pull_logs_t *l, subject_table_t *subjects, group_progress_t *progress) {
    if (!l->is_there) return;
    cleaning_t c = {.logs = l, .subjects = subjects, .progress = progress};
    apr_status_t status = directory_list(l->root, clean_consumer, &c);
    char text[160];
    if (status != APR_SUCCESS) log_warn(l->log, "cannot read %s: %s", l->root, status_text(status, text, sizeof text));
}
