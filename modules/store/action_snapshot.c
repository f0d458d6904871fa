#include "store/action_snapshot.h"

#include "base/id.h"

#define VERSION "3"

static void put_number(text_file_t *to, int64_t value) {
    text_file_put_char(to, '/');
    text_file_put_number(to, value);
}

void action_snapshot_put_head(text_file_t *to, int64_t offset) {
    text_file_put(to, view_of(VERSION "\n"));
    text_file_put_number(to, offset);
    text_file_put_char(to, '\n');
}

void action_snapshot_put_subject(text_file_t *to, view_t subject, int64_t groups) {
    text_file_put(to, subject);
    put_number(to, groups);
    text_file_put_char(to, '\n');
}

void action_snapshot_put_group(text_file_t *to, view_t group, bool broadcast, int64_t pulled, int64_t consumers) {
    text_file_put(to, group);
    put_number(to, broadcast ? 1 : 0);
    put_number(to, pulled);
    put_number(to, consumers);
    text_file_put_char(to, '\n');
}

void action_snapshot_put_consumer(text_file_t *to, view_t consumer_id, int64_t pull, int64_t ack) {
    text_file_put(to, consumer_id);
    put_number(to, pull);
    put_number(to, ack);
    text_file_put_char(to, '\n');
}

typedef struct reader {
    view_t rest;
    const action_snapshot_visitor_t *visitor;
} reader_t;

/* A line whose last `count` fields are numbers; they come in the order of the line. */
static bool read_line(reader_t *r, size_t count, view_t *name, int64_t *numbers) {
    bool ended = false;
    if (!text_next_line(&r->rest, name, &ended) || !ended) return false;
    for (size_t i = count; i > 0; i--) {
        if (!text_take_number(name, &numbers[i - 1])) return false;
    }
    return name->size > 0;
}

static bool read_group(reader_t *r, view_t subject) {
    view_t name;
    int64_t group[3], consumer[2];
    if (!read_line(r, 3, &name, group) || group[0] < 0 || group[0] > 1 || group[1] < -1 || group[2] < 0) return false;
    if (r->visitor != NULL) r->visitor->group(r->visitor->arg, subject, name, group[0] == 1, group[1]);
    for (int64_t i = 0; i < group[2]; i++) {
        if (!read_line(r, 2, &name, consumer) || consumer[0] < -1 || consumer[1] < -1) return false;
        if (r->visitor != NULL) r->visitor->consumer(r->visitor->arg, name, consumer[0], consumer[1]);
    }
    return true;
}

bool action_snapshot_read(view_t text, int64_t *offset, const action_snapshot_visitor_t *visitor) {
    reader_t r = {text, visitor};
    view_t line;
    bool ended = false;
    if (!text_next_line(&r.rest, &line, &ended) || !view_equal(line, view_of(VERSION))) return false;
    if (!text_next_line(&r.rest, &line, &ended) || !id_parse_i64(line, offset) || !ended) return false;
    for (;;) {
        view_t before = r.rest;
        if (!text_next_line(&before, &line, &ended)) return true;
        int64_t groups = 0;
        if (!read_line(&r, 1, &line, &groups) || groups < 0) return false;
        for (int64_t i = 0; i < groups; i++) {
            if (!read_group(&r, line)) return false;
        }
    }
}
