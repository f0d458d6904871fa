/* Who sends more than it may is read more slowly, and is answered all the same. */
#include "fixture.h"
#include "suites.h"

#include "base/memory.h"
#include "net/pace.h"
#include "portability/clock.h"

#define SECOND_US ((int64_t)1000000)

static void what_was_not_used_is_kept_for_a_second(void) {
    pace_t *p = memory_zalloc(sizeof *p);
    view_t a = view_of("10.0.0.1:"), b = view_of("10.0.0.2:");
    int64_t now = 1000 * SECOND_US;
    pace_init(p, 100);
    CU_ASSERT_EQUAL(pace_take(p, a, 100, now), 0);
    CU_ASSERT_EQUAL(pace_take(p, a, 1, now), 10000);
    CU_ASSERT_EQUAL(pace_take(p, a, 199, now), 2 * SECOND_US);
    CU_ASSERT_EQUAL(pace_take(p, a, 0, now + SECOND_US), SECOND_US); /* only asked */
    CU_ASSERT_EQUAL(pace_take(p, b, 100, now), 0);                   /* nobody else's fault */
    CU_ASSERT_EQUAL(pace_take(p, a, 0, now + 2 * SECOND_US), 0);
    CU_ASSERT_EQUAL(pace_take(p, a, 100, now + 60 * SECOND_US), 0); /* not sixty times as many */
    CU_ASSERT_EQUAL(pace_take(p, a, 100, now + 60 * SECOND_US), SECOND_US);
    pace_init(p, 0);
    CU_ASSERT_EQUAL(pace_take(p, a, 1000000, now), 0);
    memory_free(p);
}

static void send_echoes(client_t *c, int32_t first, int count) {
    for (int i = 0; i < count; i++) CU_ASSERT_FATAL(client_request(c, CODE_ECHO, first + i, NULL, 0));
}

static void expect_echoes(client_t *c, int32_t first, int count) {
    for (int i = 0; i < count; i++) CU_ASSERT_FATAL(client_expect(c, 0, first + i, NULL, 0));
}

static void too_fast_a_sender_waits_and_loses_nothing(void) {
    fixture_t f;
    client_t c, other;
    net_server_options_t change = {.max_requests = 1000};
    fixture_start(&f, 0, &change);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    int64_t began = clock_mono_us();
    send_echoes(&c, 0, 3000);
    expect_echoes(&c, 0, 3000);
    send_echoes(&c, 3000, 1);
    CU_ASSERT_FATAL(client_open(&other, f.port)); /* the same address on another connection */
    send_echoes(&other, 0, 1);
    expect_echoes(&other, 0, 1);
    CU_ASSERT(clock_mono_us() - began >= 2 * SECOND_US - SECOND_US / 50);
    expect_echoes(&c, 3000, 1);
    CU_ASSERT(clock_mono_us() - began >= 2 * SECOND_US - SECOND_US / 50);
    client_close(&c);
    client_close(&other);
    fixture_stop(&f);
}

static uint32_t weigh(void *arg, const frame_t *request) {
    (void)arg;
    return request->code == CODE_ECHO ? 500 : 1;
}

static void dear_requests_count_more(void) {
    fixture_t f;
    client_t c;
    net_server_options_t change = {.max_requests = 1000, .weigh = weigh};
    fixture_start(&f, 0, &change);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    int64_t began = clock_mono_us();
    for (int i = 0; i < 5; i++) {
        send_echoes(&c, i, 1);
        expect_echoes(&c, i, 1);
    }
    CU_ASSERT(clock_mono_us() - began >= SECOND_US - SECOND_US / 50);
    client_close(&c);
    fixture_stop(&f);
}

static void a_connection_that_waits_is_closed_with_the_server(void) {
    fixture_t f;
    client_t c;
    net_server_options_t change = {.max_requests = 1};
    fixture_start(&f, 0, &change);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    send_echoes(&c, 0, 100);
    expect_echoes(&c, 0, 1);
    fixture_stop(&f);
    client_close(&c);
}

const test_case_t pace_cases[] = {
    TEST(what_was_not_used_is_kept_for_a_second),
    TEST(too_fast_a_sender_waits_and_loses_nothing),
    TEST(dear_requests_count_more),
    TEST(a_connection_that_waits_is_closed_with_the_server),
    TEST_END,
};
