/* Parameters, answers and holding (broker.md 6.1-6.3). */
#include "site.h"
#include "suites.h"

#include "portability/clock.h"

#include <stdio.h>

static site_t s;
static client_t c;

static void begin(void) {
    site_init(&s);
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
}

static void end(void) {
    client_close(&c);
    site_free(&s);
}

static void broker_20_new_group_starts_at_latest(void) {
    begin();
    SENDS(&c, "s", "m0 m1");
    GIVES(&c, PULL(), 0, "");
    SENDS(&c, "s", "m2");
    GIVES(&c, PULL(), 0, "m2");
    GIVES(&c, PULL(.subject = "never seen"), 0, ""); /* a blank is no legal subject */
    GIVES(&c, PULL(.subject = "unseen"), 0, "");
    SENDS(&c, "unseen", "u0");
    GIVES(&c, PULL(.subject = "unseen"), 0, "u0");
    end();
}

static void broker_21_empty_group_survives_a_restart(void) {
    begin();
    SENDS(&c, "full", "m0 m1");
    GIVES(&c, PULL(), 0, "");
    GIVES(&c, PULL(.subject = "full"), 0, "");
    GIVES(&c, PULL(.subject = "full", .group = "b", .consumer = "b", .broadcast = true), 0, "");
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    SENDS(&c, "s", "n0");
    SENDS(&c, "full", "n2");
    GIVES(&c, PULL(), 0, "n0");
    GIVES(&c, PULL(.subject = "full"), 0, "n2");
    GIVES(&c, PULL(.subject = "full", .group = "b", .consumer = "b", .broadcast = true), 2, "n2");
    end();
}

/* A group whose position was set by an administrator before it ever pulled is written down like any other. */
static void broker_21_group_that_was_reset_survives_a_restart(void) {
    begin();
    SENDS(&c, "s", "m0 m1");
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_LATEST), RESPONSE_SUCCESS);
    GIVES(&c, PULL(), 0, "");
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    SENDS(&c, "s", "m2");
    GIVES(&c, PULL(), 0, "m2");
    end();
}

static void broker_22_payloads_come_back_as_sent(void) {
    begin();
    GIVES(&c, PULL(), 0, "");
    batch_t b;
    batch_init(&b);
    batch_add(&b, "s", "small", NULL, 3);
    size_t first = b.w.used;
    batch_add(&b, "s", "big", "tag", 60000);
    uint8_t *sent = memory_alloc(b.w.used);
    size_t size = b.w.used;
    memcpy(sent, b.w.data, size);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    pulled_t p;
    CU_ASSERT_TRUE_FATAL(pull(&c, PULL(), &p));
    CU_ASSERT_EQUAL(p.count, 2);
    CU_ASSERT_EQUAL_FATAL(p.raw.body_size, PULL_RESPONSE_HEAD + size - 16);
    CU_ASSERT_EQUAL(memcmp(p.raw.body + PULL_RESPONSE_HEAD, sent + 8, first - 8), 0);
    CU_ASSERT_EQUAL(memcmp(p.raw.body + PULL_RESPONSE_HEAD + first - 8, sent + first + 8, size - first - 8), 0);
    for (int i = 8; i < 16; i++) CU_ASSERT_EQUAL(p.raw.body[i], 0xff);
    memory_free(sent);
    pulled_free(&p);
    end();
}

static void broker_34_version_7_gets_no_tags(void) {
    begin();
    GIVES(&c, PULL(), 0, "");
    SENDS(&c, "s", "plain tagged:red");
    answer_t p;
    CU_ASSERT_TRUE_FATAL(pull_send(&c, 1, PULL(.version = 7)) && client_answer(&c, &p));
    CU_ASSERT_EQUAL(p.code, RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(p.version, 7);
    /* The flag says tags and none are there: by the rules of later versions only the first message parses. */
    cursor_t at = cursor_make(p.body + PULL_RESPONSE_HEAD, p.body_size - PULL_RESPONSE_HEAD);
    message_t m;
    CU_ASSERT_TRUE(message_parse(&at, &m));
    CU_ASSERT_TRUE(view_equal(m.id, view_of("plain")));
    pulled_t tagged;
    CU_ASSERT_TRUE_FATAL(pull(&c, PULL(), &tagged));
    CU_ASSERT_EQUAL(tagged.raw.body_size, p.body_size + 1 + 2 + strlen("red"));
    pulled_free(&tagged);
    answer_free(&p);
    end();
}

static void broker_23_request_num(void) {
    begin();
    GIVES(&c, PULL(), 0, "");
    for (int i = 0; i < 15; i++) {
        batch_t b;
        batch_init(&b);
        for (int k = 0; k < 1000; k++) batch_add(&b, "s", "m", NULL, 1);
        CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    }
    GIVES(&c, PULL(.num = 0), 0, "");
    GIVES(&c, PULL(.num = -3), 0, "");
    s.settings.allow_non_positive_request_num = true;
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.num = 0), &p));
    CU_ASSERT_EQUAL(p.count, 20);
    pulled_free(&p);
    CU_ASSERT_TRUE(pull(&c, PULL(.num = 20000, .last = 19), &p));
    CU_ASSERT_EQUAL(p.count, 10000);
    CU_ASSERT_EQUAL(p.first, 20);
    pulled_free(&p);
    end();
}

static void broker_24_illegal_names(void) {
    static const char *const bad[] = {"a/b", "a\rb", "a\nb", ""};
    begin();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        GIVES(&c, PULL(.subject = bad[i]), 0, "");
        GIVES(&c, PULL(.group = bad[i]), 0, "");
        GIVES(&c, PULL(.consumer = bad[i]), 0, "");
    }
    end();
}

static void broker_25_hold_ends_in_time(void) {
    begin();
    GIVES(&c, PULL(), 0, "");
    int64_t start = clock_mono_us();
    GIVES(&c, PULL(.timeout_ms = 300), 0, "");
    CU_ASSERT_TRUE(clock_mono_us() - start >= 300000);
    /* One that waits gets what comes. */
    client_t other;
    CU_ASSERT_TRUE_FATAL(client_open(&other, s.port));
    CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.timeout_ms = 60000)));
    CU_ASSERT_TRUE(site_holds(&s, 1));
    SENDS(&other, "s", "m0");
    CU_ASSERT_TRUE(answer_gives(&c, 0, "m0"));
    CU_ASSERT_TRUE(site_holds(&s, 0));
    client_close(&other);
    end();
}

static void broker_26_time_outs_that_do_not_hold(void) {
    static const int64_t timeouts[] = {0, -1, INT64_MIN, INT64_MIN / 1000 - 1};
    begin();
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) GIVES(&c, PULL(.timeout_ms = timeouts[i]), 0, "");
    /* The longest one holds. */
    CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.timeout_ms = INT64_MAX)));
    CU_ASSERT_TRUE(site_holds(&s, 1));
    SENDS(&c, "other", "x");
    client_t other;
    CU_ASSERT_TRUE_FATAL(client_open(&other, s.port));
    SENDS(&other, "s", "m0");
    CU_ASSERT_TRUE(answer_gives(&c, 0, "m0"));
    client_close(&other);
    end();
}

static bool only_one_connection(void *arg) {
    (void)arg;
    return net_server_connections(s.broker.client_port) == 1;
}

/* What comes after its connection has gone is not handed to a held pull. */
static void held_pull_of_a_connection_that_is_gone(void) {
    site_init(&s);
    s.metrics = metrics_create();
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    client_t gone;
    CU_ASSERT_TRUE_FATAL(client_open(&gone, s.port));
    CU_ASSERT_TRUE(pull_send(&gone, 1, PULL(.consumer = "gone", .timeout_ms = 600000)));
    CU_ASSERT_TRUE(site_holds(&s, 1));
    client_close(&gone);
    CU_ASSERT_TRUE(test_wait(only_one_connection, NULL, 20));
    SENDS(&c, "s", "m0");
    CU_ASSERT_TRUE(site_holds(&s, 0));
    GIVES(&c, PULL(), 0, "m0");
    int64_t pulled = 0, acked = 0;
    site_position(&s, "s", "g", "gone", &pulled, &acked);
    CU_ASSERT_EQUAL(pulled, -1);
    CU_ASSERT_EQUAL(site_counter(&s, "pullInValidCount", "s", "g"), 1);
    end();
}

static void broker_53_reset_in_the_groups_turn(void) {
    begin();
    SENDS(&c, "s", "m0 m1 m2");
    GIVES(&c, PULL(), 0, "");
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    GIVES(&c, PULL(.num = 2), 0, "m0 m1");
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_LATEST), RESPONSE_SUCCESS);
    GIVES(&c, PULL(.last = 1), 0, "");
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_SUCCESS);
    GIVES(&c, PULL(.last = 1), 2, "m0 m1 m2");
    CU_ASSERT_EQUAL(reset(&c, "nobody", "g", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(reset(&c, "s", "g", 9), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(reset(&c, "s", "", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    /* A held pull gets what the reset brings within reach. */
    CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.last = 4, .timeout_ms = 60000)));
    CU_ASSERT_TRUE(site_holds(&s, 1));
    client_t other;
    CU_ASSERT_TRUE_FATAL(client_open(&other, s.port));
    CU_ASSERT_EQUAL(reset(&other, "s", "g", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    CU_ASSERT_TRUE(answer_gives(&c, 5, "m0 m1 m2"));
    client_close(&other);
    end();
}

const test_case_t pull_cases[] = {TEST(broker_20_new_group_starts_at_latest),
                                  TEST(broker_21_empty_group_survives_a_restart),
                                  TEST(broker_21_group_that_was_reset_survives_a_restart),
                                  TEST(broker_22_payloads_come_back_as_sent),
                                  TEST(broker_34_version_7_gets_no_tags),
                                  TEST(broker_23_request_num),
                                  TEST(broker_24_illegal_names),
                                  TEST(broker_25_hold_ends_in_time),
                                  TEST(broker_26_time_outs_that_do_not_hold),
                                  TEST(held_pull_of_a_connection_that_is_gone),
                                  TEST(broker_53_reset_in_the_groups_turn),
                                  TEST_END};
