#include "fixture.h"

#include "base/memory.h"
#include "base/status.h"
#include "suites.h"

static void wire_2_byte_by_byte_and_three_at_once(void) {
    fixture_t f;
    client_t c;
    uint8_t bytes[3 * 64];
    size_t size = 0;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 3; i++) size += request_write(bytes + size, CODE_ECHO, i, "hello", 5);
    for (size_t i = 0; i < size; i++) CU_ASSERT_FATAL(client_write(&c, bytes + i, 1));
    for (int i = 0; i < 3; i++) CU_ASSERT(client_expect(&c, 0, i, "hello", 5));
    CU_ASSERT(client_write(&c, bytes, size));
    for (int i = 0; i < 3; i++) CU_ASSERT(client_expect(&c, 0, i, "hello", 5));
    CU_ASSERT_EQUAL(f.frames, 6);
    client_close(&c);
    fixture_stop(&f);
}

static void expect_closed_without_answer(fixture_t *f, const void *bytes, size_t size) {
    client_t c;
    char byte;
    apr_size_t n = 1;
    CU_ASSERT_FATAL(client_open(&c, f->port));
    CU_ASSERT(client_write(&c, bytes, size));
    CU_ASSERT(client_is_closed(&c));
    CU_ASSERT(apr_socket_recv(c.socket, &byte, &n) != APR_SUCCESS);
    client_close(&c);
}

static void wire_3_wrong_magic_closes(void) {
    static const char *const strangers[] = {"GET / HTTP/1.0\r\n\r\n", "\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03 hello",
                                            "SSH-2.0-OpenSSH_9.2\r\n", "hello\r\n"};
    fixture_t f;
    fixture_start(&f, 0, NULL);
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) expect_closed_without_answer(&f, strangers[i], strlen(strangers[i]));
    uint8_t bytes[64];
    size_t size = request_write(bytes, CODE_ECHO, 1, NULL, 0);
    bytes[9] ^= 1;
    expect_closed_without_answer(&f, bytes, size);
    CU_ASSERT(fixture_wait_connections(&f, 0));
    CU_ASSERT_EQUAL(f.frames, 0);
    fixture_stop(&f);
}

static void wire_4_absurd_lengths_close(void) {
    static const uint8_t heads[][6] = {{0, 0, 0, 19, 0, 18},
                                       {0xFF, 0xFF, 0xFF, 0xFF, 0, 18},
                                       {0x7F, 0xFF, 0xFF, 0xFF, 0, 18},
                                       {0x10, 0x00, 0x00, 0x01, 0, 18},
                                       {0, 0, 0, 20, 0, 17},
                                       {0, 0, 0, 20, 0, 19},
                                       {0, 0, 0, 20, 0xFF, 0xFF}};
    fixture_t f;
    fixture_start(&f, 0, NULL);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        uint8_t bytes[64];
        size_t size = request_write(bytes, CODE_ECHO, 1, NULL, 0);
        memcpy(bytes, heads[i], sizeof heads[i]);
        expect_closed_without_answer(&f, bytes, size);
    }
    fixture_stop(&f);
}

/* What came before the error is served; what comes after is not. */
static void server_serves_what_came_before_an_error(void) {
    fixture_t f;
    client_t c;
    uint8_t bytes[128];
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    size_t size = request_write(bytes, CODE_ECHO, 1, "a", 1);
    memset(bytes + size, 'x', 24);
    size += 24;
    size += request_write(bytes + size, CODE_ECHO, 2, "b", 1);
    CU_ASSERT(client_write(&c, bytes, size));
    CU_ASSERT(client_is_closed(&c));
    CU_ASSERT(fixture_wait_connections(&f, 0));
    CU_ASSERT_EQUAL(f.frames, 1);
    CU_ASSERT_EQUAL(f.bursts, 1);
    client_close(&c);
    fixture_stop(&f);
}

static void wire_5_answer_header(void) {
    static const int16_t request_codes[] = {-1, 0, CODE_ECHO};
    static const int16_t versions[] = {3, 8, -5};
    fixture_t f;
    client_t c;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 3; i++) {
        uint8_t bytes[64];
        answer_t a;
        size_t size = request_write(bytes, CODE_ECHO, 77 + i, "q", 1);
        bytes[12] = (uint8_t)((uint16_t)versions[i] >> 8);
        bytes[13] = (uint8_t)versions[i];
        bytes[22] = (uint8_t)((uint16_t)request_codes[i] >> 8);
        bytes[23] = (uint8_t)request_codes[i];
        CU_ASSERT(client_write(&c, bytes, size));
        CU_ASSERT_FATAL(client_answer(&c, &a));
        CU_ASSERT_EQUAL(a.total, 21);
        CU_ASSERT_EQUAL(a.code, 0);
        CU_ASSERT_EQUAL(a.version, versions[i]);
        CU_ASSERT_EQUAL(a.opaque, 77 + i);
        CU_ASSERT_EQUAL(a.request_code, CODE_ECHO);
        answer_free(&a);
    }
    client_close(&c);
    fixture_stop(&f);
}

static void wire_6_opaque_zero_several_times(void) {
    fixture_t f;
    client_t c;
    parked_t p;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 3; i++) CU_ASSERT(client_request(&c, CODE_PARK, 0, (uint8_t[4]){0, 0, 0, (uint8_t)i}, 4));
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 3));
    for (int i = 0; i < 3 && fixture_take(&f, 0, &p); i++) reply_tag(&p.reply, 0, p.tag);
    for (int i = 0; i < 3; i++) CU_ASSERT(client_expect(&c, 0, 0, (uint8_t[4]){0, 0, 0, (uint8_t)i}, 4));
    client_close(&c);
    fixture_stop(&f);
}

static void wire_7_negative_opaque(void) {
    static const int32_t opaques[] = {-1, INT32_MIN, INT32_MAX, -1000};
    fixture_t f;
    client_t c;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 4; i++) {
        CU_ASSERT(client_request(&c, CODE_ECHO, opaques[i], NULL, 0));
        CU_ASSERT(client_expect(&c, 0, opaques[i], NULL, 0));
    }
    client_close(&c);
    fixture_stop(&f);
}

static void wire_8_error_answers_are_empty(void) {
    static const uint8_t codes[] = {3, 4, 51, 52, 53};
    fixture_t f;
    client_t c;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 5; i++) {
        CU_ASSERT(client_request(&c, CODE_CODE, i, (uint8_t[2]){0, codes[i]}, 2));
        CU_ASSERT(client_expect(&c, codes[i], i, NULL, 0));
    }
    client_close(&c);
    fixture_stop(&f);
}

static void wire_9_response_flag_is_ignored(void) {
    fixture_t f;
    client_t c;
    uint8_t bytes[64];
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    size_t size = request_write(bytes, CODE_ECHO, 1, "x", 1);
    bytes[21] = FRAME_FLAG_RESPONSE;
    CU_ASSERT(client_write(&c, bytes, size));
    CU_ASSERT(client_request(&c, CODE_ECHO, 2, "y", 1));
    CU_ASSERT(client_expect(&c, 0, 2, "y", 1));
    CU_ASSERT_EQUAL(f.frames, 1);
    client_close(&c);
    fixture_stop(&f);
}

static void server_does_not_answer_oneway(void) {
    static const int16_t codes[] = {CODE_ECHO, CODE_PARK, 99};
    fixture_t f;
    client_t c;
    parked_t p;
    uint8_t bytes[64];
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 3; i++) {
        size_t size = request_write(bytes, codes[i], 1, "x", 1);
        bytes[21] = FRAME_FLAG_ONEWAY;
        CU_ASSERT(client_write(&c, bytes, size));
    }
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 1));
    CU_ASSERT_FATAL(fixture_take(&f, 0, &p));
    reply_tag(&p.reply, 0, 5);
    CU_ASSERT_PTR_NULL(p.reply.connection);
    CU_ASSERT(client_request(&c, CODE_ECHO, 2, "y", 1));
    CU_ASSERT(client_expect(&c, 0, 2, "y", 1));
    client_close(&c);
    fixture_stop(&f);
}

static void wire_10_unparsable_body(void) {
    fixture_t f;
    client_t c;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_PARSE, 1,
                             "\0\x05"
                             "abc",
                             5));
    CU_ASSERT(client_expect(&c, 51, 1, NULL, 0));
    CU_ASSERT(client_request(&c, CODE_PARSE, 2,
                             "\0\x03"
                             "abc",
                             5));
    CU_ASSERT(client_expect(&c, 0, 2, NULL, 0));
    client_close(&c);
    fixture_stop(&f);
}

static void wire_11_unknown_codes(void) {
    static const int16_t codes[] = {24, 26, 27, 50, 51, 99, 100, 0, -1, INT16_MAX, INT16_MIN};
    fixture_t f;
    client_t c;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 11; i++) {
        answer_t a;
        CU_ASSERT(client_request(&c, codes[i], i, "body", 4));
        CU_ASSERT_FATAL(client_answer(&c, &a));
        CU_ASSERT_EQUAL(a.code, 3);
        CU_ASSERT_EQUAL(a.opaque, i);
        CU_ASSERT_EQUAL(a.request_code, codes[i]);
        CU_ASSERT_EQUAL(a.total, 20);
        answer_free(&a);
    }
    client_close(&c);
    fixture_stop(&f);
}

static void wire_12_parked_requests_hold_nothing_up(void) {
    fixture_t f;
    client_t c;
    parked_t p;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_PARK, 1, NULL, 0));
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 1));
    for (int i = 2; i < 100; i++) {
        CU_ASSERT(client_request(&c, CODE_ECHO, i, "x", 1));
        CU_ASSERT(client_expect(&c, 0, i, "x", 1));
    }
    CU_ASSERT_FATAL(fixture_take(&f, 0, &p));
    reply_tag(&p.reply, 4, 0);
    CU_ASSERT(client_expect(&c, 4, 1, "\0\0\0\0", 4));
    client_close(&c);
    fixture_stop(&f);
}

static void server_limits_connections(void) {
    fixture_t f;
    client_t c[3];
    net_server_options_t change = {.max_connections = 2};
    fixture_start(&f, 0, &change);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_FATAL(client_open(&c[i], f.port));
        CU_ASSERT(client_request(&c[i], CODE_ECHO, 1, NULL, 0));
        CU_ASSERT(client_expect(&c[i], 0, 1, NULL, 0));
    }
    CU_ASSERT_FATAL(client_open(&c[2], f.port));
    CU_ASSERT(client_is_closed(&c[2]));
    client_close(&c[2]);
    client_close(&c[0]);
    CU_ASSERT(fixture_wait_connections(&f, 1));
    CU_ASSERT_FATAL(client_open(&c[0], f.port));
    CU_ASSERT(client_request(&c[0], CODE_ECHO, 2, NULL, 0));
    CU_ASSERT(client_expect(&c[0], 0, 2, NULL, 0));
    client_close(&c[0]);
    client_close(&c[1]);
    fixture_stop(&f);
}

static void server_names_the_port_in_use(void) {
    static const command_t none[] = {{0, NULL}};
    fixture_t f;
    net_server_t *second = NULL;
    qmq_error_t *error = NULL;
    fixture_start(&f, 1, NULL);
    net_server_options_t options = {.name = "second.port",
                                    .address = "127.0.0.1",
                                    .port = f.port,
                                    .commands = none,
                                    .max_frame = 1000,
                                    .max_unsent = 1000,
                                    .max_connections = 1,
                                    .log = &f.log};
    CU_ASSERT_FATAL(net_server_start(&second, f.loops, &options, &error) != APR_SUCCESS);
    char port[16];
    (void)snprintf(port, sizeof port, "%d", f.port);
    CU_ASSERT(strstr(qmq_error_message(error), "second.port") != NULL);
    CU_ASSERT(strstr(qmq_error_message(error), port) != NULL);
    CU_ASSERT(strstr(qmq_error_remedy(error), "second.port") != NULL);
    qmq_error_free(error);
    error = NULL;
    options.port = 0;
    options.address = "192.0.2.1";
    CU_ASSERT(net_server_start(&second, f.loops, &options, &error) != APR_SUCCESS);
    CU_ASSERT(strstr(qmq_error_message(error), "192.0.2.1") != NULL);
    qmq_error_free(error);
    fixture_stop(&f);
}

static void server_1000_connections_open_and_close(void) {
    fixture_t f;
    static client_t c[1000];
    fixture_start(&f, 0, NULL);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_FATAL(client_open(&c[i], f.port));
        CU_ASSERT(client_request(&c[i], CODE_ECHO, i, &i, sizeof i));
    }
    for (int i = 0; i < 1000; i++) CU_ASSERT(client_expect(&c[i], 0, i, &i, sizeof i));
    CU_ASSERT_EQUAL(net_server_connections(f.server), 1000);
    for (int i = 0; i < 1000; i++) client_close(&c[i]);
    CU_ASSERT(fixture_wait_connections(&f, 0));
    CU_ASSERT_EQUAL(f.opened, 1000);
    fixture_stop(&f);
}

static void server_stop_accepting_keeps_connections(void) {
    fixture_t f;
    client_t c;
    client_t late;
    fixture_start(&f, 0, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_ECHO, 1, NULL, 0));
    CU_ASSERT(client_expect(&c, 0, 1, NULL, 0));
    net_server_stop_accepting(f.server);
    net_server_stop_accepting(f.server);
    CU_ASSERT(!client_open(&late, f.port));
    client_close(&late);
    CU_ASSERT(client_request(&c, CODE_ECHO, 2, NULL, 0));
    CU_ASSERT(client_expect(&c, 0, 2, NULL, 0));
    client_close(&c);
    fixture_stop(&f);
}

static void destroy_server(void *arg) {
    net_server_destroy(((fixture_t *)arg)->server, 2000000);
}

/* Answers queued before the end still arrive, parked requests are dropped, and one who does not read is not waited for longer than allowed.
 */
static void server_destroy_flushes(void) {
    fixture_t f;
    client_t c[4];
    thread_t *destroyer = NULL;
    parked_t p;
    fixture_start(&f, 0, NULL);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_FATAL(client_open(&c[i], f.port));
        CU_ASSERT(client_request(&c[i], CODE_PARK, 1, NULL, 0));
        CU_ASSERT(client_request(&c[i], CODE_SIZED, 2, (uint8_t[4]){i == 3 ? 4 : 0, 0x80, 0, 0}, 4)); /* 8 MiB; the fourth 72 */
    }
    CU_ASSERT_FATAL(fixture_wait_frames(&f, 8));
    CU_ASSERT_FATAL(thread_start(&destroyer, "destroy", destroy_server, &f) == APR_SUCCESS);
    for (int i = 0; i < 3; i++) {
        answer_t a;
        CU_ASSERT(client_answer(&c[i], &a));
        CU_ASSERT_EQUAL(a.body_size, (size_t)8 << 20);
        answer_free(&a);
        CU_ASSERT(client_is_closed(&c[i]));
    }
    thread_join(destroyer);
    CU_ASSERT_EQUAL(f.opened, f.closed);
    for (int i = 0; i < 4; i++) client_close(&c[i]);
    CU_ASSERT_FATAL(fixture_take(&f, 0, &p));
    reply_tag(&p.reply, 0, 1);
    CU_ASSERT_FATAL(fixture_take(&f, 0, &p));
    loops_stop(f.loops);
    reply_tag(&p.reply, 0, 1); /* even without a loop it is only dropped */
    while (fixture_take(&f, 0, &p)) reply_drop(&p.reply);
    memory_free(f.parked);
    mutex_destroy(&f.lock);
}

const test_case_t server_cases[] = {
    TEST(wire_2_byte_by_byte_and_three_at_once),
    TEST(wire_3_wrong_magic_closes),
    TEST(wire_4_absurd_lengths_close),
    TEST(server_serves_what_came_before_an_error),
    TEST(wire_5_answer_header),
    TEST(wire_6_opaque_zero_several_times),
    TEST(wire_7_negative_opaque),
    TEST(wire_8_error_answers_are_empty),
    TEST(wire_9_response_flag_is_ignored),
    TEST(server_does_not_answer_oneway),
    TEST(wire_10_unparsable_body),
    TEST(wire_11_unknown_codes),
    TEST(wire_12_parked_requests_hold_nothing_up),
    TEST(server_limits_connections),
    TEST(server_names_the_port_in_use),
    TEST(server_1000_connections_open_and_close),
    TEST(server_stop_accepting_keeps_connections),
    TEST(server_destroy_flushes),
    TEST_END,
};
