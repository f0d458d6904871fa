/* subjects and messages: what the message log holds. */
#include "tools/store/dump.h"

#include "base/memory.h"
#include "base/table.h"
#include "protocol/message.h"

#include <apr_time.h>
#include <stdlib.h>
#include <string.h>

static void start_segment(void *arg, int64_t offset) {
    inspector_t *i = *(inspector_t **)arg; /* every visitor's argument begins with it */
    inspector_progress(i, "message log", offset - segmented_log_min(&i->messages),
                       segmented_log_end(&i->messages) - segmented_log_min(&i->messages));
}

static void pass_damage(void *arg, const segment_t *s, int64_t offset, int64_t size, const char *reason) {
    inspector_t *i = *(inspector_t **)arg;
    (void)fprintf(i->err, "%s byte %lld: %lld bytes are passed: %s; look with verify\n", s->path, (long long)(offset - s->base),
                  (long long)size, reason);
}

static void time_text(int64_t ms, char *to, size_t size) {
    apr_time_exp_t t;
    apr_size_t used = 0;
    if (apr_time_exp_lt(&t, (apr_time_t)ms * 1000) != APR_SUCCESS || apr_strftime(to, &used, size, "%Y-%m-%d %H:%M:%S", &t) != APR_SUCCESS)
        (void)snprintf(to, size, "%lld", (long long)ms);
}

/* Subjects. */

typedef struct subject_sum {
    int64_t first, next, count, bytes;
    int64_t first_ms, last_ms;
    size_t size;
    char name[];
} subject_sum_t;

typedef struct sums {
    inspector_t *inspector;
    table_t subjects;
} sums_t;

static view_t sum_name(const void *value) {
    const subject_sum_t *s = value;
    return view_make(s->name, s->size);
}

static bool add_message(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    sums_t *sums = arg;
    (void)offset;
    (void)hole;
    subject_sum_t *s = table_get(&sums->subjects, record->subject);
    if (s == NULL) {
        s = memory_zalloc(sizeof *s + record->subject.size);
        s->first = record->sequence;
        s->first_ms = record->time_ms;
        s->size = record->subject.size;
        memcpy(s->name, record->subject.data, record->subject.size);
        table_put(&sums->subjects, s);
    }
    s->next = record->sequence + 1;
    s->last_ms = record->time_ms;
    s->count++;
    s->bytes += record->payload_size;
    return true;
}

static int by_name(const void *a, const void *b) {
    const subject_sum_t *x = *(const subject_sum_t *const *)a, *y = *(const subject_sum_t *const *)b;
    size_t least = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->name, y->name, least);
    return order != 0 ? order : x->size < y->size ? -1 : 1;
}

static void print_subject(inspector_t *i, const subject_sum_t *s) {
    if (i->json) {
        inspector_print(i, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "subject", text_json(sum_name(s)), "first",
                                     (json_int_t)s->first, "next", (json_int_t)s->next, "count", (json_int_t)s->count, "bytes",
                                     (json_int_t)s->bytes, "first_stored", (json_int_t)s->first_ms, "last_stored", (json_int_t)s->last_ms));
        return;
    }
    char last[32];
    time_text(s->last_ms, last, sizeof last);
    (void)fprintf(i->out, "%12lld %12lld %12lld %14lld  %s  %.*s\n", (long long)s->first, (long long)s->next, (long long)s->count,
                  (long long)s->bytes, last, (int)s->size, s->name);
}

int command_subjects(inspector_t *i) {
    sums_t sums = {.inspector = i};
    table_init(&sums.subjects, sum_name);
    message_visitor_t visitor = {add_message, start_segment, NULL, pass_damage, &sums};
    int64_t skipped = 0;
    apr_status_t rv = message_replay(&i->messages, 0, &visitor, &skipped);
    inspector_progress(i, NULL, 0, 0);
    subject_sum_t **sorted = memory_alloc((sums.subjects.count + 1) * sizeof *sorted);
    size_t at = 0, count = 0;
    subject_sum_t *s;
    while ((s = table_next(&sums.subjects, &at)) != NULL) sorted[count++] = s;
    qsort(sorted, count, sizeof *sorted, by_name);
    if (!i->json) (void)fprintf(i->out, "%12s %12s %12s %14s  %-19s  subject\n", "first", "next", "count", "bytes", "last stored");
    for (size_t k = 0; k < count; k++) {
        print_subject(i, sorted[k]);
        memory_free(sorted[k]);
    }
    memory_free(sorted);
    table_free(&sums.subjects);
    return rv == APR_SUCCESS ? STORE_SOUND : STORE_UNREADABLE;
}

/* Messages. */

typedef struct search {
    inspector_t *inspector;
    view_t subject;
    int64_t left; /* -1: no end */
} search_t;

static json_t *message_json(const message_t *m) {
    json_t *tags = json_array(), *attributes = json_object();
    view_t tag, key, value;
    cursor_t c = cursor_of(m->tags);
    while (message_next_tag(&c, &tag)) (void)json_array_append_new(tags, text_json(tag));
    c = cursor_of(m->attributes);
    while (message_next_attribute(&c, &key, &value)) {
        char *name = memory_strndup(key.data, key.size);
        (void)json_object_set_new(attributes, name, text_json(value)); /* fails for a name that is no UTF-8: it is left out */
        memory_free(name);
    }
    return json_pack("{s:o, s:I, s:I, s:i, s:o, s:o}", "id", text_json(m->id), "created", (json_int_t)m->create_time, "expires",
                     (json_int_t)m->expire_time, "flag", (int)m->flag, "tags", tags, "attrs", attributes);
}

static const char *crc_word(const message_record_t *record, const uint8_t *payload) {
    if (!record->has_crc) return "none";
    message_t m = {.crc = (int64_t)record->crc, .payload = view_make(payload, record->payload_size)};
    return message_crc_is_right(&m) ? "right" : "wrong";
}

static json_t *record_json(inspector_t *i, int64_t offset, const message_record_t *record) {
    uint8_t *payload = inspector_payload(i, offset, record);
    json_t *line = json_pack("{s:o, s:I, s:I, s:I, s:I, s:s}", "subject", text_json(record->subject), "sequence",
                             (json_int_t)record->sequence, "offset", (json_int_t)offset, "stored", (json_int_t)record->time_ms, "size",
                             (json_int_t)record->payload_size, "crc", payload == NULL ? "unreadable" : crc_word(record, payload));
    message_t m;
    cursor_t c = cursor_make(payload, payload == NULL ? 0 : record->payload_size);
    if (payload != NULL && message_parse(&c, &m)) {
        json_t *message = message_json(&m);
        (void)json_object_update(line, message);
        json_decref(message);
    }
    memory_free(payload);
    return line;
}

static void print_record(inspector_t *i, int64_t offset, const message_record_t *record) {
    json_t *line = record_json(i, offset, record);
    if (i->json) {
        inspector_print(i, line);
        return;
    }
    char stored[32];
    time_text(record->time_ms, stored, sizeof stored);
    const char *id = json_string_value(json_object_get(line, "id"));
    char *attributes = json_dumps(json_object_get(line, "attrs"), JSON_COMPACT);
    const char *crc = json_string_value(json_object_get(line, "crc"));
    (void)fprintf(i->out, "%lld  %s  %s%s%s  %.*s\n", (long long)record->sequence, stored, id == NULL ? "no message" : id,
                  strcmp(crc, "right") == 0 ? "" : "  checksum ", strcmp(crc, "right") == 0 ? "" : crc, attributes == NULL ? 0 : 200,
                  attributes == NULL ? "" : attributes);
    free(attributes);
    json_decref(line);
}

static bool print_if_meant(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    search_t *s = arg;
    (void)hole;
    if (!view_equal(record->subject, s->subject) || record->sequence < s->inspector->from) return true;
    if (s->left == 0) return false;
    print_record(s->inspector, offset, record);
    return s->left < 0 || --s->left > 0;
}

int command_messages(inspector_t *i) {
    search_t s = {i, view_of(i->argument), i->count};
    message_visitor_t visitor = {print_if_meant, start_segment, NULL, pass_damage, &s};
    int64_t skipped = 0;
    apr_status_t rv = message_replay(&i->messages, 0, &visitor, &skipped);
    inspector_progress(i, NULL, 0, 0);
    return rv == APR_SUCCESS ? STORE_SOUND : STORE_UNREADABLE;
}

/* dump of a segment: everything in it. */

typedef struct whole {
    inspector_t *inspector;
    int64_t upto;
} whole_t;

static bool print_any(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    whole_t *w = arg;
    (void)hole;
    if (offset >= w->upto) return false;
    print_record(w->inspector, offset, record);
    return true;
}

apr_status_t dump_message_segment(inspector_t *i, int64_t base) {
    whole_t w = {i, base + i->messages.segment_size};
    message_visitor_t visitor = {print_any, start_segment, NULL, pass_damage, &w};
    int64_t skipped = 0;
    return message_replay(&i->messages, base, &visitor, &skipped);
}
