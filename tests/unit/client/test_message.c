#include "base/memory.h"
#include "base/table.h"
#include "client/client.h"
#include "client/message_impl.h"
#include "portability/clock.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

static void drop_log(void *arg, qmq_log_level_t level, const char *line) {
    (void)arg, (void)level, (void)line;
}

/* A client that never needs the network. */
static qmq_client_t *make_client(void) {
    qmq_client_options_t o;
    qmq_client_options_init(&o);
    o.metaserver = "127.0.0.1:1";
    o.app_code = "order_app";
    o.log = drop_log;
    qmq_client_t *c = qmq_client_create(&o, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    return c;
}

static qmq_message_t *make_message(qmq_client_t *c) {
    qmq_message_t *m = qmq_message_create(c, "order.changed", NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    return m;
}

static bool digits(const char **at, size_t count) {
    size_t n = strspn(*at, "0123456789");
    if (n == 0 || (count > 0 && n != count)) return false;
    *at += n;
    return true;
}

static bool is_id(const char *id) {
    if (!digits(&id, 6) || *id++ != '.' || !digits(&id, 6) || *id++ != '.') return false;
    for (int i = 0; i < 4; i++) {
        if (!digits(&id, 0) || *id++ != '.') return false;
    }
    if (!digits(&id, 0) || *id++ != '.') return false;
    if (*id == '-') id++;
    return digits(&id, 0) && *id == 0;
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

#define IDS 100000

static void client_11_generated_ids(void) {
    qmq_client_t *c = make_client();
    qmq_client_t *other = make_client();
    char **ids = memory_alloc(IDS * sizeof *ids);
    bool all_are_ids = true;
    for (int i = 0; i < IDS; i++) {
        qmq_message_t *m = qmq_message_create(i % 2 == 0 ? c : other, "s", NULL);
        all_are_ids = all_are_ids && is_id(qmq_message_id(m));
        ids[i] = memory_strdup(qmq_message_id(m));
        qmq_message_destroy(m);
    }
    CU_ASSERT(all_are_ids);
    qsort(ids, IDS, sizeof *ids, compare_texts);
    int twice = 0;
    for (int i = 1; i < IDS; i++) twice += strcmp(ids[i], ids[i - 1]) == 0;
    CU_ASSERT_EQUAL(twice, 0);
    for (int i = 0; i < IDS; i++) memory_free(ids[i]);
    memory_free(ids);
    qmq_client_destroy(c);
    qmq_client_destroy(other);
}

static void client_12_what_a_message_carries(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    int64_t created = message_find_i64(m, "qmq_createTime", -1);
    CU_ASSERT_EQUAL(created, qmq_message_created_ms(m));
    CU_ASSERT(llabs(created - clock_wall_ms()) < 60000);
    CU_ASSERT_EQUAL(message_find_i64(m, "qmq_expireTime", -1), created + 900000);
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "qmq_appCode"), "order_app");
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

static void client_13_reserved_and_null(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    qmq_error_t *error = NULL;
    size_t before = m->count;
    CU_ASSERT_EQUAL(qmq_message_set(m, "qmq_times", "1", &error), QMQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "qmq_times"));
    qmq_error_free(error);
    CU_ASSERT_EQUAL(qmq_message_set(m, "key", NULL, NULL), QMQ_OK);
    CU_ASSERT_EQUAL(qmq_message_set(m, "", "value", NULL), QMQ_OK);
    CU_ASSERT_EQUAL(m->count, before);
    CU_ASSERT_EQUAL(qmq_message_set(m, "empty", "", NULL), QMQ_OK);
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "empty"), "");
    CU_ASSERT_PTR_NULL(qmq_message_get(m, "absent"));
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

static void client_14_longest_value(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    qmq_error_t *error = NULL;
    size_t got = 0;
    char *value = memory_zalloc(40000);
    memset(value, 'v', 40000);
    CU_ASSERT_EQUAL(qmq_message_set_bytes(m, "k", value, 32767, NULL), QMQ_OK);
    CU_ASSERT_EQUAL(qmq_message_set_bytes(m, "l", value, 32768, &error), QMQ_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "32768"));
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_remedy(error), "large"));
    qmq_error_free(error);
    value[32768] = 0;
    CU_ASSERT_EQUAL(qmq_message_set(m, value, "x", NULL), QMQ_INVALID); /* a key */
    writer_t w;
    writer_init(&w, 0);
    message_encode(&w, m, "order.changed", false, 1);
    cursor_t in = cursor_of(writer_view(&w));
    message_t wire;
    CU_ASSERT_FATAL(message_parse_wire(&in, &wire));
    qmq_message_t *received = message_decode(&wire, "order.changed", 1);
    CU_ASSERT_PTR_NOT_NULL(qmq_message_get_bytes(received, "k", &got));
    CU_ASSERT_EQUAL(got, 32767);
    CU_ASSERT(!received->corrupt);
    writer_free(&w);
    qmq_message_destroy(received);
    memory_free(value);
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

static void client_15_large_value_in_parts(void) {
    static const size_t sizes[] = {8192, 8192, 3616};
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    char value[20000];
    size_t size = 0;
    for (size_t i = 0; i < sizeof value; i++) value[i] = (char)('a' + i % 26);
    CU_ASSERT_EQUAL(qmq_message_set_large(m, "k", value, sizeof value, NULL), QMQ_OK);
    for (int i = 0; i < 3; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k#part%d", i);
        CU_ASSERT_PTR_NOT_NULL(qmq_message_get_bytes(m, key, &size));
        CU_ASSERT_EQUAL(size, sizes[i]);
    }
    CU_ASSERT_PTR_NULL(qmq_message_get(m, "k#part3"));
    const char *joined = qmq_message_get_bytes(m, "k", &size);
    CU_ASSERT_EQUAL_FATAL(size, sizeof value);
    CU_ASSERT_EQUAL(memcmp(joined, value, size), 0);
    /* The walk shows it as one. */
    const char *key, *one;
    CU_ASSERT(qmq_message_attribute_at(m, 0, &key, &one, &size));
    CU_ASSERT_STRING_EQUAL(key, "k");
    CU_ASSERT_EQUAL(size, sizeof value);
    CU_ASSERT(!qmq_message_attribute_at(m, 1, &key, &one, &size));
    /* A shorter one leaves nothing of it behind. */
    CU_ASSERT_EQUAL(qmq_message_set_large(m, "k", value, 9000, NULL), QMQ_OK);
    CU_ASSERT_PTR_NOT_NULL(qmq_message_get_bytes(m, "k", &size));
    CU_ASSERT_EQUAL(size, 9000);
    CU_ASSERT_EQUAL(qmq_message_set_large(m, "k", "short", 5, NULL), QMQ_OK);
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "k"), "short");
    CU_ASSERT_PTR_NULL(qmq_message_get(m, "k#part0"));
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

/* 8191 units and then one of two units: it goes whole into the second part. */
static void client_16_no_character_is_cut(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    char value[8191 + 4 + 10];
    size_t size = 0;
    memset(value, 'x', sizeof value);
    memcpy(value + 8191, "\xF0\x9F\x98\x80", 4);
    CU_ASSERT_EQUAL(qmq_message_set_large(m, "k", value, sizeof value, NULL), QMQ_OK);
    CU_ASSERT_PTR_NOT_NULL(qmq_message_get_bytes(m, "k#part0", &size));
    CU_ASSERT_EQUAL(size, 8191);
    const char *second = qmq_message_get_bytes(m, "k#part1", &size);
    CU_ASSERT_EQUAL_FATAL(size, 14);
    CU_ASSERT_EQUAL(memcmp(second, "\xF0\x9F\x98\x80", 4), 0);
    const char *joined = qmq_message_get_bytes(m, "k", &size);
    CU_ASSERT_EQUAL_FATAL(size, sizeof value);
    CU_ASSERT_EQUAL(memcmp(joined, value, size), 0);
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

static message_t encode(writer_t *w, const qmq_message_t *m, bool delayed) {
    message_t wire;
    writer_init(w, 0);
    message_encode(w, m, m->subject, delayed, 1554190212400);
    cursor_t in = cursor_of(writer_view(w));
    CU_ASSERT_FATAL(message_parse_wire(&in, &wire));
    CU_ASSERT_EQUAL(cursor_left(&in), 0);
    return wire;
}

static void client_17_18_checksum_and_flags(void) {
    qmq_client_t *c = make_client();
    for (int flags = 0; flags <= 6; flags += 2) {
        writer_t w;
        qmq_message_t *m = make_message(c);
        bool delayed = (flags & 2) != 0;
        if (delayed) qmq_message_set_schedule_ms(m, 4102444800000);
        if ((flags & 4) != 0) CU_ASSERT_EQUAL(qmq_message_add_tag(m, "pay", NULL), QMQ_OK);
        message_t wire = encode(&w, m, delayed);
        CU_ASSERT_EQUAL(wire.flag, flags);
        CU_ASSERT(message_crc_is_right(&wire));
        CU_ASSERT_EQUAL(wire.create_time, qmq_message_created_ms(m));
        CU_ASSERT_EQUAL(wire.expire_time, delayed ? 4102444800000 : 1554190212400);
        writer_free(&w);
        qmq_message_destroy(m);
    }
    qmq_client_destroy(c);
}

static void client_19_what_is_delayed(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    CU_ASSERT(!message_is_delayed(m, 1000000));
    qmq_message_set_schedule_ms(m, 1000499);
    CU_ASSERT(!message_is_delayed(m, 1000000));
    CU_ASSERT(message_is_delayed(m, 999999));
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "qmq_scheduleReceiveTime"), "1000499");
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

static void client_20_tags(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    char tag[8];
    for (int i = 0; i < 10; i++) {
        (void)snprintf(tag, sizeof tag, "t%d", i);
        CU_ASSERT_EQUAL(qmq_message_add_tag(m, tag, NULL), QMQ_OK);
        CU_ASSERT_EQUAL(qmq_message_add_tag(m, tag, NULL), QMQ_OK); /* the same once more */
    }
    CU_ASSERT_EQUAL(qmq_message_tag_count(m), 10);
    CU_ASSERT_EQUAL(qmq_message_add_tag(m, "t10", NULL), QMQ_INVALID);
    CU_ASSERT_EQUAL(qmq_message_add_tag(m, "", NULL), QMQ_INVALID);
    CU_ASSERT_STRING_EQUAL(qmq_message_tag_at(m, 9), "t9");
    CU_ASSERT_PTR_NULL(qmq_message_tag_at(m, 10));
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

static void message_typed_values(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    CU_ASSERT_EQUAL(qmq_message_set_int(m, "i", INT64_MIN, NULL), QMQ_OK);
    CU_ASSERT_EQUAL(qmq_message_set_double(m, "d", 1.0, NULL), QMQ_OK);
    CU_ASSERT_EQUAL(qmq_message_set_double(m, "e", 1e10, NULL), QMQ_OK);
    CU_ASSERT_EQUAL(qmq_message_set_double(m, "f", strtod("inf", NULL), NULL), QMQ_OK);
    CU_ASSERT_EQUAL(qmq_message_set_bool(m, "b", true, NULL), QMQ_OK);
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "i"), "-9223372036854775808");
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "d"), "1.0");
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "e"), "1.0E10");
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "f"), "Infinity");
    CU_ASSERT_STRING_EQUAL(qmq_message_get(m, "b"), "true");
    CU_ASSERT_EQUAL(qmq_message_set_id(m, "my-id", NULL), QMQ_OK);
    CU_ASSERT_STRING_EQUAL(qmq_message_id(m), "my-id");
    CU_ASSERT_EQUAL(qmq_message_set_id(m, "", NULL), QMQ_INVALID);
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

static void message_copy_is_equal(void) {
    qmq_client_t *c = make_client();
    qmq_message_t *m = make_message(c);
    CU_ASSERT_EQUAL(qmq_message_set(m, "k", "v", NULL), QMQ_OK);
    CU_ASSERT_EQUAL(qmq_message_add_tag(m, "t", NULL), QMQ_OK);
    qmq_message_t *copy = message_copy(m);
    writer_t a, b;
    writer_init(&a, 0);
    writer_init(&b, 0);
    message_encode(&a, m, "s", false, 5);
    message_encode(&b, copy, "s", false, 5);
    CU_ASSERT(view_equal(writer_view(&a), writer_view(&b)));
    writer_free(&a);
    writer_free(&b);
    qmq_message_destroy(copy);
    qmq_message_destroy(m);
    qmq_client_destroy(c);
}

const test_case_t message_cases[] = {
    TEST(client_11_generated_ids),
    TEST(client_12_what_a_message_carries),
    TEST(client_13_reserved_and_null),
    TEST(client_14_longest_value),
    TEST(client_15_large_value_in_parts),
    TEST(client_16_no_character_is_cut),
    TEST(client_17_18_checksum_and_flags),
    TEST(client_19_what_is_delayed),
    TEST(client_20_tags),
    TEST(message_typed_values),
    TEST(message_copy_is_equal),
    TEST_END,
};
