#include "base/memory.h"
#include "base/window.h"
#include "suites.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static const double QUANTILES[] = {0.5, 0.75, 0.99};
static const int64_t START = INT64_C(1000) * WINDOW_BUCKET_US;

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double at_rank(const int64_t *sorted, size_t n, double q) {
    double rank = q < 0 ? 0 : q > 1 ? 1 : q;
    return (double)sorted[(size_t)(rank * (double)(n - 1))];
}

/* Adds all and checks that each quantile lies between the true values five percent of the ranks below and above it. */
static void check(int64_t *samples, size_t n) {
    window_t w = {{NULL}};
    double values[3];
    for (size_t i = 0; i < n; i++) window_add(&w, START + (int64_t)(i % 5) * WINDOW_BUCKET_US, samples[i]);
    window_quantiles(&w, START + 4 * WINDOW_BUCKET_US, QUANTILES, 3, values);
    qsort(samples, n, sizeof *samples, by_value);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE(values[i] >= at_rank(samples, n, QUANTILES[i] - 0.05));
        CU_ASSERT_TRUE(values[i] <= at_rank(samples, n, QUANTILES[i] + 0.05));
    }
    window_free(&w);
}

static uint64_t random_state = 88172645463325252u;

static double uniform(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (double)(random_state >> 11) / 9007199254740992.0;
}

enum { SAMPLES = 20000 };

static void window_rank_error_within_five_percent(void) {
    int64_t *samples = memory_alloc(SAMPLES * sizeof *samples);
    for (size_t i = 0; i < SAMPLES; i++) samples[i] = (int64_t)(uniform() * 1000000);
    check(samples, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) samples[i] = (int64_t)(-log(uniform() + 1e-12) * 300);
    check(samples, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) samples[i] = (int64_t)exp(uniform() * 20); /* over the whole range */
    check(samples, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) samples[i] = 800 + (int64_t)(uniform() * 450); /* few steps */
    check(samples, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) samples[i] = 1234567; /* one value */
    check(samples, SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) samples[i] = (int64_t)(uniform() * 8); /* microseconds */
    check(samples, SAMPLES);
    for (size_t n = 1; n < 60; n++) { /* from single samples to the histogram */
        for (size_t i = 0; i < n; i++) samples[i] = (int64_t)(uniform() * 100);
        window_t w = {{NULL}};
        double values[3];
        for (size_t i = 0; i < n; i++) window_add(&w, START, samples[i]);
        window_quantiles(&w, START, QUANTILES, 3, values);
        qsort(samples, n, sizeof *samples, by_value);
        CU_ASSERT_TRUE(values[0] >= (double)samples[0] && values[2] <= (double)samples[n - 1]);
        CU_ASSERT_TRUE(values[0] <= values[1] && values[1] <= values[2]);
        window_free(&w);
    }
    memory_free(samples);
}

static void window_few_samples_are_exact(void) {
    window_t w = {{NULL}};
    double values[3];
    window_add(&w, START, 0);
    window_add(&w, START, 2000);
    window_add(&w, START, 0);
    window_quantiles(&w, START, QUANTILES, 3, values);
    CU_ASSERT_EQUAL(values[0], 0);
    CU_ASSERT_EQUAL(values[1], 0);
    CU_ASSERT_EQUAL(values[2], 2000);
    window_free(&w);
}

static void window_extremes(void) {
    window_t w = {{NULL}};
    double values[3];
    for (int i = 0; i < 100; i++) window_add(&w, START, -5000 - i);
    window_quantiles(&w, START, QUANTILES, 3, values);
    CU_ASSERT_TRUE(values[0] <= -5000 && values[0] >= -5099);
    window_free(&w);
    for (int i = 0; i < 100; i++) window_add(&w, START, INT64_MAX);
    window_quantiles(&w, START, QUANTILES, 3, values);
    CU_ASSERT_EQUAL(values[2], (double)INT64_MAX);
    window_free(&w);
    window_add(&w, START, INT64_MIN);
    window_quantiles(&w, START, QUANTILES, 3, values);
    CU_ASSERT_EQUAL(values[0], (double)INT64_MIN);
    window_free(&w);
}

static void window_slides(void) {
    window_t w = {{NULL}};
    double values[3];
    window_quantiles(&w, START, QUANTILES, 3, values);
    CU_ASSERT_TRUE(isnan(values[0]) && isnan(values[1]) && isnan(values[2]));
    for (int i = 0; i < 50; i++) window_add(&w, START, 100000);
    window_add(&w, START + 4 * WINDOW_BUCKET_US, 7);
    window_quantiles(&w, START + 4 * WINDOW_BUCKET_US, QUANTILES, 3, values); /* still there at 8 minutes */
    CU_ASSERT_EQUAL(values[0], 100000);
    window_quantiles(&w, START + 5 * WINDOW_BUCKET_US, QUANTILES, 3, values); /* gone at 10 */
    CU_ASSERT_EQUAL(values[0], 7);
    CU_ASSERT_EQUAL(values[2], 7);
    /* the bucket is used again: nothing of its old content */
    window_add(&w, START + 5 * WINDOW_BUCKET_US, 9);
    window_quantiles(&w, START + 5 * WINDOW_BUCKET_US, QUANTILES, 3, values);
    CU_ASSERT_EQUAL(values[2], 9);
    for (int i = 0; i < 50; i++) window_add(&w, START + 5 * WINDOW_BUCKET_US, 9);
    window_quantiles(&w, START + 5 * WINDOW_BUCKET_US, QUANTILES, 3, values);
    CU_ASSERT_EQUAL(values[2], 9);
    window_quantiles(&w, START + 100 * WINDOW_BUCKET_US, QUANTILES, 3, values);
    CU_ASSERT_TRUE(isnan(values[0]));
    window_free(&w);
}

const test_case_t window_cases[] = {
    TEST(window_rank_error_within_five_percent), TEST(window_few_samples_are_exact), TEST(window_extremes), TEST(window_slides), TEST_END,
};
