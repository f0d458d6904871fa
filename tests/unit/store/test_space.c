/* When the disk will be full. */
#include "store/space_forecast.h"
#include "stores.h"
#include "suites.h"

#define SECOND INT64_C(1000000)
#define MB INT64_C(1000000)

static void forecast_follows_the_rate(void) {
    space_forecast_t f;
    space_forecast_init(&f);
    CU_ASSERT_EQUAL(atomic_load(&f.seconds), -1);
    int64_t available = 100000 * MB;
    for (int i = 1; i <= 3600; i++) {
        space_forecast_note(&f, i * SECOND, available, 1000 * MB);
        available -= MB;
    }
    int64_t wanted = (available - 1000 * MB) / MB;
    CU_ASSERT_TRUE(atomic_load(&f.seconds) > wanted * 9 / 10 && atomic_load(&f.seconds) < wanted * 11 / 10);
    for (int i = 3601; i <= 7200; i++) space_forecast_note(&f, i * SECOND, available, 1000 * MB);
    CU_ASSERT_EQUAL(atomic_load(&f.seconds), -1); /* nothing grows any more */
}

static void forecast_of_a_disk_that_gets_room(void) {
    space_forecast_t f;
    space_forecast_init(&f);
    for (int i = 1; i <= 100; i++) space_forecast_note(&f, i * SECOND, i * MB, 0);
    CU_ASSERT_EQUAL(atomic_load(&f.seconds), -1);
}

/* A share of the disk that no disk has free. */
static void percent_counts_when_it_is_more(void) {
    stored_t t;
    const char *reason = NULL;
    stored_init(&t);
    t.options.min_free_percent = 100;
    stored_open(&t);
    CU_ASSERT_FALSE(store_is_writable(t.store, &reason));
    CU_ASSERT_STRING_EQUAL(reason, "the disk is full");
    CU_ASSERT_EQUAL(stored_put(&t, "s", "m"), -1);
    CU_ASSERT_FALSE(stored_exists(&t, ".reserve"));
    stored_close(&t);
    t.options.min_free_percent = 0;
    stored_open(&t);
    CU_ASSERT_TRUE(store_is_writable(t.store, NULL));
    CU_ASSERT_TRUE(stored_exists(&t, ".reserve"));
    CU_ASSERT_EQUAL(stored_put(&t, "s", "m"), 0);
    stored_free(&t);
}

const test_case_t space_cases[] = {TEST(forecast_follows_the_rate), TEST(forecast_of_a_disk_that_gets_room),
                                   TEST(percent_counts_when_it_is_more), TEST_END};
