#include "client/breaker.h"
#include "client/broker_group.h"
#include "client/weight.h"
#include "suites.h"

#define SECOND INT64_C(1000000)

static void client_30_breaker(void) {
    breaker_t b = {0};
    for (int i = 0; i < BREAKER_FAILURES - 1; i++) breaker_failed(&b, 0);
    breaker_succeeded(&b); /* only failures in a row count */
    for (int i = 0; i < BREAKER_FAILURES - 1; i++) breaker_failed(&b, 0);
    CU_ASSERT(breaker_allows(&b, 0));
    breaker_failed(&b, 10 * SECOND);
    CU_ASSERT(!breaker_allows(&b, 10 * SECOND));
    CU_ASSERT(!breaker_allows(&b, 15 * SECOND));
    CU_ASSERT(breaker_allows(&b, 15 * SECOND + 1)); /* half open */
    breaker_failed(&b, 16 * SECOND);
    CU_ASSERT(!breaker_allows(&b, 16 * SECOND));
    CU_ASSERT(breaker_allows(&b, 22 * SECOND));
    for (int i = 0; i < BREAKER_SUCCESSES; i++) breaker_succeeded(&b);
    breaker_failed(&b, 23 * SECOND);
    CU_ASSERT(breaker_allows(&b, 23 * SECOND)); /* closed: one failure is nothing */
}

static void client_62_rejected_mark_ends(void) {
    broker_group_t *g = broker_group_create(view_of("g"), view_of("127.0.0.1:1"));
    broker_group_reject(g, 5 * SECOND);
    CU_ASSERT(!broker_group_is_available(g, 6 * SECOND));
    CU_ASSERT(!broker_group_is_available(g, 64 * SECOND));
    CU_ASSERT(broker_group_is_available(g, 65 * SECOND));
    broker_group_release(g);
}

static void client_23_round_robin(void) {
    broker_group_t *g[3];
    char name[2] = "a";
    int at = -1;
    for (int i = 0; i < 3; i++) {
        name[0] = (char)('a' + i);
        g[i] = broker_group_create(view_of(name), view_of("127.0.0.1:1"));
    }
    CU_ASSERT_PTR_NULL(broker_groups_pick(g, 0, -1, 0, &at));
    CU_ASSERT_PTR_NOT_NULL(broker_groups_pick(g, 3, -1, 0, &at));
    for (int i = 0; i < 6; i++) {
        int before = at;
        CU_ASSERT_PTR_NOT_NULL(broker_groups_pick(g, 3, before, 0, &at));
        CU_ASSERT_EQUAL(at, (before + 1) % 3);
    }
    broker_group_reject(g[1], 0);
    CU_ASSERT_PTR_EQUAL(broker_groups_pick(g, 3, 0, 0, &at), g[2]);
    broker_group_reject(g[0], 0);
    broker_group_reject(g[2], 0);
    CU_ASSERT_PTR_EQUAL(broker_groups_pick(g, 3, 1, 0, &at), g[1]); /* none is available: the last one again */
    for (int i = 0; i < 3; i++) broker_group_release(g[i]);
}

static void client_55_weights(void) {
    CU_ASSERT_EQUAL(weight_after(100, 50, -1), 25);
    CU_ASSERT_EQUAL(weight_after(5, 50, -1), 5);
    CU_ASSERT_EQUAL(weight_after(100, 50, 0), 50);
    CU_ASSERT_EQUAL(weight_after(150, 50, 0), 75);
    CU_ASSERT_EQUAL(weight_after(100, 50, 10), 75);
    CU_ASSERT_EQUAL(weight_after(25, 50, 10), 31);
    CU_ASSERT_EQUAL(weight_after(150, 50, 10), 100);
    CU_ASSERT_EQUAL(weight_after(100, 50, 50), 150);
    CU_ASSERT_EQUAL(weight_after(150, 50, 50), 150);
    static const int weights[] = {100, 5, 50};
    CU_ASSERT_EQUAL(weight_sum(weights, 3), 155);
    CU_ASSERT_EQUAL(weight_choose(weights, 3, 0), 0);
    CU_ASSERT_EQUAL(weight_choose(weights, 3, 99), 0);
    CU_ASSERT_EQUAL(weight_choose(weights, 3, 100), 1);
    CU_ASSERT_EQUAL(weight_choose(weights, 3, 105), 2);
    CU_ASSERT_EQUAL(weight_choose(weights, 3, 154), 2);
}

const test_case_t choice_cases[] = {
    TEST(client_30_breaker), TEST(client_62_rejected_mark_ends), TEST(client_23_round_robin), TEST(client_55_weights), TEST_END,
};
