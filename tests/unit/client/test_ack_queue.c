#include "client/ack_queue.h"
#include "suites.h"

static bool range_is(ack_queue_t *q, int64_t begin, int64_t last) {
    const ack_range_t *r = ack_queue_next(q);
    return r != NULL && r->begin == begin && r->last == last;
}

static void client_32_offsets_of_pulls(void) {
    ack_queue_t q;
    ack_entry_t *e[4];
    ack_queue_init(&q, 50);
    CU_ASSERT_EQUAL(q.min, -1);
    CU_ASSERT_EQUAL(q.max, -1);
    for (int i = 0; i < 4; i++) e[i] = ack_queue_append(&q, 100 + i);
    CU_ASSERT_EQUAL(q.min, 100);
    CU_ASSERT_EQUAL(q.max, 103);
    for (int i = 0; i < 4; i++) ack_queue_complete(&q, e[i]);
    CU_ASSERT_EQUAL(q.outstanding, 4); /* until the broker said so */
    ack_queue_sent(&q);
    CU_ASSERT_EQUAL(q.min, 104);
    CU_ASSERT_EQUAL(q.max, 103);
    CU_ASSERT_EQUAL(q.outstanding, 0);
    ack_queue_free(&q);
}

/* In whatever order they end, one range. */
static void client_36_one_range_when_all_are_done(void) {
    static const int orders[3][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}};
    for (int o = 0; o < 3; o++) {
        ack_queue_t q;
        ack_entry_t *e[4];
        ack_queue_init(&q, 50);
        for (int i = 0; i < 4; i++) e[i] = ack_queue_append(&q, 100 + i);
        for (int i = 0; i < 4; i++) {
            CU_ASSERT_PTR_NULL(ack_queue_next(&q));
            ack_queue_complete(&q, e[orders[o][i]]);
        }
        CU_ASSERT(range_is(&q, 100, 103));
        ack_queue_sent(&q);
        CU_ASSERT_PTR_NULL(ack_queue_next(&q));
        ack_queue_free(&q);
    }
}

static void client_37_what_is_finished_before_a_slow_one(void) {
    ack_queue_t q;
    ack_entry_t *e[4];
    ack_queue_init(&q, 50);
    for (int i = 0; i < 4; i++) e[i] = ack_queue_append(&q, 100 + i);
    ack_queue_complete(&q, e[0]);
    ack_queue_complete(&q, e[1]);
    ack_queue_complete(&q, e[3]);
    CU_ASSERT_PTR_NULL(ack_queue_next(&q));
    CU_ASSERT(ack_queue_has_finished(&q));
    ack_queue_flush(&q);
    CU_ASSERT(range_is(&q, 100, 101));
    CU_ASSERT(!ack_queue_has_finished(&q));
    ack_queue_sent(&q);
    CU_ASSERT_EQUAL(q.min, 102);
    CU_ASSERT_EQUAL(q.outstanding, 2);
    ack_queue_complete(&q, e[2]);
    CU_ASSERT(range_is(&q, 102, 103));
    ack_queue_free(&q);
}

static void client_39_the_next_range_waits(void) {
    ack_queue_t q;
    ack_queue_init(&q, 1);
    for (int i = 0; i < 3; i++) ack_queue_complete(&q, ack_queue_append(&q, i));
    CU_ASSERT(range_is(&q, 0, 0));
    CU_ASSERT(range_is(&q, 0, 0)); /* as often as it fails */
    ack_queue_sent(&q);
    CU_ASSERT(range_is(&q, 1, 1));
    ack_queue_sent(&q);
    CU_ASSERT(range_is(&q, 2, 2));
    ack_queue_free(&q);
}

static void client_40_a_gap_divides_ranges(void) {
    static const int64_t offsets[] = {1, 2, 3, 10, 11, 12};
    ack_queue_t q;
    ack_entry_t *e[6];
    ack_queue_init(&q, 50);
    for (int i = 0; i < 6; i++) e[i] = ack_queue_append(&q, offsets[i]);
    for (int i = 0; i < 6; i++) ack_queue_complete(&q, e[i]);
    CU_ASSERT(range_is(&q, 1, 3));
    ack_queue_sent(&q);
    CU_ASSERT(range_is(&q, 10, 12));
    CU_ASSERT_EQUAL(q.outstanding, 3);
    ack_queue_sent(&q);
    CU_ASSERT_EQUAL(q.outstanding, 0);
    ack_queue_free(&q);
}

/* A range leaves at the width of a batch although more follows. */
static void ack_queue_wide_range_leaves(void) {
    ack_queue_t q;
    ack_entry_t *e[10];
    ack_queue_init(&q, 4);
    for (int i = 0; i < 10; i++) e[i] = ack_queue_append(&q, i);
    for (int i = 0; i < 3; i++) ack_queue_complete(&q, e[i]);
    CU_ASSERT_PTR_NULL(ack_queue_next(&q));
    ack_queue_complete(&q, e[3]);
    CU_ASSERT(range_is(&q, 0, 3));
    ack_queue_complete(&q, e[5]);
    ack_queue_complete(&q, e[4]);
    ack_queue_sent(&q);
    CU_ASSERT_PTR_NULL(ack_queue_next(&q));
    ack_queue_flush(&q);
    CU_ASSERT(range_is(&q, 4, 5));
    ack_queue_free(&q);
}

static void ack_queue_goes_on_after_it_was_empty(void) {
    ack_queue_t q;
    ack_queue_init(&q, 50);
    ack_queue_complete(&q, ack_queue_append(&q, 7));
    ack_entry_t *next = ack_queue_append(&q, 8);
    CU_ASSERT_EQUAL(q.min, 7); /* 7 was not acknowledged yet */
    ack_queue_sent(&q);
    CU_ASSERT_EQUAL(q.min, 8);
    ack_queue_complete(&q, next);
    CU_ASSERT(range_is(&q, 8, 8));
    ack_queue_free(&q);
}

const test_case_t ack_queue_cases[] = {
    TEST(client_32_offsets_of_pulls),
    TEST(client_36_one_range_when_all_are_done),
    TEST(client_37_what_is_finished_before_a_slow_one),
    TEST(client_39_the_next_range_waits),
    TEST(client_40_a_gap_divides_ranges),
    TEST(ack_queue_wide_range_leaves),
    TEST(ack_queue_goes_on_after_it_was_empty),
    TEST_END,
};
