/* CLIENT_REGISTER: layout, defaults, refusals, rows, order (wire-protocol.md 8, metaserver.md 6.1). */
#include "site.h"
#include "suites.h"

#include "base/memory.h"
#include "base/writer.h"
#include "portability/thread.h"
#include "protocol/client_register.h"

#include <stdio.h>

/* wire-protocol.md 21.6. */
static const uint8_t example[] = {0x00, 0x00, 0x00, 0xa6, 0x00, 0x12, 0xde, 0xc1, 0x0a, 0xde, 0x00, 0x23,
                                  0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x23};

static wire_answer_t ask_map(site_t *s, const char *const *pairs, int32_t opaque, int16_t version, int32_t flag) {
    writer_t w;
    writer_init(&w, 128);
    int16_t count = 0;
    while (pairs[2 * count] != NULL) count++;
    writer_i16(&w, count);
    for (int16_t i = 0; i < 2 * count; i++) writer_str(&w, view_of(pairs[i]));
    wire_answer_t a = {.bytes = NULL};
    CU_ASSERT_TRUE_FATAL(wire_client_send(s->wire, REQUEST_CLIENT_REGISTER, version, opaque, flag, writer_view(&w)));
    writer_free(&w);
    CU_ASSERT_TRUE_FATAL(wire_client_receive(s->wire, &a, 10));
    return a;
}

static site_route_t register_map(site_t *s, const char *const *pairs) {
    wire_answer_t a = ask_map(s, pairs, 0, VERSION_9, 0);
    site_route_t r;
    CU_ASSERT_TRUE_FATAL(site_decode_route(&a, &r));
    memory_free(a.bytes);
    return r;
}

static void metaserver_26_wire_19_example_and_header(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    const char *pairs[] = {"clientId",
                           "host-7@@5f4dcc3b5aa765d61d8327deb882cf99",
                           "clientTypeCode",
                           "2",
                           "requestType",
                           "1",
                           "subject",
                           "order.changed",
                           "appCode",
                           "ticket_app",
                           "consumerGroup",
                           "ticket",
                           NULL,
                           NULL};
    wire_answer_t a = ask_map(s, pairs, -77, 9, 0);
    CU_ASSERT_EQUAL(a.frame.opaque, -77);
    CU_ASSERT_EQUAL(a.frame.version, 9);
    CU_ASSERT_EQUAL(a.frame.flag, 1);
    CU_ASSERT_EQUAL(a.frame.request_code, 35);
    CU_ASSERT_EQUAL(memcmp(a.bytes + 4, example + 4, 6), 0); /* header length and magic */
    cursor_t c = cursor_of(a.frame.body);
    CU_ASSERT_TRUE(cursor_i64(&c) > 0);
    CU_ASSERT_TRUE(view_equal(cursor_str(&c), view_of("order.changed")));
    CU_ASSERT_TRUE(view_equal(cursor_str(&c), view_of("ticket")));
    CU_ASSERT_EQUAL(cursor_i8(&c), 0);
    CU_ASSERT_EQUAL(cursor_i8(&c), 2);
    CU_ASSERT_EQUAL(cursor_i16(&c), 1);
    CU_ASSERT_TRUE(view_equal(cursor_str(&c), view_of("bg1")));
    CU_ASSERT_TRUE(view_equal(cursor_str(&c), view_of("10.0.0.1:20881")));
    CU_ASSERT_TRUE(cursor_i64(&c) > 0);
    CU_ASSERT_EQUAL(cursor_i8(&c), 1);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    CU_ASSERT_FALSE(c.failed);
    memory_free(a.bytes);
    site_close(s);
}

static void metaserver_09_an_empty_map_gets_the_failure_answer(void) {
    site_t *s = site_open(NULL);
    const char *none[] = {NULL, NULL};
    site_route_t r = register_map(s, none);
    CU_ASSERT_EQUAL(r.timestamp, -2);
    CU_ASSERT_EQUAL(r.on_offline, STATE_OFFLINE);
    CU_ASSERT_EQUAL(r.client_type, 3);
    CU_ASSERT_EQUAL(r.count, 0);
    CU_ASSERT_STRING_EQUAL(r.subject, "");
    site_close(s);
}

static void metaserver_10_wire_22_illegal_subjects(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    static const char *const bad[] = {"", "a b", "a/b", "a\rb", "a\nb", "a\tb", "a\xc2\x85", "a\xe3\x80\x80", "%RETRY%a b%g"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        site_route_t r = site_register_as(s, bad[i], CLIENT_CONSUMER, CLIENT_ONLINE, "g 1", "c1");
        CU_ASSERT_EQUAL(r.timestamp, -2);
        CU_ASSERT_EQUAL(r.on_offline, STATE_OFFLINE);
        CU_ASSERT_EQUAL(r.count, 0);
    }
    CU_ASSERT_EQUAL(site_register(s, "a\xe2\x80\x87g").count, 1); /* a blank that breaks no line */
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), 1);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_meta_info"), 0);
    site_close(s);
}

static void metaserver_11_a_body_that_is_none_is_answered_51(void) {
    site_t *s = site_open(NULL);
    static const char *const bodies[] = {"", "\x00\x01", "\x00\x02\x00\x01"};
    static const size_t sizes[] = {0, 2, 4};
    for (size_t i = 0; i < 3; i++) {
        wire_answer_t a = {.bytes = NULL};
        CU_ASSERT_TRUE_FATAL(wire_client_send(s->wire, REQUEST_CLIENT_REGISTER, 9, 5, 0, view_make(bodies[i], sizes[i])));
        CU_ASSERT_TRUE_FATAL(wire_client_receive(s->wire, &a, 10));
        CU_ASSERT_EQUAL(a.frame.code, 51);
        CU_ASSERT_EQUAL(a.frame.body.size, 0);
        memory_free(a.bytes);
    }
    CU_ASSERT_EQUAL(site_register(s, "after").timestamp > 0, 1);
    site_close(s);
}

static bool has_two(void *arg) {
    return site_number(arg, "SELECT COUNT(*) FROM client_meta_info WHERE client_id IN ('again', 'other')") == 2;
}

/* A client that says type 1 every minute, as some do: the row is there, and nothing more is asked of the database. */
static void metaserver_23_a_row_that_is_there_is_not_written_again(void) {
    site_t *s = site_open(NULL);
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_ONLINE, "g", "again");
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_ONLINE, "g", "other");
    CU_ASSERT_TRUE_FATAL(test_wait(has_two, s, 10));
    site_sql(s, "DELETE FROM client_meta_info WHERE client_id = 'again'");
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_ONLINE, "g", "again");
    (void)site_register_as(s, "s", CLIENT_PRODUCER, CLIENT_ONLINE, "g", "other"); /* another type is another row */
    CU_ASSERT_TRUE(test_wait(has_two, s, 10));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_meta_info WHERE client_id = 'again'"), 0);
    site_close(s);
}

static bool rows_are(void *arg) {
    site_t *s = arg;
    return site_number(s, "SELECT COUNT(*) FROM client_meta_info WHERE client_id = 'last'") == 1;
}

static void metaserver_24_25_wire_20_defaults_and_unknown_keys(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    const char *no_numbers[] = {"subject", "s1", "unknown", "key", "", "empty", "clientId", "none", NULL, NULL};
    site_route_t r = register_map(s, no_numbers);
    CU_ASSERT_EQUAL(r.client_type, 3);
    CU_ASSERT_EQUAL(r.count, 1);
    const char *bad_numbers[] = {"subject", "s1", "clientTypeCode", "two", "requestType", "1x", "clientId", "bad", NULL, NULL};
    CU_ASSERT_EQUAL(register_map(s, bad_numbers).client_type, 3);
    const char *heartbeat[] = {"subject", "s1", "clientTypeCode", "2", "requestType", "2", "clientId", "beat", NULL, NULL};
    CU_ASSERT_EQUAL(register_map(s, heartbeat).client_type, 2);
    const char *strange[] = {"subject", "s1", "clientTypeCode", "261", "requestType", "2", NULL, NULL};
    CU_ASSERT_EQUAL(register_map(s, strange).client_type, 5); /* low 8 bits */
    (void)site_register_as(s, "s1", CLIENT_CONSUMER, CLIENT_ONLINE, "g1", "last");
    CU_ASSERT_TRUE(test_wait(rows_are, s, 5));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_meta_info WHERE client_id IN ('none', 'bad')"), 2);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_meta_info WHERE client_id = 'beat'"), 0);
    site_close(s);
}

static void wire_21_subject_and_group_verbatim(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    static const char *const names[] = {"s", "%RETRY%s%g1", "%DEAD_RETRY%s%g1", "支付.完成", "s@:#", "%RETRY%a%b%c"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        site_route_t r = site_register_as(s, names[i], CLIENT_CONSUMER, CLIENT_HEARTBEAT, "组 g/1", "c"); /* checks both */
        CU_ASSERT_STRING_EQUAL(r.names, "bg1");
    }
    site_close(s);
}

static void metaserver_23_wire_24_two_online_requests_leave_one_row(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    for (int i = 0; i < 3; i++) (void)site_register_as(s, "%RETRY%s%g1", CLIENT_CONSUMER, CLIENT_ONLINE, "g1", "first");
    (void)site_register_as(s, "s", CLIENT_CONSUMER, CLIENT_ONLINE, "g1", "last");
    CU_ASSERT_TRUE(test_wait(rows_are, s, 5));
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM client_meta_info WHERE client_id = 'first'"), 1);
    CU_ASSERT_EQUAL(
        site_number(s,
                    "SELECT COUNT(*) FROM client_meta_info WHERE client_id = 'first' AND subject_info = '%RETRY%s%g1' AND client_type = 2 "
                    "AND consumer_group = 'g1' AND app_code = 'app' AND room = 'bj' AND create_time >= '2020-01-01 00:00:00'"),
        1);
    site_close(s);
}

static void metaserver_29_the_timestamp_is_database_time_in_seconds(void) {
    site_t *s = site_open(NULL);
    int64_t now =
        site_number(s, site_on_mysql(s) ? "SELECT UNIX_TIMESTAMP() * 1000" : "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000");
    int64_t told = site_register(s, "s").timestamp;
    CU_ASSERT_TRUE(told % 1000 == 0 && told <= now && told >= now - 20000);
    site_close(s);
}

static void metaserver_30_long_subjects_are_refused(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    char subject[400] = "";
    for (int i = 0; i < 100; i++) strcat(subject, "题"); /* 100 characters in 300 bytes */
    CU_ASSERT_EQUAL(site_register(s, subject).count, 1);
    strcat(subject, "x");
    site_route_t r = site_register_as(s, subject, CLIENT_CONSUMER, CLIENT_ONLINE, "g1", "c1");
    CU_ASSERT_EQUAL(r.timestamp, -2);
    CU_ASSERT_EQUAL(r.count, 0);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), 1);
    site_close(s);
}

/* Sends while the test reads: neither side waits for the other for ever. */
typedef struct sender {
    wire_client_t *wire;
    const writer_t *bytes;
    bool sent;
} sender_t;

static void send_all(void *arg) {
    sender_t *t = arg;
    t->sent = wire_client_send_bytes(t->wire, t->bytes->data, t->bytes->used);
}

/* Many requests of new and known subjects in one go, from two connections on two loops. */
static void metaserver_28_answers_leave_in_order_and_every_request_gets_one(void) {
    static const char *const overrides[] = {"io.loops=2", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    enum { REQUESTS = 20000, SUBJECTS = 50 };
    wire_client_t *second = wire_client_open(metaserver_tcp_port(s->m));
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    wire_client_t *both[] = {s->wire, second};
    writer_t w;
    writer_init(&w, 4 * 1024 * 1024);
    for (int i = 0; i < REQUESTS; i++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "s.%d", i % SUBJECTS);
        client_register_request_t r = {.subject = view_of(subject), .client_type = i % 3 + 1, .request_type = 2, .client_id = view_of("c")};
        uint8_t body[256];
        writer_t b;
        writer_init_fixed(&b, body, sizeof body);
        client_register_request_write(&b, &r);
        uint8_t head[FRAME_HEAD];
        frame_write_head(head, REQUEST_CLIENT_REGISTER, 9, i, 0, 35, b.used);
        writer_bytes(&w, head, sizeof head);
        writer_bytes(&w, body, b.used);
    }
    sender_t senders[2];
    thread_t *threads[2];
    for (int k = 0; k < 2; k++) {
        senders[k] = (sender_t){.wire = both[k], .bytes = &w};
        CU_ASSERT_EQUAL_FATAL(thread_start(&threads[k], "sender", send_all, &senders[k]), APR_SUCCESS);
    }
    for (int k = 0; k < 2; k++) {
        int last[SUBJECTS];
        for (int i = 0; i < SUBJECTS; i++) last[i] = -1;
        int answers = 0, disorder = 0, empty = 0;
        for (; answers < REQUESTS; answers++) {
            wire_answer_t a;
            site_route_t r;
            if (!wire_client_receive(both[k], &a, 20)) break;
            if (!site_decode_route(&a, &r) || r.count != 1) empty++;
            int *of_subject = &last[a.frame.opaque % SUBJECTS];
            if (a.frame.opaque <= *of_subject) disorder++;
            *of_subject = a.frame.opaque;
            memory_free(a.bytes);
        }
        CU_ASSERT_EQUAL(answers, REQUESTS);
        CU_ASSERT_EQUAL(disorder, 0);
        CU_ASSERT_EQUAL(empty, 0);
    }
    for (int k = 0; k < 2; k++) {
        thread_join(threads[k]);
        CU_ASSERT_TRUE(senders[k].sent);
    }
    writer_free(&w);
    wire_client_close(second);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route WHERE version = 1"), SUBJECTS);
    CU_ASSERT_EQUAL(atomic_load(&s->m->registers_waiting), 0);
    site_close(s);
}

static void one_way_requests_are_answered_anyway(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    const char *pairs[] = {"subject", "s1", NULL, NULL};
    for (int i = 0; i < 2; i++) { /* through the database, then from the catalog */
        wire_answer_t a = ask_map(s, pairs, 9, 9, FRAME_FLAG_ONEWAY);
        CU_ASSERT_EQUAL(a.frame.code, 0);
        CU_ASSERT_EQUAL(a.frame.opaque, 9);
        memory_free(a.bytes);
    }
    site_close(s);
}

static void beyond_subjects_max_new_subjects_get_the_failure_answer(void) {
    static const char *const overrides[] = {"subjects.max=2", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_register(s, "s1").count, 1);
    CU_ASSERT_EQUAL(site_register(s, "s2").count, 1);
    site_route_t r = site_register(s, "s3");
    CU_ASSERT_TRUE(r.count == 0 && r.timestamp == -2);
    CU_ASSERT_EQUAL(site_register(s, "s2").count, 1);
    CU_ASSERT_EQUAL(site_number(s, "SELECT COUNT(*) FROM subject_route"), 2);
    site_close(s);
}

static void at_the_bound_unknown_subjects_get_the_failure_answer(void) {
    static const char *const overrides[] = {"client.register.queue.max=1", "io.loops=1", NULL};
    site_t *s = site_open(overrides);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    writer_t w;
    writer_init(&w, 4096);
    for (int i = 0; i < 20; i++) {
        char subject[32];
        (void)snprintf(subject, sizeof subject, "bound.%d", i);
        client_register_request_t r = {.subject = view_of(subject), .client_type = 2, .request_type = 2};
        uint8_t body[256];
        writer_t b;
        writer_init_fixed(&b, body, sizeof body);
        client_register_request_write(&b, &r);
        uint8_t head[FRAME_HEAD];
        frame_write_head(head, REQUEST_CLIENT_REGISTER, 9, i, 0, 35, b.used);
        writer_bytes(&w, head, sizeof head);
        writer_bytes(&w, body, b.used);
    }
    CU_ASSERT_TRUE_FATAL(wire_client_send_bytes(s->wire, w.data, w.used));
    writer_free(&w);
    int routed = 0, failed = 0;
    for (int i = 0; i < 20; i++) {
        wire_answer_t a;
        site_route_t r;
        CU_ASSERT_TRUE_FATAL(wire_client_receive(s->wire, &a, 10));
        CU_ASSERT_TRUE_FATAL(site_decode_route(&a, &r));
        routed += r.count == 1 && r.timestamp > 0;
        failed += r.count == 0 && r.timestamp == -2;
        memory_free(a.bytes);
    }
    CU_ASSERT_TRUE(routed >= 1 && failed >= 1);
    CU_ASSERT_EQUAL(routed + failed, 20);
    site_close(s);
}

const test_case_t register_cases[] = {TEST(metaserver_26_wire_19_example_and_header),
                                      TEST(metaserver_09_an_empty_map_gets_the_failure_answer),
                                      TEST(metaserver_10_wire_22_illegal_subjects),
                                      TEST(metaserver_11_a_body_that_is_none_is_answered_51),
                                      TEST(metaserver_23_a_row_that_is_there_is_not_written_again),
                                      TEST(metaserver_24_25_wire_20_defaults_and_unknown_keys),
                                      TEST(wire_21_subject_and_group_verbatim),
                                      TEST(metaserver_23_wire_24_two_online_requests_leave_one_row),
                                      TEST(metaserver_29_the_timestamp_is_database_time_in_seconds),
                                      TEST(metaserver_30_long_subjects_are_refused),
                                      TEST(metaserver_28_answers_leave_in_order_and_every_request_gets_one),
                                      TEST(one_way_requests_are_answered_anyway),
                                      TEST(beyond_subjects_max_new_subjects_get_the_failure_answer),
                                      TEST(at_the_bound_unknown_subjects_get_the_failure_answer),
                                      TEST_END};
