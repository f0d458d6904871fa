#include "protocol/client_register.h"
#include "protocol/codes.h"
#include "suites.h"
#include "wire.h"

static void put(writer_t *w, const char *key, view_t value) {
    writer_str(w, view_of(key));
    writer_str(w, value);
}

static void wire_20_missing_and_unknown_keys(void) {
    writer_t w;
    writer_init(&w, 0);
    writer_i16(&w, 3);
    put(&w, "subject", VIEW("s"));
    put(&w, "room", VIEW("r1"));
    put(&w, "consumerId", VIEW("old"));
    client_register_request_t r;
    CU_ASSERT_TRUE_FATAL(client_register_request_read(writer_view(&w), &r));
    CU_ASSERT_TRUE(view_equal(r.subject, VIEW("s")));
    CU_ASSERT_EQUAL(r.client_type, CLIENT_OTHER);
    CU_ASSERT_EQUAL(r.request_type, CLIENT_ONLINE);
    CU_ASSERT_EQUAL(r.app_code.size, 0);
    CU_ASSERT_EQUAL(r.client_id.size, 0);
    CU_ASSERT_EQUAL(r.consumer_group.size, 0);
    CU_ASSERT_EQUAL(r.client_ldc.size, 0);
    writer_free(&w);
}

static void wire_20_numbers_as_java_reads_them(void) {
    static const struct {
        const char *text;
        int32_t client_type;
        int32_t request_type;
    } numbers[] = {{"2", 2, 2},          {"+2", 2, 2},  {"-7", -7, -7}, {"2147483647", INT32_MAX, INT32_MAX},
                   {"2147483648", 3, 1}, {"", 3, 1},    {"two", 3, 1},  {" 2", 3, 1},
                   {"2 ", 3, 1},         {"1.0", 3, 1}, {"0x1", 3, 1},  {"-2147483648", INT32_MIN, INT32_MIN}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        writer_t w;
        client_register_request_t r;
        writer_init(&w, 0);
        writer_i16(&w, 2);
        put(&w, "clientTypeCode", view_of(numbers[i].text));
        put(&w, "requestType", view_of(numbers[i].text));
        CU_ASSERT_TRUE(client_register_request_read(writer_view(&w), &r));
        CU_ASSERT_EQUAL(r.client_type, numbers[i].client_type);
        CU_ASSERT_EQUAL(r.request_type, numbers[i].request_type);
        writer_free(&w);
    }
}

static void of_a_key_that_comes_twice_the_last_counts(void) {
    writer_t w;
    client_register_request_t r;
    writer_init(&w, 0);
    writer_i16(&w, 4);
    put(&w, "subject", VIEW("a"));
    put(&w, "clientTypeCode", VIEW("1"));
    put(&w, "subject", VIEW("b"));
    put(&w, "clientTypeCode", VIEW("x"));
    CU_ASSERT_TRUE(client_register_request_read(writer_view(&w), &r));
    CU_ASSERT_TRUE(view_equal(r.subject, VIEW("b")));
    CU_ASSERT_EQUAL(r.client_type, CLIENT_OTHER);
    writer_free(&w);
}

static void map_counts(void) {
    client_register_request_t r;
    CU_ASSERT_TRUE(client_register_request_read(VIEW("\0\0"), &r));
    CU_ASSERT_EQUAL(r.client_type, CLIENT_OTHER);
    CU_ASSERT_TRUE(client_register_request_read(VIEW("\xff\xff"), &r)); /* negative: empty */
    CU_ASSERT_TRUE(client_register_request_read(VIEW("\x80\0surplus"), &r));
    CU_ASSERT_EQUAL(r.subject.size, 0);
    CU_ASSERT_FALSE(client_register_request_read(VIEW("\x7f\xff"), &r));
    CU_ASSERT_FALSE(client_register_request_read(VIEW("\0\001\0\007subject"), &r));
    CU_ASSERT_FALSE(client_register_request_read(VIEW("\0\001\xff\xff\0\0"), &r));
    CU_ASSERT_FALSE(client_register_request_read(VIEW("\0"), &r));
    CU_ASSERT_FALSE(client_register_request_read(view_make(NULL, 0), &r));
}

static void the_data_centre_goes_only_when_set(void) {
    client_register_request_t r = {VIEW("s"), CLIENT_PRODUCER, VIEW("app"), VIEW("id"), VIEW(""), CLIENT_HEARTBEAT, VIEW("")};
    writer_t without;
    writer_t with;
    writer_init(&without, 0);
    client_register_request_write(&without, &r);
    r.client_ldc = VIEW("bj1");
    writer_init(&with, 0);
    client_register_request_write(&with, &r);
    CU_ASSERT_EQUAL(without.data[1], 6);
    CU_ASSERT_EQUAL(with.data[1], 7);
    CU_ASSERT_EQUAL(with.used - without.used, 2 + 9 + 2 + 3);
    client_register_request_t again;
    CU_ASSERT_TRUE(client_register_request_read(writer_view(&with), &again));
    CU_ASSERT_TRUE(view_equal(again.client_ldc, VIEW("bj1")));
    CU_ASSERT_EQUAL(again.request_type, CLIENT_HEARTBEAT);
    writer_free(&without);
    writer_free(&with);
}

/* An answer head with this number of groups in front of `rest`. */
static bool answer_reads(int16_t count, view_t rest, client_register_response_t *r) {
    writer_t w;
    writer_init(&w, 0);
    writer_i64(&w, -2);
    writer_str(&w, VIEW("s"));
    writer_str(&w, VIEW(""));
    writer_i8(&w, STATE_OFFLINE);
    writer_i8(&w, CLIENT_PRODUCER);
    writer_i16(&w, count);
    writer_bytes(&w, rest.data, rest.size);
    bool good = client_register_response_read(writer_view(&w), r);
    writer_free(&w);
    return good;
}

static void wire_22_error_answer(void) {
    client_register_response_t r;
    CU_ASSERT_TRUE(answer_reads(0, VIEW(""), &r));
    CU_ASSERT_EQUAL(r.timestamp, -2);
    CU_ASSERT_EQUAL(r.on_offline, STATE_OFFLINE);
    CU_ASSERT_EQUAL(r.group_count, 0);
    CU_ASSERT_EQUAL(r.groups.size, 0);
}

static void answers_are_checked_to_the_last_group(void) {
    static const char group[] = "\0\001g\0\001m\0\0\0\0\0\0\0\005\001";
    const size_t size = sizeof group - 1;
    client_register_response_t r;
    CU_ASSERT_TRUE(answer_reads(1, view_make(group, size), &r));
    CU_ASSERT_TRUE(answer_reads(1, VIEW("\0\001g\0\001m\0\0\0\0\0\0\0\005\001surplus"), &r));
    CU_ASSERT_EQUAL(r.groups.size, size);
    for (size_t cut = 1; cut <= size; cut++) CU_ASSERT_FALSE(answer_reads(1, view_make(group, size - cut), &r));
    CU_ASSERT_FALSE(answer_reads(2, view_make(group, size), &r));
    CU_ASSERT_FALSE(answer_reads(INT16_MAX, view_make(group, size), &r));
    CU_ASSERT_FALSE(answer_reads(-1, view_make(group, size), &r));

    client_register_response_t wrong = {0, VIEW("s"), VIEW(""), 0, 0, -1, {NULL, 0}};
    writer_t w;
    writer_init(&w, 0);
    client_register_response_write(&w, &wrong, NULL);
    CU_ASSERT_TRUE(w.failed);
    writer_free(&w);
}

static void wire_21_retry_subject_is_repeated_verbatim(void) {
    view_t retry = VIEW("%RETRY%order.changed%ticket");
    const route_group_t groups[] = {{VIEW("g1"), VIEW("h1:1"), 1, BROKER_RW}, {VIEW("g2"), VIEW("h2:2"), -1, BROKER_R}};
    client_register_response_t r = {7, retry, VIEW("ticket"), STATE_ONLINE, CLIENT_CONSUMER, 2, {NULL, 0}};
    client_register_response_t again;
    route_group_t g;
    writer_t w;
    writer_init(&w, 0);
    client_register_response_write(&w, &r, groups);
    CU_ASSERT_TRUE_FATAL(client_register_response_read(writer_view(&w), &again));
    CU_ASSERT_TRUE(view_equal(again.subject, retry));
    CU_ASSERT_TRUE(view_equal(again.consumer_group, VIEW("ticket")));
    cursor_t c = cursor_of(again.groups);
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_TRUE_FATAL(route_group_next(&c, &g));
        CU_ASSERT_TRUE(view_equal(g.name, groups[i].name));
        CU_ASSERT_TRUE(view_equal(g.master, groups[i].master));
        CU_ASSERT_EQUAL(g.update_time, groups[i].update_time);
        CU_ASSERT_EQUAL(g.state, groups[i].state);
    }
    CU_ASSERT_FALSE(route_group_next(&c, &g));
    writer_free(&w);
}

const test_case_t client_register_cases[] = {TEST(wire_20_missing_and_unknown_keys),
                                             TEST(wire_20_numbers_as_java_reads_them),
                                             TEST(of_a_key_that_comes_twice_the_last_counts),
                                             TEST(map_counts),
                                             TEST(the_data_centre_goes_only_when_set),
                                             TEST(wire_22_error_answer),
                                             TEST(answers_are_checked_to_the_last_group),
                                             TEST(wire_21_retry_subject_is_repeated_verbatim),
                                             TEST_END};
