#include "suites.h"

#include "portability/random.h"

#include <string.h>

static void random_bytes_fill_exactly(void) {
    unsigned char a[70], b[70], seen = 0;
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    for (int i = 0; i < 64; i++) {
        random_bytes(a, 64);
        for (int k = 0; k < 64; k++) seen |= a[k];
    }
    random_bytes(b, 64);
    CU_ASSERT_EQUAL(seen, 0xFF);
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, 64), 0);
    for (int k = 64; k < 70; k++) CU_ASSERT_EQUAL(a[k], 0);
    random_bytes(a, 0);
}

static void random_numbers_are_below_and_even(void) {
    int counts[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint64_t value = random_below(7);
        CU_ASSERT_TRUE_FATAL(value < 7);
        counts[value]++;
    }
    for (int i = 0; i < 7; i++) CU_ASSERT_TRUE(counts[i] > 9000 && counts[i] < 11000);
    CU_ASSERT_EQUAL(random_below(1), 0);
    int high = 0;
    for (int i = 0; i < 100; i++) high += random_below(UINT64_MAX) > UINT64_MAX / 2;
    CU_ASSERT_TRUE(high > 10 && high < 90);
}

const test_case_t random_cases[] = {
    TEST(random_bytes_fill_exactly),
    TEST(random_numbers_are_below_and_even),
    TEST_END,
};
