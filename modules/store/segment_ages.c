#include "store/segment_ages.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "store/action_record.h"
#include "store/message_record.h"
#include "store/text_file.h"

#include <stdio.h>
#include <string.h>

#define HEAD "qmq-retention 1"
#define MOST_BYTES (16 * 1024 * 1024)
#define LINE_SIZE 80
#define CRC_WORD "crc "
/* Files whose times lie further apart tell nothing. */
#define PLAUSIBLE_MS (INT64_C(10) * 365 * 86400 * 1000)
#define ACTION_HEAD 4096

static int64_t message_time(segment_t *s) {
    uint8_t head[MESSAGE_FILLER_SIZE];
    size_t got = 0;
    if (file_read_at(s->file, head, sizeof head, 0, &got) != APR_SUCCESS || got < sizeof head) return -1;
    cursor_t c = cursor_make(head, sizeof head);
    if (cursor_u32(&c) != MESSAGE_MAGIC_V3) return -1;
    cursor_skip(&c, 1);
    return cursor_i64(&c);
}

static int64_t action_time(segment_t *s) {
    uint8_t head[ACTION_HEAD];
    size_t got = 0;
    if (file_read_at(s->file, head, sizeof head, 0, &got) != APR_SUCCESS) return -1;
    cursor_t c = cursor_make(head, got);
    if (cursor_u32(&c) != ACTION_MAGIC) return -1;
    cursor_skip(&c, 6);
    for (int i = 0; i < 3; i++) (void)cursor_str(&c);
    int64_t time = cursor_i64(&c);
    return c.failed ? -1 : time;
}

static void set(log_ages_t *l, int64_t base, int64_t since_ms) {
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 16 : l->capacity * 2;
        l->at = memory_realloc(l->at, l->capacity * sizeof l->at[0]);
    }
    l->at[l->count++] = (segment_age_t){base, since_ms};
}

static const segment_age_t *find(const log_ages_t *l, int64_t base) {
    for (size_t i = 0; i < l->count; i++) {
        if (l->at[i].base == base) return &l->at[i];
    }
    return NULL;
}

/* "name base since" */
static bool parse_line(segment_ages_t *a, view_t line) {
    char text[LINE_SIZE], name[16];
    long long base = 0, since = 0;
    if (line.size >= sizeof text) return false;
    memcpy(text, line.data, line.size);
    text[line.size] = 0;
    if (sscanf(text, "%15s %lld %lld", name, &base, &since) != 3) return false;
    if (strcmp(name, "clock") == 0) a->now_ms = since;
    for (int i = 0; i < AGED_LOGS; i++) {
        if (strcmp(name, a->logs[i].name) == 0) set(&a->logs[i], base, since);
    }
    return true;
}

/* False without the checksum of all lines in the last one: a clock that is wrong deletes messages. */
static bool read_lines(segment_ages_t *a, view_t text, bool apply) {
    view_t rest = text, line;
    bool ended = false;
    if (!text_next_line(&rest, &line, &ended) || !view_equal(line, view_of(HEAD))) return false;
    for (;;) {
        size_t covered = text.size - rest.size;
        int64_t crc = 0;
        if (!text_next_line(&rest, &line, &ended) || !ended) return false;
        if (view_starts(line, view_of(CRC_WORD))) {
            size_t skip = strlen(CRC_WORD);
            return id_parse_i64(view_make(line.data + skip, line.size - skip), &crc) && crc == (int64_t)crc32_of(text.data, covered);
        }
        if (apply && !parse_line(a, line)) return false;
    }
}

static void load(segment_ages_t *a) {
    char *text = NULL;
    size_t size = 0;
    if (file_read_all(a->path, MOST_BYTES, &text, &size) != APR_SUCCESS) return;
    view_t all = view_make(text, size);
    if (read_lines(a, all, false)) (void)read_lines(a, all, true);
    memory_free(text);
}

void segment_ages_open(segment_ages_t *a, const char *root, bool taken_over) {
    memset(a, 0, sizeof *a);
    a->path = memory_printf("%s/" AGES_NAME, root);
    a->mono_us = clock_mono_us();
    a->logs[AGED_MESSAGES] = (log_ages_t){.name = "message", .first_time = message_time, .adopted = !taken_over};
    a->logs[AGED_ACTIONS] = (log_ages_t){.name = "action", .first_time = action_time, .adopted = !taken_over};
    load(a);
}

void segment_ages_close(segment_ages_t *a) {
    for (int i = 0; i < AGED_LOGS; i++) memory_free(a->logs[i].at);
    memory_free(a->path);
    memset(a, 0, sizeof *a);
}

static void tick(segment_ages_t *a) {
    int64_t now = clock_mono_us();
    a->now_ms += (now - a->mono_us) / 1000;
    a->mono_us += (now - a->mono_us) / 1000 * 1000;
}

static int64_t modified(const segment_t *s) {
    path_info_t info;
    return path_inspect(s->path, &info) == APR_SUCCESS && info.kind == PATH_FILE ? info.modified_ms : -1;
}

static int64_t plausible(int64_t newest, int64_t time) {
    int64_t age = newest >= 0 && time >= 0 ? newest - time : 0;
    return age > 0 && age < PLAUSIBLE_MS ? age : 0;
}

/* Age of a segment nobody saw becoming complete: how much older than the newest segment it is, by its record times (the first record of its
 * successor) or its file times. Both are relative, so the clock of the moment does not matter. */
static int64_t age_by_files(const log_ages_t *ages, segment_t *s, segment_t *successor, segment_t *newest) {
    int64_t by_records = plausible(ages->first_time(newest), ages->first_time(successor));
    int64_t by_files = plausible(modified(newest), modified(s));
    return by_records > by_files ? by_records : by_files;
}

static segment_t *last_of(segmented_log_t *l) {
    int64_t end = segmented_log_end(l);
    return segmented_log_locate(l, end == 0 ? 0 : end - 1);
}

void segment_ages_update(segment_ages_t *a, aged_log_t which, segmented_log_t *l) {
    log_ages_t *ages = &a->logs[which];
    segment_age_t *old = ages->at;
    log_ages_t known = *ages;
    tick(a);
    ages->at = NULL;
    ages->count = ages->capacity = 0;
    segment_t *newest = last_of(l);
    for (size_t i = 0; newest != NULL; i++) {
        segment_t *s = segmented_log_at(l, i), *successor = segmented_log_at(l, i + 1);
        bool complete = s != NULL && successor != NULL && s->base < newest->base;
        if (complete) {
            const segment_age_t *age = find(&known, s->base);
            int64_t since = age != NULL ? age->since_ms : known.adopted ? a->now_ms : a->now_ms - age_by_files(ages, s, successor, newest);
            set(ages, s->base, since);
        }
        segment_release(s);
        segment_release(successor);
        if (!complete) break;
    }
    segment_release(newest);
    ages->adopted = true;
    memory_free(old);
}

int64_t segment_ages_of(const segment_ages_t *a, aged_log_t which, int64_t base) {
    const segment_age_t *age = find(&a->logs[which], base);
    return age == NULL ? 0 : a->now_ms - age->since_ms;
}

void segment_ages_save(const segment_ages_t *a, const log_t *log) {
    size_t lines = 3;
    for (int i = 0; i < AGED_LOGS; i++) lines += a->logs[i].count;
    char *text = memory_alloc(lines * LINE_SIZE);
    size_t used = (size_t)snprintf(text, LINE_SIZE, HEAD "\nclock 0 %lld\n", (long long)a->now_ms);
    for (int i = 0; i < AGED_LOGS; i++) {
        const log_ages_t *l = &a->logs[i];
        for (size_t k = 0; k < l->count; k++)
            used +=
                (size_t)snprintf(text + used, LINE_SIZE, "%s %lld %lld\n", l->name, (long long)l->at[k].base, (long long)l->at[k].since_ms);
    }
    used += (size_t)snprintf(text + used, LINE_SIZE, CRC_WORD "%lu\n", (unsigned long)crc32_of(text, used));
    apr_status_t status = file_replace(a->path, text, used);
    char reason[160];
    if (status != APR_SUCCESS) log_warn(log, "cannot write %s: %s", a->path, status_text(status, reason, sizeof reason));
    memory_free(text);
}
