#include "store/positions.h"

#include "base/crc32.h"
#include "base/id.h"
#include "base/memory.h"
#include "base/writer.h"
#include "store/checkpoint.h"
#include "store/store_internal.h"

#include <stdio.h>

#define HEAD "qmq-positions 1"
#define CRC_WORD "crc "
#define MOST_BYTES ((size_t)1 << 30)

static bool read_head(view_t *rest, int64_t *offset) {
    view_t line;
    bool ended = false;
    return text_next_line(rest, &line, &ended) && view_equal(line, view_of(HEAD)) && text_next_line(rest, &line, &ended) &&
           id_parse_i64(line, offset) && *offset >= 0 && ended;
}

/* Subject and group of a line, of which the position was taken off. */
static bool split_names(view_t line, view_t *subject, view_t *group) {
    size_t slash = line.size;
    while (slash > 0 && line.data[slash - 1] != '/') slash--;
    if (slash < 2 || slash == line.size) return false;
    *subject = view_make(line.data, slash - 1);
    *group = view_make(line.data + slash, line.size - slash);
    return true;
}

static bool read_lines(view_t text, view_t rest, void (*visit)(void *arg, view_t subject, view_t group, int64_t next), void *arg) {
    view_t line, subject, group;
    bool ended = false;
    int64_t next = 0, crc = 0;
    for (;;) {
        size_t covered = text.size - rest.size;
        if (!text_next_line(&rest, &line, &ended) || !ended) return false;
        if (view_starts(line, view_of(CRC_WORD)) && !view_has(line, '/')) {
            size_t skip = strlen(CRC_WORD);
            return id_parse_i64(view_make(line.data + skip, line.size - skip), &crc) && crc == (int64_t)crc32_of(text.data, covered);
        }
        if (!text_take_number(&line, &next) || next < 0 || !split_names(line, &subject, &group)) return false;
        if (visit != NULL) visit(arg, subject, group, next);
    }
}

bool positions_read(view_t text, int64_t *offset, void (*visit)(void *arg, view_t subject, view_t group, int64_t next), void *arg) {
    view_t rest = text;
    if (!read_head(&rest, offset) || !read_lines(text, rest, NULL, NULL)) return false;
    return visit == NULL || read_lines(text, rest, visit, arg);
}

static char *path_of(const store_t *s) {
    return memory_printf("%s/%s", s->root, POSITIONS_NAME);
}

static void restore(void *arg, view_t subject, view_t group, int64_t next) {
    store_t *s = arg;
    store_subject_t *of = subject_table_get(&s->subjects, subject);
    store_group_t *g = of == NULL ? NULL : group_progress_get(&s->progress, of, group);
    if (g != NULL) g->moved_to = next;
}

void positions_load(store_t *s, int64_t *offset) {
    char *path = path_of(s), *text = NULL;
    size_t size = 0;
    *offset = -1;
    if (file_read_all(path, MOST_BYTES, &text, &size) == APR_SUCCESS) {
        bool sound = positions_read(view_make(text, size), offset, NULL, NULL);
        s->positions_written = true;
        if (sound && *offset <= segmented_log_end(&s->actions.segments)) {
            (void)positions_read(view_make(text, size), offset, restore, s);
        } else {
            *offset = -1;
            log_warn(s->options.log, "%s is %s and is ignored: groups that were moved go on behind what they pulled", path,
                     sound ? "of a log that was cut since" : "damaged");
        }
    }
    memory_free(text);
    memory_free(path);
}

typedef struct collecting {
    writer_t to;
    size_t count;
} collecting_t;

static void put_group(void *arg, store_group_t *g) {
    collecting_t *c = arg;
    char number[24];
    if (g->moved_to < 0) return;
    view_t subject = store_group_subject(g), group = store_group_name(g);
    if (view_has(group, '/') || view_has(group, '\n') || view_has(group, '\r')) return;
    int n = snprintf(number, sizeof number, "/%lld\n", (long long)g->moved_to);
    writer_bytes(&c->to, subject.data, subject.size);
    writer_u8(&c->to, '/');
    writer_bytes(&c->to, group.data, group.size);
    writer_bytes(&c->to, number, (size_t)n);
    c->count++;
}

static void visit_group(void *arg, named_t *thing) {
    group_progress_visit((store_group_t *)thing, put_group, arg);
}

static void put_text(writer_t *w, const char *format, long long value) {
    char text[64];
    int n = snprintf(text, sizeof text, format, value);
    writer_bytes(w, text, (size_t)n);
}

apr_status_t positions_save(store_t *s) {
    collecting_t c = {.count = 0};
    int64_t end = atomic_load_explicit(&s->actions.applied, memory_order_acquire);
    if (!s->positions_written && !atomic_load(&s->progress.moved)) return APR_SUCCESS;
    apr_status_t status = segmented_log_sync(&s->actions.segments); /* what the positions count on must not be lost */
    if (status != APR_SUCCESS) return status;
    writer_init(&c.to, 256);
    put_text(&c.to, HEAD "\n%lld\n", end);
    name_table_each(&s->progress.groups, visit_group, &c);
    put_text(&c.to, CRC_WORD "%lld\n", crc32_of(c.to.data, c.to.used));
    char *path = path_of(s);
    if (c.count > 0) {
        status = c.to.failed ? APR_ENOMEM : file_replace(path, c.to.data, c.to.used);
    } else if (s->positions_written) {
        status = path_remove(path);
        if (APR_STATUS_IS_ENOENT(status)) status = APR_SUCCESS;
    }
    if (status == APR_SUCCESS) s->positions_written = c.count > 0;
    atomic_store(&s->progress.moved, c.count > 0);
    memory_free(path);
    writer_free(&c.to);
    return status;
}

void positions_save_awaited(store_t *s) {
    mutex_lock(&s->positions_lock);
    store_sync_waiter_t *w = s->position_waiters;
    s->position_waiters = NULL;
    mutex_unlock(&s->positions_lock);
    if (w == NULL && !atomic_load(&s->closing)) return;
    apr_status_t status = positions_save(s);
    if (status != APR_SUCCESS) checkpoint_complain(s, "saving the positions of groups that were moved", status);
    while (w != NULL) {
        store_sync_waiter_t *next = w->next; /* a released one is its owner's */
        w->status = status;
        w->done(w);
        w = next;
    }
}
