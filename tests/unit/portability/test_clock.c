#include "suites.h"

#include "portability/clock.h"
#include "portability/thread.h"

#include <apr_time.h>

static void clock_wall_is_the_systems(void) {
    int64_t before = apr_time_now() / 1000, ours = clock_wall_ms(), after = apr_time_now() / 1000;
    CU_ASSERT_TRUE(before <= ours && ours <= after);
}

static void clock_mono_never_goes_back(void) {
    int64_t last = clock_mono_us();
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_mono_us();
        if (now < last) CU_FAIL_FATAL("went back");
        last = now;
    }
}

static void clock_mono_counts_microseconds(void) {
    int64_t start = clock_mono_us(), real = apr_time_now();
    thread_sleep_us(20000);
    int64_t ours = clock_mono_us() - start, reference = apr_time_now() - real;
    CU_ASSERT_TRUE(ours >= 20000);
    CU_ASSERT_TRUE(ours <= reference + 5000);
}

const test_case_t clock_cases[] = {
    TEST(clock_wall_is_the_systems),
    TEST(clock_mono_never_goes_back),
    TEST(clock_mono_counts_microseconds),
    TEST_END,
};
