/* What a pull finds: the rows of broker.md 6.4 A and B. */
#include "site.h"
#include "suites.h"

#include "portability/clock.h"
#include "portability/file.h"

#include <stdio.h>

static site_t s;
static client_t c;

static void begin(void) {
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
}

static void start(void) {
    site_init(&s);
    site_start(&s);
    begin();
}

static void end(void) {
    client_close(&c);
    site_free(&s);
}

static void expect_position(const char *consumer, int64_t pulled, int64_t acked) {
    int64_t p = 0, a = 0;
    site_position(&s, "s", "g", consumer, &p, &a);
    CU_ASSERT_EQUAL(p, pulled);
    CU_ASSERT_EQUAL(a, acked);
}

/* broker.md 7.1, line by line. */
static void worked_example(void) {
    start();
    GIVES(&c, PULL(.subject = "%RETRY%s%g", .num = 10), 0, "");
    SENDS(&c, "s", "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9");
    GIVES(&c, PULL(.num = 4), 0, "m0 m1 m2 m3");
    GIVES(&c, PULL(.num = 4), 0, "m0 m1 m2 m3");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_SUCCESS);
    GIVES(&c, PULL(.consumer = "c2", .num = 2), 0, "m4 m5");
    GIVES(&c, PULL(.num = 4, .last = 3), 4, "m6 m7 m8 m9");
    GIVES(&c, PULL(.num = 10), 2, "m2 m3 m6 m7 m8 m9");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 4, 7), RESPONSE_SUCCESS);
    expect_position("c", 7, 7);
    GIVES(&c, PULL(.subject = "%RETRY%s%g", .num = 10), 0, "m2 m3");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 6, 7), RESPONSE_SUCCESS);
    expect_position("c", 7, 7);
    expect_position("c2", 1, -1);
    CU_ASSERT_EQUAL(site_pulled(&s, "s", "g"), 9);
    end();
}

static void broker_29_30_redelivery(void) {
    start();
    SENDS(&c, "s", "m0 m1 m2 m3 m4 m5");
    GIVES(&c, PULL(), 0, "m0 m1 m2 m3 m4 m5");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_SUCCESS);
    SENDS(&c, "s", "m6");
    GIVES(&c, PULL(), 2, "m2 m3 m4 m5");
    GIVES(&c, PULL(.last = 3), 4, "m4 m5");
    GIVES(&c, PULL(.last = 2, .num = 2), 3, "m3 m4");
    GIVES(&c, PULL(.last = 0), 2, "m2 m3 m4 m5"); /* acked beyond */
    GIVES(&c, PULL(.last = 5), 6, "m6");
    GIVES(&c, PULL(.last = 6), 0, "");
    GIVES(&c, PULL(.last = INT64_MAX), 0, "");
    GIVES(&c, PULL(.last = INT64_MIN), 2, "m2 m3 m4 m5 m6");
    end();
}

static void redelivery_after_a_restart(void) {
    start();
    SENDS(&c, "s", "m0 m1 m2 m3");
    GIVES(&c, PULL(.num = 2), 0, "m0 m1");
    GIVES(&c, PULL(.consumer = "d", .num = 1), 0, "m2");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 0), RESPONSE_SUCCESS);
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 1, "m1");
    GIVES(&c, PULL(.consumer = "d"), 0, "m2");
    GIVES(&c, PULL(.last = 1), 2, "m3");
    end();
}

/* BUG-12: what cannot be read any more is acknowledged only when nothing before it is outstanding. */
static void broker_31_unreadable_in_front_is_acked(void) {
    start();
    SENDS(&c, "s", "id-zero id-one id-two id-three id-four");
    GIVES(&c, PULL(), 0, "id-zero id-one id-two id-three id-four");
    site_spoil(&s, "s", "id-zero");
    site_spoil(&s, "s", "id-three");
    GIVES(&c, PULL(), 1, "id-one id-two"); /* contiguous: stops before the next hole */
    expect_position("c", 4, 0);
    GIVES(&c, PULL(.last = 2), 4, "id-four"); /* 1 and 2 are outstanding: nothing may be acked */
    expect_position("c", 4, 0);
    site_spoil(&s, "s", "id-four");
    SENDS(&c, "s", "id-five");
    GIVES(&c, PULL(.last = 2), 5, "id-five");
    expect_position("c", 5, 0);
    end();
}

static void broker_31_nothing_readable_is_acked_as_a_whole(void) {
    start();
    SENDS(&c, "s", "id-zero id-one id-two");
    GIVES(&c, PULL(), 0, "id-zero id-one id-two");
    site_spoil(&s, "s", "id-zero");
    site_spoil(&s, "s", "id-one");
    site_spoil(&s, "s", "id-two");
    GIVES(&c, PULL(), 0, "");
    expect_position("c", 2, 2);
    SENDS(&c, "s", "id-three");
    GIVES(&c, PULL(), 3, "id-three");
    end();
}

static void unreadable_new_messages_are_passed(void) {
    start();
    SENDS(&c, "s", "id-zero id-one id-two id-three");
    site_spoil(&s, "s", "id-zero");
    site_spoil(&s, "s", "id-two");
    GIVES(&c, PULL(), 0, "id-one");
    GIVES(&c, PULL(.last = 0), 1, "id-three");
    site_spoil(&s, "s", "id-one");
    SENDS(&c, "s", "id-four");
    site_spoil(&s, "s", "id-four");
    GIVES(&c, PULL(.last = 1), 0, "");
    SENDS(&c, "s", "id-five");
    GIVES(&c, PULL(.last = 1), 2, "id-five");
    end();
}

static void broker_33_filtered_runs(void) {
    start();
    asked_t red = *PULL(.tag_type = TAG_OR, .tags = {"red"});
    SENDS(&c, "s", "m0:red m1:blue m2:red m3:red m4 m5:blue");
    GIVES(&c, &red, 0, "m0 m2 m3");
    expect_position("c", 2, -1);
    CU_ASSERT_EQUAL(site_pulled(&s, "s", "g"), 5);
    GIVES(&c, &red, 0, "m0 m2 m3"); /* lost answer: by pull sequence, the filter applied again */
    red.last = 2;
    GIVES(&c, &red, 0, "");
    SENDS(&c, "s", "m6:blue m7:blue");
    red.timeout_ms = 60000; /* all filtered: at once, whatever the time-out */
    GIVES(&c, &red, 0, "");
    CU_ASSERT_EQUAL(site_pulled(&s, "s", "g"), 7);
    SENDS(&c, "s", "m8:red");
    GIVES(&c, &red, 3, "m8");
    CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_SUCCESS);
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 2, "m3 m8");
    end();
}

/* A client that came back with another filter. */
static void redelivery_with_another_filter(void) {
    start();
    SENDS(&c, "s", "m0:red m1:blue m2:red m3:blue");
    GIVES(&c, PULL(), 0, "m0 m1 m2 m3");
    asked_t blue = *PULL(.tag_type = TAG_OR, .tags = {"blue"});
    GIVES(&c, &blue, 1, "m1");
    expect_position("c", 3, 0);
    blue.last = 1;
    GIVES(&c, &blue, 3, "m3");
    expect_position("c", 3, 0);
    end();
}

static void broker_32_tag_tables(void) {
    start();
    SENDS(&c, "s", "m0:a m1:b m2");
    GIVES(&c, PULL(.group = "or", .tag_type = TAG_OR, .tags = {"a", "b"}), 0, "");
    GIVES(&c, PULL(.group = "and", .tag_type = TAG_AND, .tags = {"a", "b"}), 0, "");
    GIVES(&c, PULL(.group = "one", .tag_type = TAG_AND, .tags = {"a"}), 0, "");
    GIVES(&c, PULL(.group = "none", .tag_type = TAG_OR), 0, "");
    SENDS(&c, "s", "m3:a m4:b m5 m6:c");
    GIVES(&c, PULL(.group = "or", .tag_type = TAG_OR, .tags = {"a", "b"}), 0, "m3 m4");
    GIVES(&c, PULL(.group = "and", .tag_type = TAG_AND, .tags = {"a", "b"}), 0, "");
    GIVES(&c, PULL(.group = "one", .tag_type = TAG_AND, .tags = {"a"}), 0, "m3");
    GIVES(&c, PULL(.group = "none", .tag_type = TAG_OR), 0, "m3 m4 m5 m6");
    end();
}

static void broker_35_broadcast(void) {
    start();
    asked_t all = *PULL(.group = "b", .consumer = "b", .broadcast = true);
    SENDS(&c, "s", "m0 m1");
    GIVES(&c, &all, 0, "");
    SENDS(&c, "s", "m2 m3 m4");
    GIVES(&c, &all, 2, "m2 m3 m4");
    GIVES(&c, &all, 2, "m2 m3 m4");
    CU_ASSERT_EQUAL(ack(&c, &all, 2, 2), RESPONSE_SUCCESS);
    GIVES(&c, &all, 3, "m3 m4");
    all.last = 3;
    GIVES(&c, &all, 4, "m4");
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    all.last = -1;
    GIVES(&c, &all, 3, "m3 m4");
    end();
}

/* BUG-16: an answer to a broadcast consumer holds consecutive sequences only. */
static void broker_33_broadcast_gets_one_run(void) {
    start();
    asked_t red = *PULL(.group = "b", .consumer = "b", .broadcast = true, .tag_type = TAG_OR, .tags = {"red"});
    GIVES(&c, &red, 0, "");
    SENDS(&c, "s", "m0:blue m1:red m2:red m3:blue m4:red m5:blue");
    GIVES(&c, &red, 1, "m1 m2");
    red.last = 2;
    GIVES(&c, &red, 4, "m4");
    red.last = 4;
    GIVES(&c, &red, 0, "");
    CU_ASSERT_EQUAL(site_pulled(&s, "s", "b"), 5);
    CU_ASSERT_EQUAL(ack(&c, &red, 1, 2), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(ack(&c, &red, 4, 4), RESPONSE_SUCCESS);
    SENDS(&c, "s", "m6:red");
    GIVES(&c, &red, 6, "m6");
    end();
}

static void broker_36_next_beyond_the_end(void) {
    start();
    SENDS(&c, "s", "m0 m1");
    GIVES(&c, PULL(), 0, "m0 m1");
    site_stop(&s);
    client_close(&c);
    /* The message log is lost, the actions are not. */
    char *path = memory_printf("%s/messagelog/00000000000000000000", s.root);
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
    memory_free(path);
    char *index = memory_printf("%s/consumerlog/s/00000000000000000000", s.root);
    CU_ASSERT_EQUAL(path_remove(index), APR_SUCCESS);
    memory_free(index);
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(.last = 1), 0, "");
    SENDS(&c, "s", "n0");
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.last = 1), &p));
    CU_ASSERT_EQUAL(p.count, 1);
    CU_ASSERT_EQUAL(p.first, 2);
    pulled_free(&p);
    end();
}

static void broker_45_failed_append_hands_nothing_out(void) {
    start();
    SENDS(&c, "s", "m0 m1 m2");
    int64_t before = store_action_end(s.broker.store);
    if (test_faults("write 1+ EIO path=actionlog\n")) {
        GIVES(&c, PULL(), 0, "");
        GIVES(&c, PULL(.tag_type = TAG_OR, .tags = {"x"}), 0, "");
        GIVES(&c, PULL(.group = "new"), 0, "");
        CU_ASSERT_EQUAL(site_pulled(&s, "s", "new"), -2);
        expect_position("c", -1, -1);
        CU_ASSERT_EQUAL(site_pulled(&s, "s", "g"), -1);
        CU_ASSERT_TRUE(test_faults(""));
        CU_ASSERT_EQUAL(store_action_end(s.broker.store), before);
        GIVES(&c, PULL(), 0, "m0 m1 m2");
        GIVES(&c, PULL(.group = "new"), 0, "");
        CU_ASSERT_TRUE(test_faults("write 1+ EIO path=actionlog\n"));
        CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_BROKER_ERROR);
        expect_position("c", 2, -1);
        CU_ASSERT_TRUE(test_faults(""));
        CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_SUCCESS);
        expect_position("c", 2, 1);
    }
    end();
}

/* A pull whose action once failed is held like any other: what comes while it looks wakes it. */
static void held_after_a_failed_append_is_woken(void) {
    start();
    client_t other;
    CU_ASSERT_TRUE_FATAL(client_open(&other, s.port));
    SENDS(&c, "s", "m0");
    if (test_faults("write 1+ EIO path=actionlog\n")) {
        CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.timeout_ms = 60000)));
        CU_ASSERT_TRUE(site_holds(&s, 1));
        CU_ASSERT_TRUE(test_faults(""));
        SENDS(&other, "s", "m1");
        CU_ASSERT_TRUE(answer_gives(&c, 0, "m0 m1"));
    }
    client_close(&other);
    end();
}

static void broker_52_retry_subject_waits(void) {
    site_init(&s);
    s.settings.retry_delay_ms = 400;
    site_start(&s);
    begin();
    client_t other;
    CU_ASSERT_TRUE_FATAL(client_open(&other, s.port));
    asked_t retry = *PULL(.subject = "%RETRY%s%g");
    GIVES(&c, &retry, 0, "");
    int64_t sent = clock_mono_us();
    SENDS(&other, "%RETRY%s%g", "r0");
    GIVES(&c, &retry, 0, "");
    retry.timeout_ms = 60000;
    GIVES(&c, &retry, 0, "r0");
    CU_ASSERT_TRUE(clock_mono_us() - sent >= 399000);
    /* Held before the message comes: woken early, held again until it is due; and the next one arms anew. */
    retry.last = 0;
    CU_ASSERT_TRUE(pull_send(&c, 1, &retry));
    CU_ASSERT_TRUE(site_holds(&s, 1));
    sent = clock_mono_us();
    SENDS(&other, "%RETRY%s%g", "r1");
    SENDS(&other, "%RETRY%s%g", "r2");
    pulled_t p;
    CU_ASSERT_TRUE(pulled_read(&c, &p));
    CU_ASSERT_TRUE(p.count >= 1 && p.first == 1 && strcmp(p.ids[0], "r1") == 0);
    CU_ASSERT_TRUE(clock_mono_us() - sent >= 399000);
    CU_ASSERT_TRUE(clock_mono_us() - sent < 10000000);
    retry.last = (int64_t)p.count;
    if (p.count == 1) CU_ASSERT_TRUE(pull_gives(&c, &retry, 2, "r2"));
    pulled_free(&p);
    client_close(&other);
    end();
}

/* Old messages are read by a thread that may block; the group waits meanwhile and stays in order. */
static void cold_reads(void) {
    site_init(&s);
    s.store.hot_window = 1;
    s.store.loops_read_no_files = true;
    s.store.message_segment_size = 1024 * 1024;
    site_start(&s);
    begin();
    for (int i = 0; i < 400; i++) {
        batch_t b;
        char id[16];
        batch_init(&b);
        (void)snprintf(id, sizeof id, "m%d", i);
        batch_add(&b, "s", id, i % 2 == 0 ? "even" : NULL, 10000);
        CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    }
    for (int i = 0; i < 400; i += 50) {
        pulled_t p;
        CU_ASSERT_TRUE(pull(&c, PULL(.num = 50, .last = i - 1), &p));
        CU_ASSERT_TRUE(p.count > 0 && p.first == i);
        if (p.count != 50) i += (int)p.count - 50;
        pulled_free(&p);
    }
    for (int i = 0; i < 400; i += 50) {
        pulled_t p;
        CU_ASSERT_TRUE(pull(&c, PULL(.num = 50, .last = i - 1), &p));
        CU_ASSERT_EQUAL(p.count, 50);
        CU_ASSERT_EQUAL(p.first, i);
        pulled_free(&p);
    }
    CU_ASSERT_EQUAL(ack(&c, PULL(), 399, 399), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 399);
    expect_position("c", 399, 399);
    GIVES(&c, PULL(.group = "g2"), 0, "");
    CU_ASSERT_EQUAL(reset(&c, "s", "g2", CONSUME_EARLIEST), RESPONSE_SUCCESS);
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.group = "g2", .num = 40, .tag_type = TAG_OR, .tags = {"even"}), &p));
    CU_ASSERT_TRUE(p.count > 0 && p.first == 0 && strcmp(p.ids[0], "m0") == 0);
    pulled_free(&p);
    end();
}

/* BUG-30 */
static void answers_end_at_their_bytes(void) {
    site_init(&s);
    s.settings.pull_answer_max_bytes = 25000;
    site_start(&s);
    begin();
    batch_t b;
    batch_init(&b);
    batch_add(&b, "s", "m0", NULL, 10000);
    batch_add(&b, "s", "m1", NULL, 10000);
    batch_add(&b, "s", "m2", NULL, 10000);
    batch_add(&b, "s", "m3", NULL, 60000);
    CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    GIVES(&c, PULL(), 0, "m0 m1");
    GIVES(&c, PULL(.last = 1), 2, "m2");
    GIVES(&c, PULL(.last = 2), 3, "m3");
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(), &p));
    CU_ASSERT_TRUE(p.count >= 1 && p.count < 4);
    pulled_free(&p);
    end();
}

/* Retention has done all it does: one segment is left, and the index begins with its first message. */
static bool index_was_cut(void *arg) {
    (void)arg;
    store_subject_t *subject = store_subject_find(s.broker.store, view_of("s"));
    int64_t end = store_message_end(s.broker.store), min = 0, next = 0;
    if (store_message_min(s.broker.store) != end - end % 8192 || !store_subject_bounds(subject, &min, &next) || min == 0) return false;
    poll_result_t r;
    poll_result_init(&r);
    poll_options_t o = {min, 1, SIZE_MAX, true, INT64_MAX, true};
    bool readable = store_poll(s.broker.store, subject, &o, &r) == APR_SUCCESS && r.count == 1 && r.messages[0].sequence == min;
    poll_result_free(&r);
    return readable;
}

/* What retention took away is passed over and counted. */
static void broker_37_behind_what_retention_took(void) {
    metrics_t *metrics = metrics_create();
    site_init(&s);
    s.store.message_segment_size = 8192;
    s.store.retention = (store_retention_t){.delete_expired = false, .check_period_us = 2000};
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    for (int i = 0; i < 100; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "id-%d", i);
        batch_t b;
        batch_init(&b);
        batch_add(&b, "s", id, NULL, 500);
        CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    }
    client_close(&c);
    site_stop(&s);
    s.store.retention.delete_expired = true;
    s.store.retention.message_ms = 1;
    site_start(&s);
    s.broker.metrics = metrics;
    CU_ASSERT_TRUE_FATAL(test_wait(index_was_cut, NULL, 30));
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    pulled_t p;
    int64_t min = 0, next = 0;
    CU_ASSERT_TRUE_FATAL(pull(&c, PULL(.num = 1), &p));
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(s.broker.store, view_of("s")), &min, &next));
    CU_ASSERT_EQUAL_FATAL(p.count, 1);
    int64_t at = strtoll(p.ids[0] + 3, NULL, 10);
    CU_ASSERT_TRUE(at > 0 && at <= min);
    CU_ASSERT_EQUAL(next, 100);
    metric_labels_t labels = {"subject", view_of("s"), "group", view_of("g")};
    CU_ASSERT_EQUAL(metric_value(metrics_counter(metrics, "expiredMessages", labels)), at);
    pulled_free(&p);
    client_close(&c);
    site_free(&s);
    metrics_destroy(metrics);
}

const test_case_t find_cases[] = {TEST(worked_example),
                                  TEST(broker_29_30_redelivery),
                                  TEST(redelivery_after_a_restart),
                                  TEST(broker_31_unreadable_in_front_is_acked),
                                  TEST(broker_31_nothing_readable_is_acked_as_a_whole),
                                  TEST(unreadable_new_messages_are_passed),
                                  TEST(broker_33_filtered_runs),
                                  TEST(redelivery_with_another_filter),
                                  TEST(broker_32_tag_tables),
                                  TEST(broker_35_broadcast),
                                  TEST(broker_33_broadcast_gets_one_run),
                                  TEST(broker_36_next_beyond_the_end),
                                  TEST(broker_45_failed_append_hands_nothing_out),
                                  TEST(held_after_a_failed_append_is_woken),
                                  TEST(broker_52_retry_subject_waits),
                                  TEST(cold_reads),
                                  TEST(answers_end_at_their_bytes),
                                  TEST(broker_37_behind_what_retention_took),
                                  TEST_END};
