/* What retention deletes, and above all what it does not (storage.md 16). */
#include "stores.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

#define SEGMENT 2048
#define SEGMENTS 5
#define PAYLOAD 300
#define HOUR_MS INT64_C(3600000)

/* Five segments of one subject, covered by a checkpoint; closed. */
static void fill(stored_t *t) {
    char payload[PAYLOAD + 1];
    memset(payload, 'x', PAYLOAD);
    payload[PAYLOAD] = 0;
    stored_init(t);
    t->options.message_segment_size = t->options.action_segment_size = SEGMENT;
    t->options.retention = (store_retention_t){.delete_expired = false, .check_period_us = 2000};
    stored_open(t);
    CU_ASSERT_EQUAL(stored_pull(t, "s", "reader", "c", 0, 0, 0), APR_SUCCESS);
    while (store_message_end(t->store) < SEGMENTS * SEGMENT - 100) CU_ASSERT_NOT_EQUAL(stored_put(t, "s", payload), -1);
    stored_close(t);
}

/* Makes a segment look old. */
static void age(const stored_t *t, const char *name, int hours) {
    char *path = stored_path(t, name);
    test_make_old(path, hours * 3600);
    memory_free(path);
}

static void forget_ages(const stored_t *t) {
    char *path = stored_path(t, ".retention");
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
    memory_free(path);
}

static bool one_segment_is_left(void *arg) {
    const stored_t *t = arg;
    return store_message_min(t->store) == (SEGMENTS - 1) * SEGMENT;
}

typedef struct passes {
    store_t *store;
    int64_t wanted;
} passes_t;

static int64_t passes(store_t *store) {
    store_figures_t f;
    store_figures(store, &f);
    return f.retention_passes;
}

static bool has_passed(void *arg) {
    const passes_t *p = arg;
    return passes(p->store) >= p->wanted;
}

/* Some whole passes that begin after now. */
static bool await_passes(stored_t *t) {
    passes_t p = {t->store, passes(t->store) + 4};
    return test_wait(has_passed, &p, 20);
}

static void expire_everything(stored_t *t) {
    t->options.retention.delete_expired = true;
    t->options.retention.message_ms = 1;
    t->options.retention.action_ms = 1;
}

static void storage_53_only_leading_segments_never_the_last(void) {
    stored_t t;
    poll_result_t r;
    int64_t min = 0, next = 0;
    fill(&t);
    expire_everything(&t);
    stored_open(&t);
    int64_t end = store_message_end(t.store);
    CU_ASSERT_TRUE(test_wait(one_segment_is_left, &t, 20));
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_TRUE(stored_counter(&t, "consumerLogAdjustMinOffset", "s") >= 1);
    CU_ASSERT_EQUAL(store_message_min(t.store), (SEGMENTS - 1) * SEGMENT);
    CU_ASSERT_FALSE(stored_exists(&t, FIRST_SEGMENT));
    CU_ASSERT_TRUE(stored_exists(&t, "messagelog/00000000000000008192"));
    CU_ASSERT_EQUAL(store_message_end(t.store), end);
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_TRUE(min > 0 && min < next);
    stored_poll(&t, "s", 0, 100, &r);
    CU_ASSERT_EQUAL(r.first, min);
    CU_ASSERT_EQUAL((int64_t)r.count, next - min);
    poll_result_free(&r);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), next);
    stored_close(&t);
    t.options.retention.delete_expired = false;
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "again"), next + 1);
    stored_free(&t);
}

/* By file times once, for segments nobody saw becoming complete; and only as far as they are old. */
static void storage_53_by_age(void) {
    stored_t t;
    fill(&t);
    forget_ages(&t);
    stored_remove(&t, ".marker"); /* a store of the original */
    age(&t, FIRST_SEGMENT, 100);
    age(&t, "messagelog/00000000000000002048", 80);
    age(&t, "messagelog/00000000000000004096", 10);
    t.options.retention.delete_expired = true;
    stored_open(&t);
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_EQUAL(store_message_min(t.store), 2 * SEGMENT);
    CU_ASSERT_FALSE(stored_exists(&t, FIRST_SEGMENT));
    CU_ASSERT_FALSE(stored_exists(&t, "messagelog/00000000000000002048"));
    stored_free(&t);
}

static void storage_53_not_before_a_checkpoint_covers_it(void) {
    stored_t t;
    fill(&t);
    stored_remove(&t, "checkpoint");
    stored_remove(&t, ".marker");
    expire_everything(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_EQUAL(store_message_min(t.store), 0);
    stored_free(&t);
}

static void nothing_is_deleted_when_told_so(void) {
    stored_t t;
    fill(&t);
    expire_everything(&t);
    t.options.retention.delete_expired = false;
    stored_open(&t);
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_EQUAL(store_message_min(t.store), 0);
    stored_free(&t);
}

/* A reader's bytes stay until it gives them back. */
static void storage_60_61_segment_in_use_waits(void) {
    stored_t t;
    poll_result_t r;
    fill(&t);
    expire_everything(&t);
    t.options.retention.delete_expired = false;
    stored_open(&t);
    stored_poll(&t, "s", 0, 1, &r);
    CU_ASSERT_EQUAL_FATAL(r.count, 1);
    store_retention_t wanted = t.options.retention;
    wanted.delete_expired = true;
    store_set_retention(t.store, &wanted);
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_EQUAL(store_message_min(t.store), 0);
    CU_ASSERT_EQUAL(r.messages[0].payload.size, PAYLOAD);
    CU_ASSERT_EQUAL(r.messages[0].payload.data[PAYLOAD - 1], 'x');
    poll_result_free(&r);
    CU_ASSERT_TRUE(test_wait(one_segment_is_left, &t, 20));
    stored_free(&t);
}

static void storage_54_action_log_has_its_own_retention(void) {
    stored_t t;
    stored_init(&t);
    t.options.action_segment_size = SEGMENT;
    t.options.retention = (store_retention_t){.check_period_us = 2000};
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "m"), 0);
    for (int i = 0; store_action_end(t.store) < 3 * SEGMENT - 100; i++)
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", i, i, 0), APR_SUCCESS);
    stored_close(&t);
    t.options.retention.delete_expired = true;
    t.options.retention.message_ms = 1000 * HOUR_MS;
    t.options.retention.action_ms = 1;
    stored_open(&t);
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_EQUAL(store_action_min(t.store), 2 * SEGMENT);
    int64_t pull = 0, ack = 0, end = store_action_end(t.store);
    CU_ASSERT_TRUE(store_consumer_position(store_group_find(t.store, view_of("s"), view_of("g")), view_of("c"), &pull, &ack));
    stored_close(&t);
    stored_open(&t);
    int64_t pull_again = 0;
    CU_ASSERT_EQUAL(store_action_end(t.store), end);
    CU_ASSERT_TRUE(store_consumer_position(store_group_find(t.store, view_of("s"), view_of("g")), view_of("c"), &pull_again, &ack));
    CU_ASSERT_EQUAL(pull_again, pull);
    stored_free(&t);
}

/* The group "reader" has pulled one message and acknowledged none. */
static void unconsumed_messages_are_warned_about(void) {
    stored_t t;
    store_figures_t f;
    fill(&t);
    expire_everything(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(test_wait(one_segment_is_left, &t, 20));
    store_figures(t.store, &f);
    int64_t min = 0, next = 0;
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_EQUAL(f.retention_unconsumed, min);
    stored_free(&t);
}

static void unconsumed_messages_are_held(void) {
    stored_t t;
    fill(&t);
    expire_everything(&t);
    t.options.retention.hold = true;
    stored_open(&t);
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_EQUAL(store_message_min(t.store), 0);
    store_retention_t wanted = t.options.retention;
    wanted.hold_max_bytes = 3 * SEGMENT;
    store_set_retention(t.store, &wanted);
    bool two_are_gone = false;
    for (int i = 0; i < 1000 && !two_are_gone; i++) {
        two_are_gone = store_message_min(t.store) == 2 * SEGMENT;
        if (!two_are_gone) CU_ASSERT_TRUE(await_passes(&t));
    }
    CU_ASSERT_TRUE(store_message_min(t.store) <= 2 * SEGMENT);
    int64_t min = 0, next = 0;
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "reader", "c", 1, next - 1, 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "reader", "c", 0, next - 1), APR_SUCCESS);
    CU_ASSERT_TRUE(test_wait(one_segment_is_left, &t, 20));
    stored_free(&t);
}

/* Years pass on the wall clock, an instant on the other one. */
static void a_clock_that_jumps_deletes_nothing(void) {
    static const long long shifts[] = {86400000, -86400000, -1700000000000, 2300000000000};
    for (size_t i = 0; i < sizeof shifts / sizeof shifts[0]; i++) {
        stored_t t;
        fill(&t);
        t.options.retention.delete_expired = true;
        if (!test_clock_shift(shifts[i])) {
            stored_free(&t);
            return;
        }
        stored_open(&t);
        CU_ASSERT_NOT_EQUAL(stored_put(&t, "s", "written at another time"), -1);
        CU_ASSERT_TRUE(await_passes(&t));
        CU_ASSERT_EQUAL(store_message_min(t.store), 0);
        stored_close(&t);
        stored_open(&t);
        CU_ASSERT_TRUE(await_passes(&t));
        CU_ASSERT_EQUAL(store_message_min(t.store), 0);
        CU_ASSERT_TRUE(test_clock_shift(0));
        stored_free(&t);
    }
}

static void storage_51_offset_file_of_a_segment(void) {
    stored_t t;
    size_t size = 0;
    int64_t min = 0, next = 0;
    fill(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(await_passes(&t));
    uint8_t *text = stored_read(&t, "messagelog/.00000000000000008192.offset", &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    long long last = -1;
    CU_ASSERT_EQUAL(sscanf((const char *)text, "{\"s\":%lld}", &last), 1);
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_TRUE(last > 0 && last < next);
    memory_free(text);
    stored_close(&t);
    stored_write(&t, "messagelog/.00000000000000008192.offset", "{\"s\":", 5);
    stored_open(&t); /* one that cannot be parsed is ignored */
    stored_free(&t);
}

static void storage_52_offset_file_goes_with_its_segment(void) {
    stored_t t;
    fill(&t);
    stored_write(&t, "messagelog/.00000000000000000000.offset", "{}", 2);
    stored_write(&t, "messagelog/.00000000000000002048.offset", "{\"s\":4}", 7);
    expire_everything(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(test_wait(one_segment_is_left, &t, 20));
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_FALSE(stored_exists(&t, "messagelog/.00000000000000000000.offset"));
    CU_ASSERT_FALSE(stored_exists(&t, "messagelog/.00000000000000002048.offset"));
    CU_ASSERT_TRUE(stored_exists(&t, "messagelog/.00000000000000008192.offset"));
    stored_free(&t);
}

/* Somebody else holds the file open: it is tried again later and said once. */
static void storage_60_a_refused_deletion_is_said_once(void) {
    stored_t t;
    fill(&t);
    expire_everything(&t);
    char *segment = stored_path(&t, FIRST_SEGMENT);
    void *held = test_hold(segment);
    memory_free(segment);
    if (held == NULL && !test_faults("remove 1+ EACCES path=" FIRST_SEGMENT "\n")) {
        test_skip("needs a build with QMQ_TEST_HOOKS, or a system on which an open file cannot be removed");
        stored_free(&t);
        return;
    }
    log_init(&t.log, "refused");
    stored_open(&t);
    CU_ASSERT_TRUE(await_passes(&t));
    CU_ASSERT_EQUAL(store_message_min(t.store), 0);
    CU_ASSERT_NOT_EQUAL(stored_put(&t, "s", "goes on"), -1);
    char *path = memory_printf("%s/store.log", test_directory()), *text = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, SIZE_MAX / 2, &text, &size), APR_SUCCESS);
    const char *first = strstr(text, "[refused] cannot delete ");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NULL(strstr(first + 1, "[refused] cannot delete "));
    free(text);
    memory_free(path);
    if (held != NULL) {
        test_let_go(held);
    } else {
        CU_ASSERT_TRUE(test_faults(""));
    }
    CU_ASSERT_TRUE(test_wait(one_segment_is_left, &t, 20));
    stored_free(&t);
}

const test_case_t retention_cases[] = {TEST(storage_60_a_refused_deletion_is_said_once),
                                       TEST(storage_53_only_leading_segments_never_the_last),
                                       TEST(storage_53_by_age),
                                       TEST(storage_53_not_before_a_checkpoint_covers_it),
                                       TEST(nothing_is_deleted_when_told_so),
                                       TEST(storage_60_61_segment_in_use_waits),
                                       TEST(storage_54_action_log_has_its_own_retention),
                                       TEST(unconsumed_messages_are_warned_about),
                                       TEST(unconsumed_messages_are_held),
                                       TEST(a_clock_that_jumps_deletes_nothing),
                                       TEST(storage_51_offset_file_of_a_segment),
                                       TEST(storage_52_offset_file_goes_with_its_segment),
                                       TEST_END};
