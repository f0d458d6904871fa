/* Acknowledgements (broker.md 7). */
#include "site.h"
#include "suites.h"

#include <stdio.h>

static site_t s;
static client_t c;

/* Pulls n messages m0 .. as consumer "c" of group "g" on "s"; the retry subject is known to the group. */
static void begin(int n) {
    site_init(&s);
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    GIVES(&c, PULL(.subject = "%RETRY%s%g"), 0, "");
    batch_t b;
    batch_init(&b);
    for (int i = 0; i < n; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "id-%d.", i);
        batch_add(&b, "s", id, NULL, 1);
    }
    CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.num = n), &p));
    CU_ASSERT_EQUAL(p.count, (size_t)n);
    pulled_free(&p);
}

static void end(void) {
    client_close(&c);
    site_free(&s);
}

static void expect(int64_t pulled, int64_t acked, int64_t moved) {
    int64_t p = 0, a = 0;
    site_position(&s, "s", "g", "c", &p, &a);
    CU_ASSERT_EQUAL(p, pulled);
    CU_ASSERT_EQUAL(a, acked);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), moved);
}

#define ACKS(first, last, code) CU_ASSERT_EQUAL(ack(&c, PULL(), first, last), code)

static void broker_40_heartbeat_logs_nothing(void) {
    begin(3);
    int64_t at = store_action_end(s.broker.store);
    ACKS(-1, -1, RESPONSE_SUCCESS);
    ACKS(-1, 2, RESPONSE_SUCCESS);
    ACKS(INT64_MIN, INT64_MAX, RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(store_action_end(s.broker.store), at);
    expect(2, -1, 0);
    end();
}

static void broker_41_exact_duplicate_partial(void) {
    begin(10);
    ACKS(0, 2, RESPONSE_SUCCESS);
    expect(9, 2, 0);
    int64_t at = store_action_end(s.broker.store);
    ACKS(0, 2, RESPONSE_SUCCESS);
    ACKS(1, 1, RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(store_action_end(s.broker.store), at);
    ACKS(1, 5, RESPONSE_SUCCESS);
    expect(9, 5, 0);
    ACKS(6, 9, RESPONSE_SUCCESS);
    expect(9, 9, 0);
    GIVES(&c, PULL(), 0, "");
    end();
}

static void broker_42_gap_goes_to_retry(void) {
    begin(6);
    ACKS(3, 5, RESPONSE_SUCCESS);
    expect(5, 5, 3);
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.subject = "%RETRY%s%g"), &p));
    CU_ASSERT_EQUAL_FATAL(p.count, 3);
    for (size_t i = 0; i < p.count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "id-%zu.", i);
        CU_ASSERT_STRING_EQUAL(p.ids[i], id);
        CU_ASSERT_STRING_EQUAL(p.subjects[i], "%RETRY%s%g");
    }
    pulled_free(&p);
    /* A gap on the retry subject stays on it. */
    CU_ASSERT_EQUAL(ack(&c, PULL(.subject = "%RETRY%s%g"), 2, 2), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 5);
    GIVES(&c, PULL(.subject = "%RETRY%s%g", .last = 2), 3, "id-0. id-1.");
    end();
}

/* Acknowledgements, each with the next pull right behind it, in one piece: they are written together and no pull sees an old position. */
static void ack_and_pull_in_one_round(void) {
    begin(60);
    for (int64_t at = 0; at < 60; at += 3) {
        CU_ASSERT_TRUE(ack_send(&c, 1, PULL(), at, at + 1));
        CU_ASSERT_TRUE(ack_send(&c, 2, PULL(), at + 2, at + 2));
        CU_ASSERT_TRUE(pull_send(&c, 3, PULL(.last = at + 2, .num = 2)));
        bool seen[4] = {false};
        for (int i = 0; i < 3; i++) {
            pulled_t p;
            CU_ASSERT_TRUE_FATAL(pulled_read(&c, &p));
            seen[p.opaque] = true;
            bool more = at + 3 < 60;
            if (p.opaque == 3) CU_ASSERT_EQUAL(p.code, more ? RESPONSE_SUCCESS : RESPONSE_NO_MESSAGE);
            if (p.opaque == 3 && more) CU_ASSERT_EQUAL(p.first, at + 3);
            pulled_free(&p);
        }
        CU_ASSERT_TRUE(seen[1] && seen[2] && seen[3]);
        expect(59, at + 2, 0);
    }
    end();
}

static void broker_41_gap_is_one_range(void) {
    begin(6);
    int64_t at = store_action_end(s.broker.store);
    ACKS(0, 0, RESPONSE_SUCCESS);
    int64_t size = store_action_end(s.broker.store) - at;
    ACKS(4, 5, RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(store_action_end(s.broker.store) - at, 2 * size);
    expect(5, 5, 3);
    end();
}

static void gap_with_unreadable_messages(void) {
    begin(6);
    site_spoil(&s, "s", "id-0.");
    site_spoil(&s, "s", "id-2.");
    ACKS(4, 5, RESPONSE_SUCCESS);
    expect(5, 5, 2);
    GIVES(&c, PULL(.subject = "%RETRY%s%g"), 0, "id-1. id-3.");
    end();
}

static void gap_with_nothing_readable(void) {
    begin(3);
    site_spoil(&s, "s", "id-0.");
    site_spoil(&s, "s", "id-1.");
    ACKS(2, 2, RESPONSE_SUCCESS);
    expect(2, 2, 0);
    end();
}

/* More than one step of a move; the order is kept. */
static void long_gap(void) {
    begin(1700);
    ACKS(1690, 1699, RESPONSE_SUCCESS);
    expect(1699, 1699, 1690);
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.subject = "%RETRY%s%g", .num = 2000), &p));
    CU_ASSERT_EQUAL(p.count, 1690);
    for (size_t i = 0; i < p.count; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "id-%zu.", i);
        CU_ASSERT_STRING_EQUAL(p.ids[i], id);
    }
    pulled_free(&p);
    end();
}

/* Moved messages that fill batches by themselves: these are appended while they are handed over. */
static void long_gap_of_big_messages(void) {
    site_init(&s);
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    for (int i = 0; i < 40; i++) {
        batch_t b;
        batch_init(&b);
        for (int k = 0; k < 10; k++) batch_add(&b, "s", "big", NULL, 60000);
        CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    }
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.num = 400), &p));
    CU_ASSERT_EQUAL(p.count, 400);
    pulled_free(&p);
    /* Others of the group wait in line meanwhile. */
    CU_ASSERT_TRUE(ack_send(&c, 1, PULL(), 399, 399));
    CU_ASSERT_TRUE(pull_send(&c, 2, PULL(.last = 399)));
    CU_ASSERT_TRUE(ack_send(&c, 3, PULL(), 5, 5));
    /* The pull knows all that is acknowledged: it need not wait until that is written. */
    for (int i = 0; i < 3; i++) {
        pulled_t answer;
        CU_ASSERT_TRUE_FATAL(pulled_read(&c, &answer));
        CU_ASSERT_EQUAL(answer.code, answer.opaque == 2 ? RESPONSE_NO_MESSAGE : RESPONSE_SUCCESS);
        pulled_free(&answer);
    }
    expect(399, 399, 399);
    end();
}

static void broker_43_ack_beyond_what_was_pulled(void) {
    begin(3);
    ACKS(0, 7, RESPONSE_SUCCESS);
    expect(7, 7, 0);
    SENDS(&c, "s", "m");
    GIVES(&c, PULL(), 8, "m");
    /* Of a gap only what was pulled can be moved. */
    ACKS(12, 13, RESPONSE_SUCCESS);
    expect(13, 13, 1);
    end();
}

/* The consumer's pulls were lost with the end of the action log; it goes on where it stood. */
static void broker_43_ack_of_an_unknown_consumer(void) {
    begin(3);
    CU_ASSERT_EQUAL(ack(&c, PULL(.consumer = "d"), 0, 4), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(ack(&c, PULL(.consumer = "d"), 0, 4), RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(ack(&c, PULL(.group = "lost"), 0, 7), RESPONSE_SUCCESS);
    asked_t all = *PULL(.group = "b", .consumer = "b", .broadcast = true);
    CU_ASSERT_EQUAL(ack(&c, &all, 1, 1), RESPONSE_SUCCESS);
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    SENDS(&c, "s", "m3");
    GIVES(&c, PULL(.consumer = "d", .last = 4), 5, "m3");
    GIVES(&c, PULL(.group = "lost", .last = 7), 8, "m3");
    GIVES(&c, &all, 3, "m3");
    end();
}

/* One absurd range must not be taken: later sequences could not be counted, and the action would spoil those of others. */
static void ack_of_absurd_sequences(void) {
    static const int64_t lasts[] = {INT64_MAX, INT64_MAX - 1, ((int64_t)1 << 61) + 1, ((int64_t)1 << 60) + 1};
    begin(3);
    client_t other;
    CU_ASSERT_TRUE_FATAL(client_open(&other, s.port)); /* the other loop */
    for (size_t i = 0; i < sizeof lasts / sizeof lasts[0]; i++) {
        /* In one burst with the requests of another group. */
        CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.group = "other")));
        CU_ASSERT_TRUE(ack_send(&c, 2, PULL(), 0, lasts[i]));
        CU_ASSERT_TRUE(ack_send(&c, 3, PULL(), 0, 1));
        for (int k = 0; k < 3; k++) {
            answer_t a;
            CU_ASSERT_TRUE_FATAL(client_answer(&c, &a));
            CU_ASSERT_EQUAL(a.code, a.opaque == 1 ? RESPONSE_NO_MESSAGE : a.opaque == 2 ? RESPONSE_BROKER_ERROR : RESPONSE_SUCCESS);
            answer_free(&a);
        }
        CU_ASSERT_EQUAL(site_pulled(&s, "s", "other"), 2);
        expect(2, 1, 0);
    }
    ACKS(INT64_MAX, INT64_MAX, RESPONSE_BROKER_ERROR);
    ACKS(INT64_MAX, 2, RESPONSE_SUCCESS);
    client_close(&other);
    end();
}

/* last < first counts as long as it is news (broker.md 7); nothing behind last is touched. */
static void reversed_range(void) {
    begin(10);
    ACKS(8, 5, RESPONSE_SUCCESS);
    expect(9, 5, 6);
    ACKS(9, 4, RESPONSE_SUCCESS);
    expect(9, 5, 6);
    ACKS(7, 6, RESPONSE_SUCCESS);
    expect(9, 6, 7);
    GIVES(&c, PULL(.num = 10), 7, "id-7. id-8. id-9.");
    end();
}

static void broker_35_broadcast_gap_is_not_moved(void) {
    begin(0);
    asked_t all = *PULL(.group = "b", .consumer = "b", .broadcast = true);
    GIVES(&c, &all, 0, "");
    SENDS(&c, "s", "m0 m1 m2 m3");
    GIVES(&c, &all, 0, "m0 m1 m2 m3");
    CU_ASSERT_EQUAL(ack(&c, &all, 2, 2), RESPONSE_SUCCESS);
    int64_t p = 0, a = 0;
    site_position(&s, "s", "b", "b", &p, &a);
    CU_ASSERT_EQUAL(p, 3);
    CU_ASSERT_EQUAL(a, 2);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%b"), 0);
    end();
}

static void failed_move_changes_nothing(void) {
    begin(6);
    int64_t at = store_action_end(s.broker.store);
    if (test_faults("write 1+ EIO path=messagelog\n")) {
        ACKS(4, 5, RESPONSE_BROKER_ERROR);
        expect(5, -1, 0);
        CU_ASSERT_EQUAL(store_action_end(s.broker.store), at);
        CU_ASSERT_TRUE(test_faults(""));
        ACKS(4, 5, RESPONSE_SUCCESS);
        expect(5, 5, 4);
    }
    end();
}

static void broker_45_failed_range_changes_nothing(void) {
    begin(6);
    if (test_faults("write 1 EIO path=actionlog\n")) {
        ACKS(0, 3, RESPONSE_BROKER_ERROR);
        expect(5, -1, 0);
        ACKS(0, 3, RESPONSE_SUCCESS);
        expect(5, 3, 0);
        CU_ASSERT_TRUE(test_faults(""));
    }
    end();
}

static void broker_44_empty_names(void) {
    begin(1);
    CU_ASSERT_EQUAL(ack(&c, PULL(.group = ""), 0, 0), RESPONSE_BROKER_ERROR);
    CU_ASSERT_EQUAL(ack(&c, PULL(.subject = ""), 0, 0), RESPONSE_BROKER_ERROR);
    CU_ASSERT_EQUAL(ack(&c, PULL(.consumer = ""), 0, 0), RESPONSE_BROKER_ERROR);
    CU_ASSERT_EQUAL(ack(&c, PULL(.subject = "a/b"), 0, 0), RESPONSE_BROKER_ERROR);
    CU_ASSERT_TRUE(frame_send(&c, REQUEST_ACK, VERSION_9, 0, 5, "\0\1s", 3));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_BROKER_ERROR, 5, NULL, 0));
    end();
}

/* BUG-8: typed keys instead of one name space. */
static void broker_39_subject_named_ack(void) {
    begin(1);
    GIVES(&c, PULL(.subject = "ack"), 0, "");
    GIVES(&c, PULL(.subject = "a-b", .group = "c"), 0, "");
    GIVES(&c, PULL(.subject = "a", .group = "b-c"), 0, "");
    SENDS(&c, "ack", "x0 x1");
    SENDS(&c, "a-b", "y0");
    SENDS(&c, "a", "z0");
    GIVES(&c, PULL(.subject = "ack"), 0, "x0 x1");
    ACKS(0, 0, RESPONSE_SUCCESS);
    CU_ASSERT_EQUAL(ack(&c, PULL(.subject = "ack"), 0, 1), RESPONSE_SUCCESS);
    GIVES(&c, PULL(.subject = "a-b", .group = "c"), 0, "y0");
    GIVES(&c, PULL(.subject = "a", .group = "b-c"), 0, "z0");
    end();
}

const test_case_t ack_cases[] = {TEST(broker_40_heartbeat_logs_nothing),
                                 TEST(broker_41_exact_duplicate_partial),
                                 TEST(broker_42_gap_goes_to_retry),
                                 TEST(ack_and_pull_in_one_round),
                                 TEST(broker_41_gap_is_one_range),
                                 TEST(gap_with_unreadable_messages),
                                 TEST(gap_with_nothing_readable),
                                 TEST(long_gap),
                                 TEST(long_gap_of_big_messages),
                                 TEST(broker_43_ack_beyond_what_was_pulled),
                                 TEST(broker_43_ack_of_an_unknown_consumer),
                                 TEST(ack_of_absurd_sequences),
                                 TEST(reversed_range),
                                 TEST(broker_35_broadcast_gap_is_not_moved),
                                 TEST(failed_move_changes_nothing),
                                 TEST(broker_45_failed_range_changes_nothing),
                                 TEST(broker_44_empty_names),
                                 TEST(broker_39_subject_named_ack),
                                 TEST_END};
