/* Pull-log tablets, and the pull log of old versions. */
#include "base/crc32.h"
#include "base/cursor.h"
#include "store/pull_tablet.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

/* storage.md 7.3: tablet 74 with pull 1, 2, 3 of c1 leading to messages 1, 2, 7. */
static const uint8_t example[] =
    "\x00\xa2\xb1\x00\x00\x00\x00\x3d\x00\x00\x00\x28\x00\x00\x00\x00\x00\x00\x00\x4a\x00\x00\x00\x00\x00\x00\x00\xcd"
    "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x06\xc1\xb2\xa3\x00\x00\x13"
    "c1@g1@order.changed\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"
    "\x00\x00\x00\x03\x00\x00\x00\x00\x71\x4c\x88\xd0";
#define EXAMPLE_SIZE (sizeof example - 1)

static void storage_29_tablet_bytes(void) {
    pull_range_t ranges[] = {{1, 1, 2}, {3, 7, 1}};
    tablet_builder_t b;
    tablet_builder_init(&b);
    CU_ASSERT_TRUE(tablet_builder_is_empty(&b));
    tablet_builder_add(&b, view_of("c1"), view_of("g1"), view_of("order.changed"), ranges, 2);
    size_t size = 0;
    uint8_t *made = tablet_builder_finish(&b, 74, 205, &size);
    CU_ASSERT_EQUAL_FATAL(size, EXAMPLE_SIZE);
    CU_ASSERT_EQUAL(memcmp(made, example, size), 0);
    memory_free(made);
    tablet_builder_free(&b);
}

static void storage_29_gap_makes_another_run(void) {
    pull_range_t ranges[] = {{1, 1, 2}, {5, 7, 1}, {6, (int64_t)1 << 40, 2}};
    tablet_builder_t b;
    tablet_builder_init(&b);
    tablet_builder_add(&b, view_of("c@x"), view_of("g"), view_of("s"), ranges, 3);
    size_t size = 0, at = 0;
    uint8_t *made = tablet_builder_finish(&b, 1, 2, &size);
    tablet_image_t image;
    tablet_run_t run;
    CU_ASSERT_TRUE_FATAL(tablet_image_open(&image, made, size));
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_TRUE_FATAL(tablet_image_next(&image, &at, &run));
        CU_ASSERT_TRUE(view_equal(run.key, view_of("c@x@g@s")));
        CU_ASSERT_EQUAL(run.pull, ranges[i].pull);
        CU_ASSERT_EQUAL(run.count, ranges[i].count);
        CU_ASSERT_EQUAL(tablet_run_message(&run, 0), ranges[i].message);
        CU_ASSERT_EQUAL(tablet_run_message(&run, run.count - 1), ranges[i].message + ranges[i].count - 1);
    }
    CU_ASSERT_FALSE(tablet_image_next(&image, &at, &run));
    memory_free(made);
    tablet_builder_free(&b);
}

static void storage_31_32_damaged_tablet_is_none(void) {
    uint8_t copy[EXAMPLE_SIZE];
    tablet_image_t image;
    for (size_t i = 0; i < EXAMPLE_SIZE; i++) {
        CU_ASSERT_FALSE(tablet_image_open(&image, example, i));
        memcpy(copy, example, EXAMPLE_SIZE);
        copy[i] ^= 0x40;
        bool in_offsets = i >= 12 && i < 28;
        if (!in_offsets) CU_ASSERT_FALSE(tablet_image_open(&image, copy, EXAMPLE_SIZE));
    }
    CU_ASSERT_TRUE(tablet_image_open(&image, example, EXAMPLE_SIZE));
}

static void open_with(stored_t *t, int messages) {
    stored_init(t);
    stored_open(t);
    for (int i = 0; i < messages; i++) CU_ASSERT_EQUAL(stored_put(t, "s", "x"), i);
}

static void reopen(stored_t *t) {
    stored_close(t);
    stored_open(t);
}

/* broker.md 17.4: pull logs are written as tablets, so their metrics are about those. */
static void broker_69_counters_of_the_pull_log(void) {
    stored_t t;
    open_with(&t, 3);
    CU_ASSERT_EQUAL(stored_counter(&t, "storePullLogFlushCount", NULL), 0);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 1, 0), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_EQUAL(stored_counter(&t, "storePullLogFlushCount", NULL), 1);
    CU_ASSERT_EQUAL(metric_value(metrics_timer(t.options.metrics, "storePullLogFlushTimer", METRIC_NO_LABELS)), 1);
    CU_ASSERT_EQUAL(stored_counter(&t, "pullLogFlusherFlushFailed", NULL), 0);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 2, 2, 2), APR_SUCCESS);
    if (test_faults("write 1+ EIO path=pulllog_smt\n")) {
        stored_close(&t);
        CU_ASSERT_EQUAL(stored_counter(&t, "storePullLogFlushCount", NULL), 1);
        CU_ASSERT_EQUAL(stored_counter(&t, "pullLogFlusherFlushFailed", NULL), 1);
        CU_ASSERT_TRUE(test_faults(""));
    }
    if (t.store == NULL) stored_open(&t);
    CU_ASSERT_EQUAL(stored_counter(&t, "pullLogFlusherExceedCheckpointInterval", NULL), 0);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "many", 0, 2999999, 0), APR_SUCCESS);
    stored_close(&t);
    CU_ASSERT_EQUAL(stored_counter(&t, "pullLogFlusherExceedCheckpointInterval", NULL), 1);
    stored_free(&t);
}

static void broker_69_counters_of_the_consumer_logs(void) {
    stored_t t;
    stored_init(&t);
    t.options.checkpoint_records = 2;
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "x"), 0);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "x"), 1);
    stored_close(&t);
    CU_ASSERT_EQUAL(stored_counter(&t, "consumerLogFlusherExceedCheckpointInterval", NULL), 1);
    CU_ASSERT_EQUAL(stored_counter(&t, "consumerLogFlusherFlushFailed", NULL), 0);
    CU_ASSERT_EQUAL(stored_counter(&t, "storeConsumerLogFlushCount", "s"), 1);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "x"), 2);
    if (test_faults("write 1+ EIO path=checkpoint\n")) {
        stored_close(&t);
        CU_ASSERT_EQUAL(stored_counter(&t, "consumerLogFlusherFlushFailed", NULL), 1);
        CU_ASSERT_TRUE(test_faults(""));
    }
    stored_free(&t);
}

static int64_t lookup(stored_t *t, const char *consumer, int64_t pull) {
    store_group_t *g = store_group_find(t->store, view_of("s"), view_of("g"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    return store_pull_lookup(g, view_of(consumer), pull);
}

/* Number of tablets; the name of the last in *name (may be NULL). */
typedef struct tablets {
    int count;
    char name[64];
} tablets_t;

static apr_status_t count_tablet(void *arg, const char *name) {
    tablets_t *found = arg;
    if (name[0] == '.') return APR_SUCCESS;
    found->count++;
    (void)snprintf(found->name, sizeof found->name, "pulllog_smt/%s", name);
    return APR_SUCCESS;
}

static tablets_t tablets_of(const stored_t *t) {
    tablets_t found = {0, ""};
    char *path = stored_path(t, "pulllog_smt");
    CU_ASSERT_EQUAL(directory_list(path, count_tablet, &found), APR_SUCCESS);
    memory_free(path);
    return found;
}

static void storage_30_tablet_at_a_clean_stop(void) {
    stored_t t;
    open_with(&t, 10);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 5), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 1), APR_SUCCESS);
    int64_t end = store_action_end(t.store);
    stored_close(&t);
    tablets_t found = tablets_of(&t);
    CU_ASSERT_EQUAL_FATAL(found.count, 1);
    size_t size = 0;
    uint8_t *bytes = stored_read(&t, found.name, &size);
    tablet_image_t image;
    CU_ASSERT_TRUE_FATAL(tablet_image_open(&image, bytes, size));
    CU_ASSERT_EQUAL(image.end, end - 1); /* Java adds one */
    CU_ASSERT_EQUAL(image.begin, strtoll(found.name + strlen("pulllog_smt/"), NULL, 10));
    CU_ASSERT_TRUE(image.begin < end);
    memory_free(bytes);
    stored_open(&t);
    store_figures_t f;
    store_figures(t.store, &f);
    CU_ASSERT_EQUAL(f.recovered_records, 0);
    for (int i = 2; i < 5; i++) CU_ASSERT_EQUAL(lookup(&t, "c", i), i + 5);
    CU_ASSERT_EQUAL(lookup(&t, "c", 1), -1);
    CU_ASSERT_EQUAL(lookup(&t, "c", 5), -1);
    stored_free(&t);
}

static bool has_tablet(void *arg) {
    return tablets_of(arg).count > 0;
}

/* 10 MiB of values are 2 621 440 pulled messages. */
static void storage_30_tablet_after_10_mib(void) {
    stored_t t;
    open_with(&t, 1);
    t.options.sync_period_us = 10000;
    reopen(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 2621438, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(store_sync(t.store), APR_SUCCESS);
    CU_ASSERT_FALSE(has_tablet(&t));
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 2621439, 2621439, 2621439), APR_SUCCESS);
    CU_ASSERT_TRUE(test_wait(has_tablet, &t, 30));
    stored_crash(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(lookup(&t, "c", 2621439), 2621439);
    stored_free(&t);
}

static void storage_35_tablet_goes_when_all_is_acknowledged(void) {
    stored_t t;
    open_with(&t, 20);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "d", 0, 4, 5), APR_SUCCESS);
    reopen(&t);
    tablets_t first = tablets_of(&t);
    CU_ASSERT_EQUAL(first.count, 1);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 4), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "d", 0, 3), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 5, 9, 10), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_TRUE(stored_exists(&t, first.name));
    CU_ASSERT_EQUAL(tablets_of(&t).count, 2);
    CU_ASSERT_EQUAL(lookup(&t, "d", 4), 9);
    CU_ASSERT_EQUAL(lookup(&t, "c", 7), 12);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "d", 4, 4), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_FALSE(stored_exists(&t, first.name));
    CU_ASSERT_EQUAL(tablets_of(&t).count, 1);
    CU_ASSERT_EQUAL(lookup(&t, "c", 7), 12);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 5, 9), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_EQUAL(tablets_of(&t).count, 0);
    stored_free(&t);
}

static void storage_36_consumer_that_goes_for_ever(void) {
    stored_t t;
    open_with(&t, 10);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 0), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_EQUAL(tablets_of(&t).count, 1);
    store_action_t gone = {.type = ACTION_FOREVER_OFFLINE,
                           .group = store_group_get(t.store, view_of("s"), view_of("g")),
                           .consumer_id = view_of("c"),
                           .time_ms = 1};
    CU_ASSERT_EQUAL(stored_action(&t, gone), APR_SUCCESS);
    CU_ASSERT_EQUAL(lookup(&t, "c", 3), -1);
    reopen(&t);
    CU_ASSERT_EQUAL(tablets_of(&t).count, 0);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 0, 7), APR_SUCCESS); /* it comes back and starts anew */
    CU_ASSERT_EQUAL(lookup(&t, "c", 0), 7);
    CU_ASSERT_EQUAL(lookup(&t, "c", 3), -1);
    reopen(&t);
    CU_ASSERT_EQUAL(lookup(&t, "c", 0), 7);
    CU_ASSERT_EQUAL(lookup(&t, "c", 3), -1);
    stored_free(&t);
}

/* A tablet that is torn or has a wrong bit, and nothing in the way of the start. */
static void storage_31_torn_tablet(void) {
    static const int sizes[] = {0, 10, 28, -1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        stored_t t;
        open_with(&t, 10);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 3), APR_SUCCESS);
        stored_close(&t);
        tablets_t found = tablets_of(&t);
        size_t size = 0;
        uint8_t *bytes = stored_read(&t, found.name, &size);
        memory_free(bytes);
        stored_truncate(&t, found.name, sizes[i] < 0 ? (int64_t)size - 1 : sizes[i]);
        stored_open(&t);
        CU_ASSERT_FALSE(stored_exists(&t, found.name));
        for (int k = 0; k < 5; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 5, 5, 8), APR_SUCCESS);
        reopen(&t);
        for (int k = 0; k < 6; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
        stored_free(&t);
    }
}

static void storage_32_flipped_bit(void) {
    stored_t t;
    open_with(&t, 20);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 3), APR_SUCCESS);
    stored_close(&t);
    tablets_t first = tablets_of(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 5, 9, 8), APR_SUCCESS);
    stored_close(&t);
    CU_ASSERT_EQUAL(tablets_of(&t).count, 2);
    stored_patch(&t, first.name, 28, "\x7f", 1);
    stored_open(&t);
    for (int k = 0; k < 10; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 0), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_EQUAL(tablets_of(&t).count, 1);
    for (int k = 1; k < 10; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
    stored_free(&t);
}

/* A tablet as Java writes it: one run of c, `count` long, whose header says the true end. */
static void write_foreign(const stored_t *t, int64_t id, int64_t end, int64_t pull, int64_t message, int32_t count) {
    tablet_builder_t b;
    pull_range_t r = {pull, message, count};
    tablet_builder_init(&b);
    tablet_builder_add(&b, view_of("c"), view_of("g"), view_of("s"), &r, 1);
    size_t size = 0;
    uint8_t *bytes = tablet_builder_finish(&b, id, end, &size);
    char *name = memory_printf("pulllog_smt/%lld", (long long)id);
    stored_write(t, name, bytes, size);
    memory_free(name);
    memory_free(bytes);
    tablet_builder_free(&b);
}

/* What Java leaves behind: a tablet and a checkpoint of the first pulls, actions behind them. */
static void make_foreign(stored_t *t, int64_t message, int32_t count) {
    open_with(t, 20);
    CU_ASSERT_EQUAL(stored_pull(t, "s", "g", "c", 0, 4, 3), APR_SUCCESS);
    int64_t rolled = store_action_end(t->store);
    CU_ASSERT_EQUAL(stored_pull(t, "s", "g", "c", 5, 9, 8), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(t, "s", "g", "c", 0, 1), APR_SUCCESS);
    stored_close(t);
    stored_forget(t, false);
    write_foreign(t, 60, rolled, 0, message, count);
    char *name = memory_printf("checkpoint/action-checkpoint.%020lld", (long long)rolled);
    char *text = memory_printf("3\n%lld\ns/1\ng/0/7/1\nc/4/-1\n", (long long)rolled);
    stored_write(t, name, text, strlen(text));
    memory_free(name);
    memory_free(text);
}

static void check_foreign(stored_t *t) {
    int64_t pull = 0, ack = 0;
    stored_open(t);
    CU_ASSERT_TRUE(store_consumer_position(store_group_find(t->store, view_of("s"), view_of("g")), view_of("c"), &pull, &ack));
    CU_ASSERT_EQUAL(pull, 9);
    CU_ASSERT_EQUAL(ack, 1);
    for (int k = 2; k < 10; k++) CU_ASSERT_EQUAL(lookup(t, "c", k), k + 3);
    CU_ASSERT_EQUAL(lookup(t, "c", 10), -1);
}

static void storage_33_tablet_of_java_loses_no_action(void) {
    stored_t t;
    make_foreign(&t, 3, 5);
    check_foreign(&t);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 2, 2), APR_SUCCESS);
    stored_close(&t);
    CU_ASSERT_FALSE(stored_exists(&t, "pulllog_smt/60")); /* ours has taken its place */
    CU_ASSERT_EQUAL(tablets_of(&t).count, 1);
    stored_open(&t);
    for (int k = 3; k < 10; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
    stored_free(&t);
}

/* What the original left behind after a kill: nobody falls back, however often it is opened (replay from the tablet's end, BUG-2). */
static void broker_55_store_of_java_goes_on_where_it_was(void) {
    stored_t t;
    make_foreign(&t, 3, 5);
    for (int i = 0; i < 3; i++) {
        check_foreign(&t);
        int64_t pulled = -1;
        CU_ASSERT_TRUE(store_group_pulled(store_group_find(t.store, view_of("s"), view_of("g")), &pulled));
        CU_ASSERT_EQUAL(pulled, 12);
        stored_close(&t);
    }
    stored_free(&t);
}

/* A store that was only looked at stays what it was. */
static void tablet_of_java_stays_when_nothing_happens(void) {
    stored_t t;
    make_foreign(&t, 3, 5);
    check_foreign(&t);
    stored_close(&t);
    CU_ASSERT_TRUE(stored_exists(&t, "pulllog_smt/60"));
    check_foreign(&t);
    stored_free(&t);
}

static void storage_28_29a_shifted_and_too_long_run(void) {
    stored_t t;
    make_foreign(&t, 9, 11);
    check_foreign(&t);
    stored_free(&t);
}

/* The actions a tablet covers are not in the log any more: then the tablet is all there is, but for what was not pulled. */
static void storage_28_nothing_behind_the_run(void) {
    stored_t t;
    stored_init(&t);
    t.options.action_segment_size = 4096;
    stored_open(&t);
    for (int i = 0; i < 300; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "x"), i);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 3), APR_SUCCESS);
    int64_t rolled = store_action_end(t.store);
    for (int i = 0; i < 150; i++) CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "other", i, i, 8 + i), APR_SUCCESS);
    stored_close(&t);
    stored_forget(&t, false);
    stored_remove(&t, FIRST_ACTIONS);
    write_foreign(&t, 60, rolled, 0, 3, 9);
    char *name = memory_printf("checkpoint/action-checkpoint.%020lld", (long long)rolled);
    char *text = memory_printf("3\n%lld\ns/1\ng/0/7/1\nc/4/1\n", (long long)rolled);
    stored_write(&t, name, text, strlen(text));
    memory_free(name);
    memory_free(text);
    for (int round = 0; round < 2; round++) {
        stored_open(&t);
        for (int k = 2; k < 5; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
        CU_ASSERT_EQUAL(lookup(&t, "c", 5), -1);
        CU_ASSERT_EQUAL(lookup(&t, "other", 149), 157);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "other", 150 + round, 150 + round, 158 + round), APR_SUCCESS);
        stored_close(&t);
    }
    stored_free(&t);
}

/* Killed between tablet and snapshot, or after either: nothing is lost and nothing is wrong. */
static void kill_between_tablet_and_snapshot(void) {
    stored_t t;
    open_with(&t, 20);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 3), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 5, 9, 8), APR_SUCCESS);
    int64_t end = store_action_end(t.store);
    stored_close(&t);
    char *name = memory_printf("checkpoint/action-checkpoint.%020lld", (long long)end);
    CU_ASSERT_TRUE(stored_exists(&t, name));
    stored_remove(&t, name);
    memory_free(name);
    stored_open(&t);
    for (int k = 0; k < 10; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
    CU_ASSERT_EQUAL(tablets_of(&t).count, 1);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 10, 11, 13), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_EQUAL(tablets_of(&t).count, 2);
    for (int k = 0; k < 12; k++) CU_ASSERT_EQUAL(lookup(&t, "c", k), k + 3);
    stored_free(&t);
}

static void write_legacy(const stored_t *t, const char *group, const int64_t *messages, size_t count) {
    writer_t w;
    writer_init(&w, count * 8);
    for (size_t i = 0; i < count; i++) writer_i64(&w, messages[i]);
    char *name = memory_printf("pulllog/c/%s/00000000000000000000", group);
    char *directory = memory_printf("%s/pulllog/c/%s", t->root, group);
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    stored_write(t, name, w.data, w.used);
    memory_free(directory);
    memory_free(name);
    writer_free(&w);
}

/* An old store: a checkpoint says what was pulled, the files of the pull log which messages those were. */
static void storage_70_old_pull_log_is_read_and_deleted(void) {
    static const int64_t messages[] = {0, 1, 7, 8, 12};
    stored_t t;
    open_with(&t, 20);
    stored_close(&t);
    stored_forget(&t, false);
    stored_write(&t, "checkpoint/action-checkpoint.00000000000000000000", "3\n0\ns/1\ng/0/12/1\nc/4/1\n", 23);
    write_legacy(&t, "g@s", messages, 5);
    write_legacy(&t, "gone@s", messages, 5);
    stored_open(&t);
    CU_ASSERT_EQUAL(lookup(&t, "c", 1), -1);
    CU_ASSERT_EQUAL(lookup(&t, "c", 2), 7);
    CU_ASSERT_EQUAL(lookup(&t, "c", 3), 8);
    CU_ASSERT_EQUAL(lookup(&t, "c", 4), 12);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 5, 5, 13), APR_SUCCESS);
    reopen(&t);
    CU_ASSERT_EQUAL(lookup(&t, "c", 2), 7);
    CU_ASSERT_EQUAL(lookup(&t, "c", 5), 13);
    CU_ASSERT_TRUE(stored_exists(&t, "pulllog/c/g@s/00000000000000000000"));
    CU_ASSERT_FALSE(stored_exists(&t, "pulllog/c/gone@s"));
    store_action_t gone = {.type = ACTION_FOREVER_OFFLINE,
                           .group = store_group_get(t.store, view_of("s"), view_of("g")),
                           .consumer_id = view_of("c"),
                           .time_ms = 1};
    CU_ASSERT_EQUAL(stored_action(&t, gone), APR_SUCCESS);
    stored_close(&t);
    CU_ASSERT_FALSE(stored_exists(&t, "pulllog/c"));
    stored_free(&t);
}

const test_case_t tablets_cases[] = {TEST(broker_69_counters_of_the_pull_log),
                                     TEST(broker_69_counters_of_the_consumer_logs),
                                     TEST(storage_29_tablet_bytes),
                                     TEST(storage_29_gap_makes_another_run),
                                     TEST(storage_31_32_damaged_tablet_is_none),
                                     TEST(storage_30_tablet_at_a_clean_stop),
                                     TEST(storage_30_tablet_after_10_mib),
                                     TEST(storage_31_torn_tablet),
                                     TEST(storage_32_flipped_bit),
                                     TEST(storage_33_tablet_of_java_loses_no_action),
                                     TEST(broker_55_store_of_java_goes_on_where_it_was),
                                     TEST(tablet_of_java_stays_when_nothing_happens),
                                     TEST(storage_28_29a_shifted_and_too_long_run),
                                     TEST(storage_28_nothing_behind_the_run),
                                     TEST(storage_35_tablet_goes_when_all_is_acknowledged),
                                     TEST(storage_36_consumer_that_goes_for_ever),
                                     TEST(kill_between_tablet_and_snapshot),
                                     TEST(storage_70_old_pull_log_is_read_and_deleted),
                                     TEST_END};
