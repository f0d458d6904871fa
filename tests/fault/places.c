#include "places.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/memory.h"
#include "portability/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_BYTES ((size_t)64 * 1024 * 1024)
#define MESSAGE_MAGIC 0xA1B2C302u
#define ACTION_MAGIC 0xC3B2A100u
#define TEXT_LINES 12 /* told apart; later ones are like the last */
#define INDEX_ENTRY 22

typedef struct reading {
    places_t *places;
    place_t record; /* what its places have in common */
    const char *kind;
    cursor_t cursor;
    bool crc_is_right; /* of the message read last */
    size_t all;
} reading_t;

static int64_t position(const reading_t *r) {
    return (int64_t)(r->all - cursor_left(&r->cursor));
}

static void add(reading_t *r, const char *field, int64_t offset, int64_t size) {
    places_t *p = r->places;
    if (size <= 0) return;
    if (p->count == p->capacity) {
        p->capacity = p->capacity == 0 ? 1024 : p->capacity * 2;
        p->items = memory_realloc(p->items, p->capacity * sizeof p->items[0]);
    }
    place_t *at = &p->items[p->count++];
    *at = r->record;
    (void)snprintf(at->kind, sizeof at->kind, "%s.%s", r->kind, field);
    at->offset = offset;
    at->size = size;
}

static void field(reading_t *r, const char *name, size_t size) {
    add(r, name, position(r), (int64_t)size);
    cursor_skip(&r->cursor, size);
}

static view_t text_field(reading_t *r, const char *length, const char *name) {
    cursor_t ahead = r->cursor;
    view_t text = cursor_str(&ahead);
    field(r, length, 2);
    field(r, name, text.size);
    return text;
}

/* The log's files. */

/* The fields of a message's record, which knows its end only after them. */
static void read_message(reading_t *r, int64_t begin) {
    size_t first = r->places->count;
    r->record.begin = begin;
    r->record.subject[0] = 0;
    field(r, "magic", 4);
    field(r, "attribute", 1);
    field(r, "time", 8);
    cursor_t ahead = r->cursor;
    r->record.sequence = cursor_i64(&ahead);
    field(r, "sequence", 8);
    view_t subject = text_field(r, "subject length", "subject");
    (void)snprintf(r->record.subject, sizeof r->record.subject, "%.*s", VIEW_ARG(subject));
    ahead = r->cursor;
    uint64_t crc = cursor_u64(&ahead);
    field(r, "crc", 8);
    int32_t size = cursor_i32(&ahead);
    field(r, "payload size", 4);
    view_t payload = cursor_take(&ahead, size < 0 ? 0 : (size_t)size);
    r->crc_is_right = !ahead.failed && crc == crc32_of(payload.data, payload.size);
    field(r, "payload", size < 0 ? 0 : (size_t)size);
    for (size_t i = first; i < r->places->count; i++) {
        place_t *at = &r->places->items[i];
        memcpy(at->subject, r->record.subject, sizeof at->subject);
        at->sequence = r->record.sequence;
        at->end = position(r);
    }
}

/* Behind a damaged record, at the next magic. */
static bool find_message(reading_t *r) {
    while (cursor_left(&r->cursor) >= 13) {
        cursor_t ahead = r->cursor;
        if (cursor_u32(&ahead) == MESSAGE_MAGIC) return true;
        cursor_skip(&r->cursor, 1);
    }
    return false;
}

/* A record whose length was damaged leads into the middle of another; one with its right checksum has its length. */
static bool leads_on(const reading_t *r) {
    cursor_t ahead = r->cursor;
    uint32_t word = cursor_u32(&ahead);
    return ahead.failed || word == MESSAGE_MAGIC || r->crc_is_right;
}

static void read_filler(reading_t *r, int64_t begin, size_t time) {
    r->kind = r->record.log == PLACE_OF_MESSAGES ? "message filler" : "action filler";
    r->record.begin = begin;
    r->record.end = (int64_t)r->all;
    r->record.sequence = -1;
    r->record.subject[0] = 0;
    field(r, "magic", 4);
    field(r, "attribute", 1);
    if (time > 0) field(r, "time", time);
    field(r, "rest", cursor_left(&r->cursor));
}

/* A filler in front of records is a damaged record. */
static bool is_last(const reading_t *r) {
    reading_t behind = *r;
    cursor_skip(&behind.cursor, 4);
    return !find_message(&behind);
}

static void read_messages(reading_t *r) {
    cursor_t behind = r->cursor;
    while (find_message(r)) {
        cursor_t begin = r->cursor, ahead = r->cursor;
        size_t count = r->places->count;
        r->kind = "message";
        cursor_skip(&ahead, 4);
        r->crc_is_right = false;
        bool is_message = cursor_u8(&ahead) == 0, is_damaged = !is_message && !is_last(r);
        if (is_message)
            read_message(r, position(r));
        else if (!is_damaged)
            read_filler(r, position(r), 8);
        if (is_damaged || r->cursor.failed || !leads_on(r)) {
            r->places->count = count;
            r->cursor = begin;
            cursor_skip(&r->cursor, 4);
        } else {
            behind = r->cursor;
        }
    }
    r->cursor = behind;
    r->kind = "behind the message log";
    r->record.begin = r->record.end = position(r);
    r->record.sequence = -1;
    r->record.subject[0] = 0;
    field(r, "rest", cursor_left(&r->cursor));
}

static void read_action(reading_t *r, int64_t begin) {
    size_t first = r->places->count;
    r->record.begin = begin;
    field(r, "magic", 4);
    field(r, "attribute", 1);
    cursor_t ahead = r->cursor;
    uint8_t type = cursor_u8(&ahead);
    field(r, "type", 1);
    field(r, "payload size", 4);
    (void)text_field(r, "subject length", "subject");
    (void)text_field(r, "group length", "group");
    (void)text_field(r, "consumer length", "consumer");
    field(r, "time", 8);
    if (type == 0) field(r, "broadcast", 1);
    field(r, "first pull", 8);
    field(r, "last pull", 8);
    if (type == 0) field(r, "first message", 8);
    if (type == 0) field(r, "last message", 8);
    for (size_t i = first; i < r->places->count; i++) r->places->items[i].end = position(r);
}

static void read_actions(reading_t *r) {
    while (cursor_left(&r->cursor) >= 5) {
        cursor_t ahead = r->cursor;
        r->kind = "action";
        if (cursor_u32(&ahead) != ACTION_MAGIC) break;
        if (cursor_u8(&ahead) == 0)
            read_action(r, position(r));
        else
            read_filler(r, position(r), 0);
    }
    r->kind = "behind the action log";
    r->record.begin = r->record.end = position(r);
    field(r, "rest", cursor_left(&r->cursor));
}

static void read_index(reading_t *r) {
    r->kind = "index";
    while (cursor_left(&r->cursor) >= INDEX_ENTRY) {
        r->record.begin = position(r);
        r->record.end = r->record.begin + INDEX_ENTRY;
        field(r, "time", 8);
        field(r, "offset", 8);
        field(r, "record size", 4);
        field(r, "header size", 2);
    }
}

/* Caches. */

static void read_tablet(reading_t *r) {
    r->kind = "tablet";
    cursor_t ahead = r->cursor;
    cursor_skip(&ahead, 8);
    int32_t index = cursor_i32(&ahead);
    field(r, "magic", 4);
    field(r, "size", 4);
    field(r, "index position", 4);
    field(r, "begin", 8);
    field(r, "end", 8);
    if (index > 28) field(r, "data", (size_t)index - 28);
    while (cursor_left(&r->cursor) > 8) {
        field(r, "index.magic", 4);
        (void)text_field(r, "index.key length", "index.key");
        field(r, "index.pull", 8);
        field(r, "index.message", 8);
        field(r, "index.position", 4);
        field(r, "index.count", 4);
        if (r->cursor.failed) return;
    }
    field(r, "crc", 8);
}

/* Each line is a place, and so is what ends it. */
static void read_text(reading_t *r) {
    char name[24];
    view_t rest = cursor_rest(&r->cursor);
    for (int line = 1; rest.size > 0; line++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        size_t size = end == NULL ? rest.size : (size_t)(end - rest.data);
        (void)snprintf(name, sizeof name, "line %d", line < TEXT_LINES ? line : TEXT_LINES);
        field(r, name, size);
        if (end != NULL) field(r, "line end", 1);
        size += end != NULL;
        rest = view_make(rest.data + size, rest.size - size);
    }
}

/* Files. */

static void read_file(places_t *p, place_log_t log, const char *kind, const char *path, void (*read)(reading_t *r)) {
    char *bytes = NULL;
    size_t size = 0;
    if (file_read_all(path, MOST_BYTES, &bytes, &size) != APR_SUCCESS) return; /* it need not be there */
    const char *name = strrchr(path, '/');
    p->files = memory_realloc(p->files, (p->file_count + 1) * sizeof p->files[0]);
    p->files[p->file_count] = memory_strdup(path);
    reading_t r = {.places = p,
                   .record = {.log = log, .file = p->file_count, .sequence = -1},
                   .kind = kind,
                   .cursor = cursor_make(bytes, size),
                   .all = size};
    r.record.base = name == NULL ? 0 : atoll(name + 1);
    p->file_count++;
    r.record.end = (int64_t)size;
    read(&r);
    memory_free(bytes);
}

typedef struct folder {
    places_t *places;
    const char *path;
    place_log_t log;
    const char *kind;
    void (*read)(reading_t *r);
} folder_t;

static apr_status_t read_in_folder(void *arg, const char *name) {
    const folder_t *f = arg;
    char *path = memory_printf("%s/%s", f->path, name);
    if (*name != '.')
        read_file(f->places, f->log, strncmp(name, "message-", 8) == 0 ? "message snapshot" : f->kind, path, f->read);
    else
        read_file(f->places, PLACE_OF_CACHE, "offset file", path, read_text);
    memory_free(path);
    return APR_SUCCESS;
}

static void read_folder(places_t *p, const char *root, const char *name, place_log_t log, const char *kind, void (*read)(reading_t *r)) {
    char *path = memory_printf("%s/%s", root, name);
    folder_t f = {p, path, log, kind, read};
    (void)directory_list(path, read_in_folder, &f); /* it need not be there */
    memory_free(path);
}

static apr_status_t read_subject(void *arg, const char *name) {
    const folder_t *f = arg;
    read_folder(f->places, f->path, name, PLACE_OF_INDEX, "index", read_index);
    return APR_SUCCESS;
}

static void read_marker(places_t *p, const char *path) {
    char *text = NULL;
    size_t size = 0;
    long long messages = -1, actions = -1;
    p->messages_synced = p->actions_synced = -1;
    if (file_read_all(path, MOST_BYTES, &text, &size) != APR_SUCCESS) return;
    if (sscanf(text, "qmq-store 1 state %*s messages %lld %*d actions %lld", &messages, &actions) == 2) {
        p->messages_synced = messages;
        p->actions_synced = actions;
    }
    memory_free(text);
}

void places_find(places_t *p, const char *root) {
    static const char *const texts[] = {".marker", ".positions", ".retention", ".lock"};
    memset(p, 0, sizeof *p);
    read_folder(p, root, "messagelog", PLACE_OF_MESSAGES, "message", read_messages);
    read_folder(p, root, "actionlog", PLACE_OF_ACTIONS, "action", read_actions);
    read_folder(p, root, "pulllog_smt", PLACE_OF_CACHE, "tablet", read_tablet);
    read_folder(p, root, "checkpoint", PLACE_OF_CACHE, "action snapshot", read_text);
    char *index = memory_printf("%s/consumerlog", root);
    folder_t subjects = {p, index, PLACE_OF_INDEX, "index", read_index};
    (void)directory_list(index, read_subject, &subjects); /* it need not be there */
    memory_free(index);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *path = memory_printf("%s/%s", root, texts[i]);
        read_file(p, PLACE_OF_CACHE, texts[i] + 1, path, read_text);
        if (i == 0) read_marker(p, path);
        memory_free(path);
    }
}

void places_free(places_t *p) {
    for (size_t i = 0; i < p->file_count; i++) memory_free(p->files[i]);
    memory_free(p->files);
    memory_free(p->items);
    memset(p, 0, sizeof *p);
}

bool places_is_last_segment(const places_t *p, const place_t *of) {
    for (size_t i = 0; i < p->count; i++) {
        const place_t *other = &p->items[i];
        if (other->log == of->log && other->base > of->base && strncmp(other->kind, "behind", 6) != 0) return false;
    }
    return true;
}
