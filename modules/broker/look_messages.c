/* Messages of a subject, those a group has before it, has not acknowledged, or gave up. */
#include "broker/look_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "protocol/message.h"
#include "protocol/subject.h"

#include <string.h>

#define ANSWER_BYTES ((size_t)4 * 1024 * 1024)
#define VALUE_SHOWN 1024
#define ATTRIBUTES_SHOWN 200
#define TAGS_SHOWN 127

static json_t *shown(view_t v) {
    return look_string(v.size <= VALUE_SHOWN ? v : view_make(v.data, VALUE_SHOWN));
}

static void describe_content(json_t *to, const slice_t *payload) {
    message_t m;
    cursor_t c = cursor_make(payload->data, payload->size);
    if (!message_parse(&c, &m)) {
        (void)json_object_set_new(to, "error", json_string("the payload does not parse"));
        return;
    }
    (void)json_object_set_new(to, "id", look_string(m.id));
    (void)json_object_set_new(to, "created", json_integer(m.create_time));
    (void)json_object_set_new(to, "expires", json_integer(m.expire_time));
    json_t *tags = json_array();
    cursor_t at = cursor_of(m.tags);
    view_t key, value;
    while (json_array_size(tags) < TAGS_SHOWN && message_next_tag(&at, &value)) (void)json_array_append_new(tags, shown(value));
    (void)json_object_set_new(to, "tags", tags);
    json_t *attributes = json_object();
    at = cursor_of(m.attributes);
    while (json_object_size(attributes) < ATTRIBUTES_SHOWN && message_next_attribute(&at, &key, &value)) {
        char *name = memory_strndup(key.data, key.size);
        if (json_object_set_new(attributes, name, shown(value)) != 0)
            (void)json_object_set_new(to, "attributes_with_odd_names", json_true());
        memory_free(name);
    }
    (void)json_object_set_new(to, "attrs", attributes);
}

static json_t *describe(const stored_message_t *m) {
    json_t *one = json_object();
    (void)json_object_set_new(one, "sequence", json_integer(m->sequence));
    (void)json_object_set_new(one, "stored", json_integer(m->entry_time_ms));
    (void)json_object_set_new(one, "size", json_integer((json_int_t)m->payload.size));
    describe_content(one, &m->payload);
    return one;
}

/* Messages of a subject from a sequence on; *next is where to go on. */
static void show_range(broker_t *b, store_subject_t *subject, int64_t from, int64_t count, json_t *list, int64_t *next) {
    poll_result_t r;
    poll_result_init(&r);
    int64_t min = 0, end = 0;
    (void)store_subject_bounds(subject, &min, &end);
    if (from < min) from = min;
    while (count > 0 && from < end) {
        poll_options_t o = {from, (int)count, ANSWER_BYTES, false, INT64_MAX, true};
        if (store_poll(b->store, subject, &o, &r) != APR_SUCCESS || r.next_begin <= from) break;
        for (size_t i = 0; i < r.count; i++) (void)json_array_append_new(list, describe(&r.messages[i]));
        count -= (int64_t)r.count;
        from = r.next_begin;
        if (r.count > 0) break; /* one read's worth is an answer */
    }
    poll_result_free(&r);
    *next = from;
}

typedef struct owed {
    view_t consumer_id;
    char *id;
    int64_t first;
    int64_t last;
} owed_t;

typedef struct owed_list {
    owed_t at[LOOK_COUNT_MOST];
    size_t count;
} owed_list_t;

static void add_owed(void *arg, view_t id, int64_t pull, int64_t ack) {
    owed_list_t *l = arg;
    if (pull <= ack || l->count == LOOK_COUNT_MOST) return;
    char *copy = memory_strndup(id.data, id.size);
    l->at[l->count++] = (owed_t){view_make(copy, id.size), copy, ack + 1, pull};
}

/* Payload bytes of what it showed. */
static size_t show_unacked_one(broker_t *b, store_subject_t *subject, store_group_t *g, const owed_t *o, int64_t pull_sequence,
                               json_t *list) {
    int64_t sequence = store_pull_lookup(g, o->consumer_id, pull_sequence);
    size_t bytes = 0;
    poll_result_t r;
    poll_result_init(&r);
    poll_options_t options = {sequence, 1, ANSWER_BYTES, true, INT64_MAX, true};
    if (sequence >= 0 && store_poll(b->store, subject, &options, &r) == APR_SUCCESS && r.count == 1 && r.messages[0].sequence == sequence) {
        json_t *one = describe(&r.messages[0]);
        (void)json_object_set_new(one, "consumer", look_string(o->consumer_id));
        (void)json_object_set_new(one, "pull_sequence", json_integer(pull_sequence));
        (void)json_array_append_new(list, one);
        bytes = r.bytes;
    }
    poll_result_free(&r);
    return bytes;
}

/* From the from-th un-acknowledged one on, consumer by consumer; where to go on. */
static int64_t show_unacked(broker_t *b, store_subject_t *subject, store_group_t *g, int64_t from, int64_t count, json_t *list) {
    owed_list_t *l = memory_zalloc(sizeof *l);
    store_consumers(g, add_owed, l);
    int64_t index = 0, shown = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < l->count; i++) {
        const owed_t *o = &l->at[i];
        int64_t total = o->last - o->first + 1, before = from > index ? from - index : 0;
        int64_t skipped = before < total ? before : total;
        index += skipped;
        for (int64_t sequence = o->first + skipped; sequence <= o->last && shown < count && bytes < ANSWER_BYTES; sequence++) {
            bytes += show_unacked_one(b, subject, g, o, sequence, list);
            shown++;
            index++;
        }
        memory_free(o->id);
    }
    memory_free(l);
    return index;
}

static void show_dead(broker_t *b, http_request_t *r, int64_t from, int64_t count, look_answer_t *a, json_t *list) {
    const char *subject = http_request_parameter(r, "subject"), *group = http_request_parameter(r, "group");
    char name[2 * SUBJECT_MAX_BYTES];
    size_t size = subject_dead_name(view_of(subject), view_of(group), name, sizeof name);
    store_subject_t *dead = size >= sizeof name ? NULL : store_subject_find(b->store, view_make(name, size));
    int64_t next = from;
    if (dead != NULL) show_range(b, dead, from, count, list, &next);
    (void)json_object_set_new(a->body, "from", json_integer(next));
}

static void show_state(broker_t *b, http_request_t *r, const char *state, int64_t from, int64_t count, look_answer_t *a, json_t *list) {
    store_group_t *g = look_group(b, r, a);
    if (g == NULL) return;
    if (strcmp(state, "dead") == 0) {
        show_dead(b, r, from < 0 ? 0 : from, count, a, list);
        return;
    }
    store_subject_t *subject = store_subject_find(b->store, store_group_subject(g));
    if (strcmp(state, "unacked") == 0) {
        int64_t next = show_unacked(b, subject, g, from < 0 ? 0 : from, count, list);
        (void)json_object_set_new(a->body, "from", json_integer(next));
        return;
    }
    int64_t position = -1;
    group_t *live = store_group_user(g);
    if (live != NULL) position = group_next(live);
    if (position < 0 && store_group_pulled(g, &position)) position++;
    show_range(b, subject, from > position ? from : position, count, list, &from);
    (void)json_object_set_new(a->body, "from", json_integer(from));
}

void look_messages(broker_t *b, http_request_t *r, look_answer_t *a) {
    const char *subject = http_request_parameter(r, "subject"), *state = http_request_parameter(r, "state");
    int64_t from, count;
    if (!look_number(r, "from", -1, 0, INT64_MAX, &from, a)) return;
    if (!look_number(r, "count", LOOK_COUNT_DEFAULT, 1, LOOK_COUNT_MOST, &count, a)) return;
    if (state != NULL && strcmp(state, "waiting") != 0 && strcmp(state, "unacked") != 0 && strcmp(state, "dead") != 0) {
        look_refuse(a, 400, "state is none of waiting, unacked, dead");
        return;
    }
    store_subject_t *found = subject == NULL ? NULL : store_subject_find(b->store, view_of(subject));
    if (found == NULL) {
        look_refuse(a, subject == NULL ? 400 : 404, subject == NULL ? "name a subject" : "this broker has no such subject");
        return;
    }
    json_t *list = json_array();
    if (state != NULL) {
        show_state(b, r, state, from, count, a, list);
    } else {
        show_range(b, found, from < 0 ? 0 : from, count, list, &from);
        (void)json_object_set_new(a->body, "from", json_integer(from));
    }
    if (a->status == 200)
        (void)json_object_set_new(a->body, "messages", list);
    else
        json_decref(list);
}
