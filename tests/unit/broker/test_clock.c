/* The wall clock is set by hours, both ways: nothing that waits may notice (design, decision 25). */
#include "site.h"
#include "suites.h"

#include "broker/dead_consumers.h"
#include "portability/clock.h"

#define HOURS (5 * 3600 * 1000LL)
#define RETRY "%RETRY%s%g"

static const long long steps[] = {HOURS, -HOURS};
static long long step;
static site_t s;
static client_t c, other;

static void begin(void) {
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port) && client_open(&other, s.port));
    GIVES(&c, PULL(), 0, "");
    GIVES(&c, PULL(.subject = RETRY), 0, "");
}

static void end(void) {
    client_close(&other);
    client_close(&c);
    site_free(&s);
}

static bool is_shifted(void *arg) {
    int64_t before = *(int64_t *)arg;
    int64_t moved = clock_wall_ms() - before;
    return moved > step - HOURS / 10 && moved < step + HOURS / 10;
}

static bool set_clock(long long ms) {
    static int64_t before;
    before = clock_wall_ms();
    step = ms;
    return test_clock_shift(ms) && test_wait(is_shifted, &before, 10);
}

static void set_back(void) {
    (void)test_clock_shift(0);
}

static void holds_end_when_they_should(void) {
    for (size_t i = 0; i < 2; i++) {
        site_init(&s);
        begin();
        int64_t start = clock_mono_us();
        CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.timeout_ms = 700)));
        CU_ASSERT_TRUE(pull_send(&other, 2, PULL(.consumer = "d", .last = INT64_MAX, .timeout_ms = 600000)));
        CU_ASSERT_TRUE(site_holds(&s, 2));
        if (set_clock(steps[i])) {
            CU_ASSERT_EQUAL(site_holds(&s, 2) || clock_mono_us() - start >= 700000, true);
            CU_ASSERT_TRUE(answer_gives(&c, 0, ""));
            CU_ASSERT_TRUE(clock_mono_us() - start >= 700000);
            SENDS(&c, "s", "m0");
            CU_ASSERT_TRUE(answer_gives(&other, 0, "m0"));
        }
        set_back();
        end();
    }
}

/* The delay of the retry subject goes by a steady clock: not shortened by a clock that jumps ahead, not hours long after one that is set
 * back; also across a restart, where a message of the future counts as old. */
static void retry_delay_is_what_it_was(void) {
    for (size_t i = 0; i < 2; i++) {
        site_init(&s);
        s.settings.retry_delay_ms = 800;
        begin();
        int64_t start = clock_mono_us();
        SENDS(&c, RETRY, "m0");
        if (set_clock(steps[i])) {
            CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.subject = RETRY, .timeout_ms = 600000)));
            CU_ASSERT_TRUE(answer_gives(&c, 0, "m0"));
            CU_ASSERT_TRUE(clock_mono_us() - start >= 800000);
            start = clock_mono_us();
            SENDS(&c, RETRY, "m1");
            CU_ASSERT_TRUE(pull_send(&c, 2, PULL(.subject = RETRY, .last = 0, .timeout_ms = 600000)));
            CU_ASSERT_TRUE(answer_gives(&c, 1, "m1"));
            CU_ASSERT_TRUE(clock_mono_us() - start >= 800000);
            SENDS(&c, RETRY, "m2");
            client_close(&other);
            client_close(&c);
            site_restart(&s);
            CU_ASSERT_TRUE_FATAL(client_open(&c, s.port) && client_open(&other, s.port));
            CU_ASSERT_TRUE(pull_send(&c, 3, PULL(.subject = RETRY, .last = 1, .timeout_ms = 20000)));
            CU_ASSERT_TRUE(answer_gives(&c, 2, "m2"));
        }
        set_back();
        end();
    }
}

static bool is_idle(void *arg) {
    return dead_consumers_busy(arg) == 0;
}

/* Silence is counted by the monotonic clock: nobody is gone because the wall clock says so. */
static void living_consumers_stay_alive(void) {
    for (size_t i = 0; i < 2; i++) {
        site_init(&s);
        begin();
        dead_consumers_options_t o = {
            .first_us = 3600000000LL, .pause_us = 3600000000LL, .offline_us = HOURS * 500, .forever_us = HOURS * 900};
        CU_ASSERT_EQUAL_FATAL(dead_consumers_start(&s.broker.dead_consumers, &s.broker, &o), APR_SUCCESS);
        SENDS(&c, "s", "m0 m1");
        GIVES(&c, PULL(), 0, "m0 m1");
        if (set_clock(steps[i])) {
            dead_consumers_check(s.broker.dead_consumers);
            CU_ASSERT_TRUE(test_wait(is_idle, s.broker.dead_consumers, 20));
            CU_ASSERT_EQUAL(site_messages(&s, RETRY), 0);
            GIVES(&c, PULL(), 0, "m0 m1");
            CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 1), RESPONSE_SUCCESS);
        }
        set_back();
        dead_consumers_stop(s.broker.dead_consumers);
        s.broker.dead_consumers = NULL;
        end();
    }
}

/* Everything flows on, and what was acknowledged before is there after a restart under the other clock. */
static void messages_survive_a_restart_in_another_time(void) {
    for (size_t i = 0; i < 2; i++) {
        site_init(&s);
        begin();
        SENDS(&c, "s", "m0 m1 m2");
        GIVES(&c, PULL(), 0, "m0 m1 m2");
        CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 0), RESPONSE_SUCCESS);
        if (set_clock(steps[i])) {
            SENDS(&c, "s", "m3");
            client_close(&other);
            client_close(&c);
            site_restart(&s);
            CU_ASSERT_TRUE_FATAL(client_open(&c, s.port) && client_open(&other, s.port));
            GIVES(&c, PULL(), 1, "m1 m2");
            GIVES(&c, PULL(.last = 2), 3, "m3");
            CU_ASSERT_EQUAL(ack(&c, PULL(), 1, 3), RESPONSE_SUCCESS);
            SENDS(&c, "s", "m4");
            GIVES(&c, PULL(.last = 3), 4, "m4");
        }
        set_back();
        end();
    }
}

const test_case_t clock_cases[] = {TEST(holds_end_when_they_should), TEST(retry_delay_is_what_it_was), TEST(living_consumers_stay_alive),
                                   TEST(messages_survive_a_restart_in_another_time), TEST_END};
