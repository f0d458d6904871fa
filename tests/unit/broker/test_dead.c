/* Consumers that stopped asking (broker.md 8). */
#include "broker/dead_consumers.h"
#include "portability/clock.h"
#include "site.h"
#include "suites.h"

#define HOUR_US ((int64_t)3600 * 1000000)

static site_t s;
static client_t c;
static dead_consumers_t *dead;

/* Checks come only when asked for. */
static void watch(int64_t offline_us, int64_t forever_us) {
    dead_consumers_options_t o = {HOUR_US, HOUR_US, offline_us, forever_us};
    CU_ASSERT_EQUAL_FATAL(dead_consumers_start(&dead, &s.broker, &o), APR_SUCCESS);
}

/* Consumer c of group g has pulled five messages of a subject and acknowledged none. */
static void begin(const char *subject) {
    site_init(&s);
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(.subject = subject), 0, "");
    GIVES(&c, PULL(.subject = "%RETRY%s%g"), 0, "");
    SENDS(&c, subject, "a b c d e");
    GIVES(&c, PULL(.subject = subject), 0, "a b c d e");
}

static void end(void) {
    dead_consumers_stop(dead);
    dead = NULL;
    client_close(&c);
    site_free(&s);
}

static bool rests(void *arg) {
    (void)arg;
    return dead_consumers_busy(dead) == 0;
}

static void check(void) {
    dead_consumers_check(dead);
    CU_ASSERT_TRUE(test_wait(rests, NULL, 30));
}

static int64_t acked(const char *subject) {
    int64_t p = 0, a = 0;
    site_position(&s, subject, "g", "c", &p, &a);
    return a;
}

static void broker_46_messages_of_a_silent_consumer_go_to_retry(void) {
    begin("s");
    watch(1, HOUR_US);
    check();
    CU_ASSERT_EQUAL(acked("s"), 4);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 5);
    GIVES(&c, PULL(.subject = "%RETRY%s%g", .consumer = "other"), 0, "a b c d e");
    end();
}

static void broker_46_no_faster_than_the_limiter(void) {
    begin("s");
    s.settings.retry_move_rate = 8;
    watch(1, HOUR_US);
    int64_t began = clock_mono_us();
    check();
    /* One at once, the four others an eighth of a second apart. */
    CU_ASSERT_TRUE(clock_mono_us() - began >= 4 * 1000000 / 8 - 10000);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 5);
    end();
}

static void broker_46_a_live_consumer_keeps_its_messages(void) {
    begin("s");
    watch(HOUR_US, 2 * HOUR_US);
    check();
    CU_ASSERT_EQUAL(acked("s"), -1);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 0);
    end();
}

static bool has_moved(void *arg) {
    (void)arg;
    return acked("s") >= 0;
}

static void broker_47_a_sign_of_life_ends_it(void) {
    begin("s");
    s.settings.retry_move_rate = 0.5;
    watch(1, HOUR_US);
    dead_consumers_check(dead);
    CU_ASSERT_TRUE(test_wait(has_moved, NULL, 30));
    CU_ASSERT_EQUAL(ack(&c, PULL(), -1, -1), RESPONSE_SUCCESS);
    CU_ASSERT_TRUE(test_wait(rests, NULL, 30));
    CU_ASSERT_TRUE(acked("s") < 4);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), acked("s") + 1);
    end();
}

static void broker_48_retry_stays_on_its_retry_subject(void) {
    begin("%RETRY%s%g");
    watch(1, HOUR_US);
    check();
    CU_ASSERT_EQUAL(acked("%RETRY%s%g"), 4);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 10);
    CU_ASSERT_EQUAL(site_messages(&s, "s"), 0);
    GIVES(&c, PULL(.subject = "%RETRY%s%g", .last = 4), 5, "a b c d e");
    end();
}

static void broker_49_dead_letter_consumers_live(void) {
    begin("%DEAD_RETRY%s%g");
    group_t *g = group_get(&s.broker, view_of("%DEAD_RETRY%s%g"), view_of("g"));
    int64_t before = heartbeats_of(group_heartbeats(g), view_of("c"));
    CU_ASSERT_TRUE(before > 0);
    CU_ASSERT_EQUAL(ack(&c, PULL(.subject = "%DEAD_RETRY%s%g"), -1, -1), RESPONSE_SUCCESS);
    CU_ASSERT_TRUE(heartbeats_of(group_heartbeats(g), view_of("c")) > before);
    watch(1, HOUR_US);
    check();
    /* What is moved all the same stays a dead letter. */
    CU_ASSERT_EQUAL(site_messages(&s, "%DEAD_RETRY%s%g"), 10);
    end();
}

static bool is_past(void *arg) {
    return clock_mono_us() > *(int64_t *)arg;
}

/* One whose pull is long past and whose last sign of life is a heartbeat is alive (BUG-14). */
static void broker_49_a_heartbeat_is_enough(void) {
    static const char *const subjects[] = {"%DEAD_RETRY%s%g", "s"};
    for (size_t i = 0; i < 2; i++) {
        begin(subjects[i]);
        watch(3000000, HOUR_US);
        int64_t silent = clock_mono_us() + 3100000;
        CU_ASSERT_TRUE(test_wait(is_past, &silent, 20));
        CU_ASSERT_EQUAL(ack(&c, PULL(.subject = subjects[i]), -1, -1), RESPONSE_SUCCESS);
        check();
        CU_ASSERT_EQUAL(acked(subjects[i]), -1);
        CU_ASSERT_EQUAL(site_messages(&s, subjects[i]), 5);
        end();
    }
}

static void broker_50_gone_for_good(void) {
    begin("s");
    watch(1, 1);
    check();
    int64_t pull_sequence = 0, ack_sequence = 0;
    store_group_t *g = store_group_find(s.broker.store, view_of("s"), view_of("g"));
    CU_ASSERT_FALSE(store_consumer_position(g, view_of("c"), &pull_sequence, &ack_sequence));
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 5);
    dead_consumers_stop(dead);
    dead = NULL;
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    SENDS(&c, "s", "f");
    GIVES(&c, PULL(), 0, "f");
    end();
}

static void broker_51_known_from_the_log_alone(void) {
    begin("s");
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    watch(1, HOUR_US);
    check();
    CU_ASSERT_EQUAL(acked("s"), 4);
    CU_ASSERT_EQUAL(site_messages(&s, "%RETRY%s%g"), 5);
    end();
}

static void nobody_is_silent_before_the_broker_is_on_line(void) {
    begin("s");
    atomic_store(&s.broker.read_only, true);
    watch(1, 1);
    check();
    CU_ASSERT_EQUAL(acked("s"), -1);
    s.settings.skip_check_while_offline = false;
    check();
    CU_ASSERT_EQUAL(acked("s"), -1); /* the store takes messages, but the consumer is forgotten after its last */
    end();
}

const test_case_t dead_cases[] = {TEST(broker_46_messages_of_a_silent_consumer_go_to_retry),
                                  TEST(broker_46_no_faster_than_the_limiter),
                                  TEST(broker_46_a_live_consumer_keeps_its_messages),
                                  TEST(broker_47_a_sign_of_life_ends_it),
                                  TEST(broker_48_retry_stays_on_its_retry_subject),
                                  TEST(broker_49_dead_letter_consumers_live),
                                  TEST(broker_49_a_heartbeat_is_enough),
                                  TEST(broker_50_gone_for_good),
                                  TEST(broker_51_known_from_the_log_alone),
                                  TEST(nobody_is_silent_before_the_broker_is_on_line),
                                  TEST_END};
