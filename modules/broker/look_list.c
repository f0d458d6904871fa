/* Lists of subjects, and of groups with their consumers. */
#include "broker/look_internal.h"

#include "base/memory.h"
#include "base/writer.h"
#include "portability/clock.h"

#include <stdlib.h>

#define NAMES_BYTES ((size_t)16 * 1024) /* to begin with */

typedef struct subject_list {
    view_t prefix;
    view_t from;
    store_subject_t **at;
    size_t count;
    size_t capacity;
} subject_list_t;

static int compare_views(view_t a, view_t b) {
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static void add_subject(void *arg, store_subject_t *s) {
    subject_list_t *l = arg;
    view_t name = store_subject_name(s);
    if (name.size < l->prefix.size || (l->prefix.size > 0 && memcmp(name.data, l->prefix.data, l->prefix.size) != 0)) return;
    if (compare_views(name, l->from) < 0) return;
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 256 : l->capacity * 2;
        l->at = memory_realloc(l->at, l->capacity * sizeof(store_subject_t *));
    }
    l->at[l->count++] = s;
}

static int by_name(const void *a, const void *b) {
    return compare_views(store_subject_name(*(store_subject_t *const *)a), store_subject_name(*(store_subject_t *const *)b));
}

void look_subjects(broker_t *b, http_request_t *r, look_answer_t *a) {
    int64_t count;
    if (!look_number(r, "count", LOOK_COUNT_MOST, 1, LOOK_COUNT_MOST, &count, a)) return;
    const char *prefix = http_request_parameter(r, "prefix"), *from = http_request_parameter(r, "from");
    subject_list_t l = {.prefix = view_of(prefix == NULL ? "" : prefix), .from = view_of(from == NULL ? "" : from)};
    store_subjects(b->store, add_subject, &l);
    if (l.count > 0) qsort(l.at, l.count, sizeof(store_subject_t *), by_name);
    json_t *list = json_array();
    for (size_t i = 0; i < l.count && i < (size_t)count; i++) {
        int64_t min = 0, next = 0;
        (void)store_subject_bounds(l.at[i], &min, &next);
        json_t *one = json_object();
        (void)json_object_set_new(one, "subject", look_string(store_subject_name(l.at[i])));
        (void)json_object_set_new(one, "first", json_integer(min));
        (void)json_object_set_new(one, "next", json_integer(next));
        (void)json_array_append_new(list, one);
    }
    (void)json_object_set_new(a->body, "total", json_integer((json_int_t)l.count));
    (void)json_object_set_new(a->body, "subjects", list);
    if (l.count > (size_t)count) (void)json_object_set_new(a->body, "from", look_string(store_subject_name(l.at[count])));
    memory_free(l.at);
}

typedef struct group_list {
    view_t subject;
    store_group_t *at[LOOK_COUNT_MOST];
    size_t count;
    size_t total;
} group_list_t;

static void add_group(void *arg, store_group_t *g) {
    group_list_t *l = arg;
    if (!view_equal(store_group_subject(g), l->subject)) return;
    if (l->count < LOOK_COUNT_MOST) l->at[l->count++] = g;
    l->total++;
}

typedef struct listed_consumer {
    size_t at; /* of its id in the list's names */
    size_t size;
    int64_t pull;
    int64_t ack;
} listed_consumer_t;

typedef struct consumer_list {
    listed_consumer_t at[LOOK_COUNT_MOST];
    writer_t names;
    int64_t unacked;
    size_t total;
} consumer_list_t;

/* Under the lock that pulls and acknowledgements of the group take: it only copies. */
static void add_consumer(void *arg, view_t id, int64_t pull, int64_t ack) {
    consumer_list_t *l = arg;
    l->unacked += pull - ack;
    if (l->total < LOOK_COUNT_MOST) {
        l->at[l->total] = (listed_consumer_t){l->names.used, id.size, pull, ack};
        writer_bytes(&l->names, id.data, id.size);
    }
    l->total++;
}

static json_t *describe_consumers(const consumer_list_t *l, heartbeats_t *heartbeats) {
    json_t *list = json_array();
    int64_t now = clock_mono_us();
    for (size_t i = 0; i < l->total && i < LOOK_COUNT_MOST; i++) {
        const listed_consumer_t *c = &l->at[i];
        view_t id = view_make(l->names.data + c->at, c->size);
        int64_t seen = heartbeats == NULL ? -1 : heartbeats_of(heartbeats, id);
        json_t *one = json_object();
        (void)json_object_set_new(one, "id", look_string(id));
        (void)json_object_set_new(one, "pulled", json_integer(c->pull));
        (void)json_object_set_new(one, "acked", json_integer(c->ack));
        (void)json_object_set_new(one, "unacked", json_integer(c->pull - c->ack));
        if (seen >= 0) (void)json_object_set_new(one, "silent_ms", json_integer((now - seen) / 1000));
        (void)json_array_append_new(list, one);
    }
    return list;
}

static json_t *describe_group(store_group_t *progress, int64_t next_sequence) {
    group_t *g = store_group_user(progress);
    int64_t pulled = -1;
    (void)store_group_pulled(progress, &pulled);
    int64_t position = g == NULL ? -1 : group_next(g);
    if (position < 0) position = pulled + 1;
    consumer_list_t *consumers = memory_zalloc(sizeof *consumers);
    writer_init(&consumers->names, NAMES_BYTES);
    store_consumers(progress, add_consumer, consumers);
    json_t *one = json_object();
    (void)json_object_set_new(one, "group", look_string(store_group_name(progress)));
    (void)json_object_set_new(one, "broadcast", json_boolean(store_group_is_broadcast(progress)));
    (void)json_object_set_new(one, "position", json_integer(position));
    (void)json_object_set_new(one, "lag", json_integer(next_sequence - position));
    (void)json_object_set_new(one, "unacked", json_integer(consumers->unacked));
    (void)json_object_set_new(one, "waiting_requests", json_integer(g == NULL ? 0 : group_pending(g)));
    (void)json_object_set_new(one, "consumer_count", json_integer((json_int_t)consumers->total));
    (void)json_object_set_new(one, "consumers", describe_consumers(consumers, g == NULL ? NULL : group_heartbeats(g)));
    writer_free(&consumers->names);
    memory_free(consumers);
    return one;
}

void look_groups(broker_t *b, http_request_t *r, look_answer_t *a) {
    const char *subject = http_request_parameter(r, "subject");
    store_subject_t *found = subject == NULL ? NULL : store_subject_find(b->store, view_of(subject));
    if (found == NULL) {
        look_refuse(a, subject == NULL ? 400 : 404, subject == NULL ? "name a subject" : "this broker has no such subject");
        return;
    }
    int64_t min = 0, next = 0;
    (void)store_subject_bounds(found, &min, &next);
    group_list_t *l = memory_zalloc(sizeof *l);
    l->subject = view_of(subject);
    store_groups(b->store, add_group, l);
    json_t *list = json_array();
    for (size_t i = 0; i < l->count; i++) (void)json_array_append_new(list, describe_group(l->at[i], next));
    (void)json_object_set_new(a->body, "subject", json_string(subject));
    (void)json_object_set_new(a->body, "first", json_integer(min));
    (void)json_object_set_new(a->body, "next", json_integer(next));
    (void)json_object_set_new(a->body, "total", json_integer((json_int_t)l->total));
    (void)json_object_set_new(a->body, "groups", list);
    memory_free(l);
}
