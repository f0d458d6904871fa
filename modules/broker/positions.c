#include "broker/positions.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/writer.h"
#include "portability/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How often positions of groups on their way are written. */
#define PERIOD_US (5 * 1000000LL)
#define FILE_MOST ((size_t)256 * 1024 * 1024)
#define WARNING_US (60 * 1000000LL)

struct positions {
    broker_t *broker;
    char *path;
    periodic_t *thread;
    mutex_t lock;
    group_t **groups;
    size_t count;
    size_t capacity;
    position_waiter_t *waiters;
    uint8_t *written; /* what the file says; thread only */
    size_t written_size;
    log_limit_t limit;
};

/* A line: position, subject, group; bytes that are no plain character as %xx. */

static void put_name(writer_t *w, view_t name) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = (uint8_t)name.data[i];
        if (c > ' ' && c < 0x7f && c != '%') {
            writer_u8(w, c);
        } else {
            writer_u8(w, '%');
            writer_u8(w, (uint8_t)digits[c >> 4]);
            writer_u8(w, (uint8_t)digits[c & 15]);
        }
    }
}

static int digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; false when it is no name of ours. */
static bool take_name(char *text, view_t *name) {
    size_t used = 0;
    for (char *c = text; *c != 0; c++) {
        char byte = *c;
        if (byte == '%') {
            int high = digit(c[1]), low = high < 0 ? -1 : digit(c[2]);
            if (low < 0) return false;
            byte = (char)(high << 4 | low);
            c += 2;
        }
        text[used++] = byte;
    }
    *name = view_make(text, used);
    return used > 0;
}

static void put_line(writer_t *w, const group_t *g, int64_t position) {
    char number[24];
    int size = snprintf(number, sizeof number, "%lld ", (long long)position);
    writer_bytes(w, number, (size_t)size);
    put_name(w, group_subject_name(g));
    writer_u8(w, ' ');
    put_name(w, group_name(g));
    writer_u8(w, '\n');
}

/* With the lock held. */
static void add_group(positions_t *p, group_t *g) {
    for (size_t i = 0; i < p->count; i++) {
        if (p->groups[i] == g) return;
    }
    if (p->count == p->capacity) {
        p->capacity = p->capacity == 0 ? 16 : p->capacity * 2;
        p->groups = memory_realloc(p->groups, p->capacity * sizeof(group_t *));
    }
    p->groups[p->count++] = g;
}

static bool take_line(positions_t *p, char *line) {
    char *subject = strchr(line, ' '), *group = subject == NULL ? NULL : strchr(subject + 1, ' ');
    if (group == NULL) return false;
    *subject++ = 0;
    *group++ = 0;
    int64_t position;
    view_t subject_name_, group_name_;
    if (!id_parse_i64(view_of(line), &position) || position < 0) return false;
    if (!take_name(subject, &subject_name_) || !take_name(group, &group_name_)) return false;
    group_t *g = store_subject_find(p->broker->store, subject_name_) == NULL ? NULL : group_get(p->broker, subject_name_, group_name_);
    if (g == NULL) return true; /* the subject is gone */
    group_set_next(g, position);
    add_group(p, g);
    log_info(p->broker->log, "group %.*s of subject %.*s goes on at message %lld, where a reset put it", VIEW_ARG(group_name_),
             VIEW_ARG(subject_name_), (long long)position);
    return true;
}

static void load(positions_t *p, char *text) {
    for (char *line = text; *line != 0;) {
        char *end = strchr(line, '\n');
        if (end != NULL) *end = 0;
        if (*line != 0 && !take_line(p, line)) log_warn(p->broker->log, "%s: a line that says nothing is passed over", p->path);
        if (end == NULL) return;
        line = end + 1;
    }
}

/* With the lock held: lines of the groups whose pulls do not say the same; the others leave the list. */
static void put_all(positions_t *p, writer_t *w) {
    size_t left = 0;
    for (size_t i = 0; i < p->count; i++) {
        group_t *g = p->groups[i];
        int64_t position = group_next(g), pulled = -1;
        bool known = store_group_pulled(group_progress(g), &pulled);
        if (position < 0 || (known && position == pulled + 1)) continue;
        p->groups[left++] = g;
        put_line(w, g, position);
    }
    p->count = left;
}

static void write_file(positions_t *p, writer_t *w) {
    if (w->used == p->written_size && (w->used == 0 || memcmp(w->data, p->written, w->used) == 0)) return;
    apr_status_t status = w->used == 0 ? path_remove(p->path) : file_replace(p->path, w->data, w->used);
    if (status == APR_SUCCESS || APR_STATUS_IS_ENOENT(status)) {
        memory_free(p->written);
        p->written = memory_alloc(w->used + 1);
        if (w->used > 0) memcpy(p->written, w->data, w->used);
        p->written_size = w->used;
        return;
    }
    int64_t suppressed;
    char text[160];
    if (log_permit(&p->limit, WARNING_US, &suppressed))
        log_error(p->broker->log, "cannot write %s: %s; groups that were reset jump back at the next start. Free space or look at the disk",
                  p->path, status_text(status, text, sizeof text));
}

static void save(void *arg) {
    positions_t *p = arg;
    writer_t w;
    writer_init(&w, 1024);
    mutex_lock(&p->lock);
    put_all(p, &w);
    position_waiter_t *waiters = p->waiters;
    p->waiters = NULL;
    mutex_unlock(&p->lock);
    if (!w.failed) write_file(p, &w);
    writer_free(&w);
    while (waiters != NULL) {
        position_waiter_t *next = waiters->next;
        waiters->saved(waiters);
        waiters = next;
    }
}

apr_status_t positions_open(positions_t **out, broker_t *b, const char *root, qmq_error_t **error) {
    positions_t *p = memory_zalloc(sizeof *p);
    p->broker = b;
    p->path = memory_printf("%s/.group-positions", root);
    mutex_init(&p->lock);
    char *text = NULL;
    size_t size = 0;
    apr_status_t status = file_read_all(p->path, FILE_MOST, &text, &size);
    if (status == APR_SUCCESS) {
        p->written_size = size;
        p->written = memory_alloc(size + 1);
        if (size > 0) memcpy(p->written, text, size);
        load(p, text);
    }
    free(text);
    if (APR_STATUS_IS_ENOENT(status)) status = APR_SUCCESS;
    if (status == APR_SUCCESS) status = periodic_start(&p->thread, "broker-place", PERIOD_US, save, p);
    if (status == APR_SUCCESS) {
        *out = p;
        return APR_SUCCESS;
    }
    char words[160];
    *error = error_create(status, "Make the file readable for this user, or remove it: groups that were reset then jump back",
                          "cannot read %s: %s", p->path, status_text(status, words, sizeof words));
    positions_close(p);
    return status;
}

void positions_close(positions_t *p) {
    if (p == NULL) return;
    bool runs = p->thread != NULL;
    periodic_stop(p->thread);
    if (runs) save(p);
    mutex_destroy(&p->lock);
    memory_free(p->groups);
    memory_free(p->written);
    memory_free(p->path);
    memory_free(p);
}

void positions_note(positions_t *p, group_t *g, position_waiter_t *w) {
    if (p == NULL) {
        w->saved(w);
        return;
    }
    mutex_lock(&p->lock);
    add_group(p, g);
    w->next = p->waiters;
    p->waiters = w;
    mutex_unlock(&p->lock);
    periodic_trigger(p->thread);
}
