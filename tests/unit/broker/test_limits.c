/* What is bounded, and that one group does not hold the others up. */
#include "site.h"
#include "suites.h"

#include "broker/group.h"
#include "broker/worker.h"
#include "portability/clock.h"

#include <stdio.h>

static site_t s;
static client_t c, other;

static void begin(void) {
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port) && client_open(&other, s.port));
    GIVES(&c, PULL(), 0, "");
}

static void end(void) {
    client_close(&other);
    client_close(&c);
    site_free(&s);
}

static void parked_pulls_are_bounded(void) {
    site_init(&s);
    s.settings.max_parked_pulls = 3;
    begin();
    for (int32_t i = 0; i < 3; i++) CU_ASSERT_TRUE(pull_send(&c, i, PULL(.num = 1, .last = INT64_MAX, .timeout_ms = 600000)));
    CU_ASSERT_TRUE(site_holds(&s, 3));
    GIVES(&other, PULL(.timeout_ms = 600000), 0, "");
    GIVES(&other, PULL(.group = "another", .timeout_ms = 600000), 0, "");
    SENDS(&other, "s", "m0 m1");
    CU_ASSERT_TRUE(answer_gives(&c, 0, "m0"));
    CU_ASSERT_TRUE(answer_gives(&c, 1, "m1"));
    CU_ASSERT_TRUE(pull_send(&other, 1, PULL(.group = "another", .last = INT64_MAX, .timeout_ms = 600000)));
    CU_ASSERT_TRUE(answer_gives(&other, 0, "m0 m1"));
    for (int32_t i = 0; i < 2; i++) CU_ASSERT_TRUE(pull_send(&c, i, PULL(.num = 1, .last = INT64_MAX, .timeout_ms = 600000)));
    CU_ASSERT_TRUE(site_holds(&s, 3));
    SENDS(&other, "s", "m2");
    CU_ASSERT_TRUE(answer_gives(&c, 2, "m2"));
    CU_ASSERT_TRUE(site_holds(&s, 2));
    CU_ASSERT_TRUE(pull_send(&other, 1, PULL(.group = "another", .last = 1, .timeout_ms = 600000)));
    CU_ASSERT_TRUE(answer_gives(&other, 2, "m2"));
    CU_ASSERT_TRUE(site_holds(&s, 2));
    end();
}

/* Woken too early, at the bound: it counts already and stays held. */
static void held_pull_at_the_bound_stays(void) {
    site_init(&s);
    s.settings.max_parked_pulls = 1;
    s.settings.retry_delay_ms = 300;
    begin();
    GIVES(&c, PULL(.subject = "%RETRY%s%g"), 0, "");
    CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.subject = "%RETRY%s%g", .timeout_ms = 600000)));
    CU_ASSERT_TRUE(site_holds(&s, 1));
    SENDS(&other, "%RETRY%s%g", "m0");
    CU_ASSERT_TRUE(answer_gives(&c, 0, "m0"));
    end();
}

static void big_requests_are_not_held(void) {
    site_init(&s);
    begin();
    char *consumer = memory_alloc(20001);
    memset(consumer, 'c', 20000);
    consumer[20000] = 0;
    GIVES(&c, PULL(.consumer = consumer, .timeout_ms = 600000), 0, "");
    SENDS(&c, "s", "m0");
    GIVES(&c, PULL(.consumer = consumer, .timeout_ms = 600000), 0, "m0");
    CU_ASSERT_EQUAL(ack(&c, PULL(.consumer = consumer), 0, 0), RESPONSE_SUCCESS);
    GIVES(&c, PULL(.consumer = consumer, .timeout_ms = 600000), 0, "");
    memory_free(consumer);
    end();
}

/* A filter claims more tags than it can have: 127 is the most, and what follows decides. */
static void filters_with_many_tags(void) {
    site_init(&s);
    begin();
    writer_t w, tags;
    pull_request_t r = {.subject = view_of("s"),
                        .group = view_of("g"),
                        .consumer_id = view_of("c"),
                        .request_num = 10,
                        .offset = -1,
                        .pull_offset_begin = -1,
                        .pull_offset_last = -1,
                        .timeout_ms = 0};
    static const int counts[] = {127, 128, 10000};
    SENDS(&c, "s", "m0:t5 m1:u m2:t126");
    for (size_t k = 0; k < 3; k++) {
        writer_init(&tags, 1024);
        for (int i = 0; i < counts[k]; i++) {
            char tag[16];
            (void)snprintf(tag, sizeof tag, "t%d", i);
            view_t v = view_of(tag);
            tag_filter_write_tags(&tags, &v, 1);
        }
        writer_init(&w, 1024);
        r.has_tag_filter = true;
        r.tag_filter = (tag_filter_t){TAG_OR, counts[k], view_make(tags.data, tags.used)};
        pull_request_write(&w, VERSION_9, &r);
        CU_ASSERT_TRUE(frame_send(&c, REQUEST_PULL_MESSAGE, VERSION_9, 0, 5, w.data, w.used));
        pulled_t p;
        CU_ASSERT_TRUE_FATAL(pulled_read(&c, &p));
        if (k == 0) CU_ASSERT_EQUAL(p.count, 2);
        pulled_free(&p);
        writer_free(&w);
        writer_free(&tags);
    }
    GIVES(&c, PULL(.last = 1), 0, "");
    end();
}

/* Many un-acked messages of which nothing is wanted: the search ends in another thread, and the answer is right. */
static void long_search_in_vain(void) {
    enum { MANY = 9000 };
    site_init(&s);
    begin();
    for (int k = 0; k < MANY / 1000; k++) {
        batch_t b;
        batch_init(&b);
        for (int i = 0; i < 1000; i++) batch_add(&b, "s", "m", "blue", 1);
        CU_ASSERT_TRUE(batch_send(&b, &c, 1) && client_expect(&c, RESPONSE_SUCCESS, 1, NULL, 0));
    }
    SENDS(&c, "s", "last:red");
    pulled_t p;
    CU_ASSERT_TRUE(pull(&c, PULL(.num = 10000), &p));
    CU_ASSERT_EQUAL(p.count, MANY + 1);
    pulled_free(&p);
    GIVES(&c, PULL(.tag_type = TAG_OR, .tags = {"red"}), MANY, "last");
    GIVES(&c, PULL(.tag_type = TAG_OR, .tags = {"green"}), 0, "");
    int64_t pulled = 0, acked = 0;
    site_position(&s, "s", "g", "c", &pulled, &acked);
    CU_ASSERT_EQUAL(pulled, MANY);
    CU_ASSERT_EQUAL(acked, MANY);
    end();
}

/* Rounds of the loop while a crowd of requests is worked off. */

typedef struct ticker {
    task_t task; /* first */
    _Atomic bool stop;
    _Atomic int rounds;
} ticker_t;

static void tick(task_t *task) {
    ticker_t *t = (ticker_t *)task;
    atomic_fetch_add(&t->rounds, 1);
    if (!atomic_load(&t->stop)) loop_post(loops_at(s.broker.loops, 0), task);
}

typedef struct brake {
    operation_t op; /* first */
    task_t task;
    bool entered;
} brake_t;

static step_t brake_run(operation_t *op) {
    brake_t *b = (brake_t *)op;
    if (b->entered) return STEP_DONE;
    b->entered = true;
    return STEP_WAITS;
}

static void brake_on(void *arg) {
    brake_t *b = arg;
    b->op.run = brake_run;
    group_submit(group_get(&s.broker, view_of("s"), view_of("g")), &b->op, s.broker.workers[0]);
}

static void brake_off(task_t *task) {
    brake_t *b = (brake_t *)((char *)task - offsetof(brake_t, task));
    group_continue(b->op.group);
}

static void broker_38_loop_goes_round_meanwhile(void) {
    enum { ACKS = 2000 };
    site_init(&s);
    begin();
    static brake_t brake;
    static ticker_t ticker;
    memset(&brake, 0, sizeof brake);
    memset(&ticker, 0, sizeof ticker);
    loops_call(s.broker.loops, 0, brake_on, &brake);
    for (int32_t i = 0; i < ACKS; i++) CU_ASSERT_TRUE(ack_send(&c, i, PULL(), i, i));
    GIVES(&c, PULL(.group = "another"), 0, ""); /* all are in line now */
    brake.task.run = brake_off;
    ticker.task.run = tick;
    loop_post(loops_at(s.broker.loops, 0), &ticker.task);
    loop_post(loops_at(s.broker.loops, 0), &brake.task);
    for (int32_t i = 0; i < ACKS; i++) CU_ASSERT_TRUE_FATAL(client_expect(&c, RESPONSE_SUCCESS, i, NULL, 0));
    atomic_store(&ticker.stop, true);
    CU_ASSERT_TRUE(atomic_load(&ticker.rounds) >= ACKS / 2);
    end();
}

static bool clock_is_past(void *arg) {
    return clock_mono_us() > *(int64_t *)arg;
}

static void broker_27_request_that_waited_too_long_is_dropped(void) {
    site_init(&s);
    s.metrics = metrics_create();
    begin();
    static brake_t brake;
    memset(&brake, 0, sizeof brake);
    loops_call(s.broker.loops, 0, brake_on, &brake);
    CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.timeout_ms = -1)));
    CU_ASSERT_TRUE(pull_send(&c, 2, PULL(.timeout_ms = 600000)));
    CU_ASSERT_TRUE(ack_send(&c, 3, PULL(), 0, 0));
    GIVES(&c, PULL(.group = "another"), 0, "");
    int64_t too_late = clock_mono_us() + 2550000;
    CU_ASSERT_TRUE(test_wait(clock_is_past, &too_late, 20));
    brake.task.run = brake_off;
    loop_post(loops_at(s.broker.loops, 0), &brake.task);
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, 3, NULL, 0)); /* 1 is never answered, 2 is held */
    SENDS(&other, "s", "m0");
    pulled_t p;
    CU_ASSERT_TRUE(pulled_read(&c, &p));
    CU_ASSERT_EQUAL(p.opaque, 2);
    pulled_free(&p);
    CU_ASSERT_EQUAL(site_counter(&s, "pullExpiredCount", "s", "g"), 1);
    end();
}

const test_case_t limits_cases[] = {TEST(parked_pulls_are_bounded),
                                    TEST(held_pull_at_the_bound_stays),
                                    TEST(big_requests_are_not_held),
                                    TEST(filters_with_many_tags),
                                    TEST(long_search_in_vain),
                                    TEST(broker_38_loop_goes_round_meanwhile),
                                    TEST(broker_27_request_that_waited_too_long_is_dropped),
                                    TEST_END};
