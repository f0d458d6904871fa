/* Checkpoints and the marker: what is written, and what a start makes of it. */
#include "store/action_snapshot.h"
#include "store/marker.h"
#include "store/message_snapshot.h"
#include "store/snapshot_files.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

#define RECORD (MESSAGE_HEADER + 1 + 4)
#define MESSAGE_HEADER 35
#define INDEX_FILE "consumerlog/s/00000000000000000000"

static void put_many(stored_t *t, const char *subject, int from, int to) {
    for (int i = from; i < to; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%04d", i);
        CU_ASSERT_EQUAL(stored_put(t, subject, payload), i);
    }
}

static void check_many(stored_t *t, const char *subject, int from, int to) {
    for (int i = from; i < to; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "%04d", i);
        CU_ASSERT_TRUE(stored_has(t, subject, i, payload));
    }
}

static bool file_is(stored_t *t, const char *name, const char *text) {
    size_t size = 0;
    uint8_t *file = stored_read(t, name, &size);
    bool same = file != NULL && view_equal(view_make(file, size), view_of(text));
    memory_free(file);
    return same;
}

static void storage_37_message_checkpoint_text(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 0, 3);
    stored_close(&t);
    CU_ASSERT_TRUE(file_is(&t, "checkpoint/message-checkpoint.00000000000000000120", "2\n120\ns/2\n"));
    stored_free(&t);
}

static void storage_38_action_checkpoint_text(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "order.changed", 0, 9);
    CU_ASSERT_EQUAL(stored_pull(&t, "order.changed", "g1", "c1", 0, 4, 4), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "order.changed", "g1", "c1", 0, 1), APR_SUCCESS);
    stored_close(&t);
    CU_ASSERT_TRUE(file_is(&t, "checkpoint/action-checkpoint.00000000000000000131", "3\n131\norder.changed/1\ng1/0/8/1\nc1/4/1\n"));
    stored_free(&t);
}

typedef struct lines {
    char text[256];
} lines_t;

static void note_subject(void *arg, view_t subject, int64_t sequence) {
    lines_t *l = arg;
    size_t used = strlen(l->text);
    (void)snprintf(l->text + used, sizeof l->text - used, "%.*s=%lld;", VIEW_ARG(subject), (long long)sequence);
}

static void storage_37_message_checkpoint_is_read(void) {
    static const char *const wrong[] = {"",
                                        "1\n3\ns/2\n",
                                        "2\n",
                                        "2\nx\n",
                                        "2\n354",
                                        "2\n354\ns/2",
                                        "2\n354\ns/\n",
                                        "2\n354\n/2\n",
                                        "2\n354\ns\n",
                                        "2\n354\ns/-2\n",
                                        "2\n354\ns/99999999999999999999\n"};
    int64_t offset = 0;
    lines_t l = {""};
    CU_ASSERT_TRUE(message_snapshot_read(view_of("2\n354\norder.changed/2\nb/0\n"), &offset, note_subject, &l));
    CU_ASSERT_EQUAL(offset, 354);
    CU_ASSERT_STRING_EQUAL(l.text, "order.changed=2;b=0;");
    l.text[0] = 0;
    CU_ASSERT_TRUE(message_snapshot_read(view_of("2\r\n-1\r\na/b/7\rc/-1\n\nd/1\n"), &offset, note_subject, &l));
    CU_ASSERT_EQUAL(offset, -1);
    CU_ASSERT_STRING_EQUAL(l.text, "a/b=7;c=-1;");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CU_ASSERT_FALSE(message_snapshot_read(view_of(wrong[i]), &offset, NULL, NULL));
}

static void note_group(void *arg, view_t subject, view_t group, bool broadcast, int64_t pulled) {
    lines_t *l = arg;
    size_t used = strlen(l->text);
    (void)snprintf(l->text + used, sizeof l->text - used, "%.*s:%.*s:%d:%lld;", VIEW_ARG(subject), VIEW_ARG(group), broadcast,
                   (long long)pulled);
}

static void note_consumer(void *arg, view_t id, int64_t pull, int64_t ack) {
    lines_t *l = arg;
    size_t used = strlen(l->text);
    (void)snprintf(l->text + used, sizeof l->text - used, "%.*s:%lld:%lld;", VIEW_ARG(id), (long long)pull, (long long)ack);
}

static void storage_38_action_checkpoint_is_read(void) {
    static const char *const wrong[] = {
        "3\n262\ns/1\n", "3\n262\ns/1\ng/0/8/1\n",      "3\n262\ns/1\ng/2/8/0\n", "3\n262\ns/1\ng/0/8/1\nc1/4/1",
        "2\n262\n",      "3\n262\ns/1\ng/0/8/1\nc1/4\n"};
    lines_t l = {""};
    action_snapshot_visitor_t v = {note_group, note_consumer, &l};
    int64_t offset = 0;
    CU_ASSERT_TRUE(action_snapshot_read(view_of("3\n262\norder.changed/2\ng1/0/8/1\nc1/4/1\ng2/1/-1/0\nb/0\n"), &offset, &v));
    CU_ASSERT_EQUAL(offset, 262);
    CU_ASSERT_STRING_EQUAL(l.text, "order.changed:g1:0:8;c1:4:1;order.changed:g2:1:-1;");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) CU_ASSERT_FALSE(action_snapshot_read(view_of(wrong[i]), &offset, NULL));
}

/* The records in front of a checkpoint are not looked at again. */
static void storage_37_start_goes_on_from_the_checkpoint(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 0, 100);
    stored_close(&t);
    stored_open(&t);
    store_figures_t f;
    store_figures(t.store, &f);
    CU_ASSERT_EQUAL(f.recovered_records, 0);
    CU_ASSERT_EQUAL(f.validated_bytes, 0);
    check_many(&t, "s", 0, 100);
    put_many(&t, "s", 100, 110);
    stored_crash(&t);
    stored_open(&t);
    store_figures(t.store, &f);
    CU_ASSERT_TRUE(f.recovered_records <= 10);
    check_many(&t, "s", 0, 110);
    put_many(&t, "s", 110, 111);
    stored_free(&t);
}

static void storage_39_older_checkpoint_is_used(void) {
    static const char *const texts[] = {"", "2\n", "1\n4400\ns/99\n", "2\n4400\ns/9", "2\n4401\ns/109\n", "\xff\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        stored_t t;
        stored_init(&t);
        stored_open(&t);
        put_many(&t, "s", 0, 100);
        stored_close(&t);
        stored_open(&t);
        put_many(&t, "s", 100, 110);
        stored_close(&t);
        CU_ASSERT_TRUE(stored_exists(&t, "checkpoint/message-checkpoint.00000000000000004400"));
        stored_write(&t, "checkpoint/message-checkpoint.00000000000000004400", texts[i], strlen(texts[i]));
        stored_open(&t);
        store_figures_t f;
        store_figures(t.store, &f);
        CU_ASSERT_EQUAL(f.recovered_records, 10);
        check_many(&t, "s", 0, 110);
        put_many(&t, "s", 110, 111);
        stored_free(&t);
    }
}

static void storage_40_highest_version_counts_and_few_are_kept(void) {
    stored_t t;
    stored_init(&t);
    t.options.snapshots_kept = 3;
    for (int round = 0; round < 6; round++) {
        stored_open(&t);
        put_many(&t, "s", round, round + 1);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", round, round, round), APR_SUCCESS);
        stored_close(&t);
    }
    for (int round = 1; round <= 6; round++) {
        char name[80];
        snprintf(name, sizeof name, "checkpoint/message-checkpoint.%020d", round * RECORD);
        CU_ASSERT_EQUAL(stored_exists(&t, name), round > 3);
    }
    char *newest = memory_printf("%s/checkpoint/message-checkpoint.%020d", t.root, 6 * RECORD);
    test_make_old(newest, 2 * 86400);
    memory_free(newest);
    stored_open(&t);
    store_figures_t f;
    store_figures(t.store, &f);
    CU_ASSERT_EQUAL(f.recovered_records, 0);
    stored_free(&t);
}

static void storage_42_stale_temporaries_are_removed(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    stored_close(&t);
    stored_write(&t, "checkpoint/6f1c7f0e-8a58-4f4e-9d6e-9a6c0a3e7c11.tmp", "2\n", 2);
    stored_write(&t, "checkpoint/.message-checkpoint.tmp", "2\n", 2);
    stored_open(&t);
    CU_ASSERT_FALSE(stored_exists(&t, "checkpoint/6f1c7f0e-8a58-4f4e-9d6e-9a6c0a3e7c11.tmp"));
    CU_ASSERT_FALSE(stored_exists(&t, "checkpoint/.message-checkpoint.tmp"));
    stored_free(&t);
}

static void put_number(void *arg, text_file_t *to) {
    text_file_put_number(to, *(const int64_t *)arg);
}

/* The kinds of a backup server: one number, and nothing behind it. */
static void storage_41_number_snapshots_have_no_newline(void) {
    static const char *const kinds[] = {"index-iterate-checkpoint", "sync-action-checkpoint"};
    stored_t t;
    stored_init(&t);
    char *directory = stored_path(&t, "checkpoint");
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    int64_t number = 178234;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        char name[80];
        CU_ASSERT_EQUAL(snapshot_save(directory, kinds[i], number, put_number, &number), APR_SUCCESS);
        snprintf(name, sizeof name, "checkpoint/%s.%020lld", kinds[i], (long long)number);
        CU_ASSERT_TRUE(file_is(&t, name, "178234"));
    }
    memory_free(directory);
    stored_free(&t);
}

static bool has_checkpoint(void *arg) {
    return stored_exists(arg, "checkpoint/message-checkpoint.00000000000000002000");
}

static void storage_43_checkpoint_after_so_many_records(void) {
    stored_t t;
    stored_init(&t);
    t.options.checkpoint_records = 50;
    t.options.sync_period_us = 10000;
    stored_open(&t);
    put_many(&t, "s", 0, 50);
    CU_ASSERT_TRUE(test_wait(has_checkpoint, &t, 30));
    stored_free(&t);
}

/* Whatever a power loss takes of the message log: what is left is right, nothing is given a sequence again. */
static void storage_44_log_cut_below_the_checkpoint(void) {
    static const int lefts[] = {0, 1, 60, 99, 100, 105};
    for (size_t i = 0; i < sizeof lefts / sizeof lefts[0]; i++) {
        stored_t t;
        stored_init(&t);
        stored_open(&t);
        put_many(&t, "s", 0, 100);
        stored_close(&t);
        stored_open(&t);
        put_many(&t, "s", 100, 110);
        stored_close(&t);
        stored_truncate(&t, FIRST_SEGMENT, lefts[i] * RECORD);
        stored_open(&t);
        check_many(&t, "s", 0, lefts[i]);
        put_many(&t, "s", 110, 120);
        poll_result_t r;
        stored_poll(&t, "s", lefts[i], 1000, &r);
        CU_ASSERT_EQUAL(r.count, 10);
        CU_ASSERT_EQUAL(r.messages[0].sequence, 110);
        poll_result_free(&r);
        stored_close(&t);
        stored_write(&t, MARKER_NAME, "", 0); /* also when nobody tells what was durable */
        char *name = memory_printf("checkpoint/message-checkpoint.%020d", (lefts[i] + 10) * RECORD);
        CU_ASSERT_TRUE(stored_exists(&t, name));
        memory_free(name);
        CU_ASSERT_EQUAL(stored_exists(&t, "checkpoint/message-checkpoint.00000000000000004400"), lefts[i] == 100);
        stored_open(&t);
        check_many(&t, "s", 0, lefts[i]);
        check_many(&t, "s", 110, 120);
        stored_free(&t);
    }
}

static void lose_index_of_subject(stored_t *t) {
    stored_remove(t, "consumerlog/s");
}

static void lose_index(stored_t *t) {
    stored_remove(t, "consumerlog");
}

static void cut_index(stored_t *t) {
    stored_truncate(t, INDEX_FILE, 100);
}

static void empty_index(stored_t *t) {
    stored_truncate(t, INDEX_FILE, 0);
    stored_truncate(t, INDEX_FILE, 220000000);
}

static void lose_index_file(stored_t *t) {
    stored_remove(t, INDEX_FILE);
}

static void index_is_made_anew_when_it_is_not_what_the_checkpoint_says(void) {
    static void (*const damages[])(stored_t * t) = {lose_index_of_subject, lose_index, cut_index, empty_index, lose_index_file};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        stored_t t;
        stored_init(&t);
        stored_open(&t);
        put_many(&t, "s", 0, 30);
        put_many(&t, "other", 0, 30);
        stored_close(&t);
        damages[i](&t);
        stored_open(&t);
        check_many(&t, "s", 0, 30);
        check_many(&t, "other", 0, 30);
        put_many(&t, "s", 30, 31);
        stored_free(&t);
    }
}

/* A checkpoint that was cut at a line end lacks subjects; their directories remind us of them. */
static void subject_that_the_checkpoint_lacks_is_found(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 0, 30);
    put_many(&t, "other", 0, 30);
    stored_close(&t);
    int64_t end = 30 * RECORD + 30 * (RECORD + 4);
    char *name = memory_printf("checkpoint/message-checkpoint.%020lld", (long long)end);
    char *text = memory_printf("2\n%lld\ns/29\n", (long long)end);
    stored_write(&t, name, text, strlen(text));
    memory_free(name);
    memory_free(text);
    stored_open(&t);
    check_many(&t, "s", 0, 30);
    check_many(&t, "other", 0, 30);
    put_many(&t, "other", 30, 31);
    stored_free(&t);
}

static void storage_50_no_checkpoint_and_the_first_files_are_gone(void) {
    stored_t t;
    stored_init(&t);
    t.options.message_segment_size = 4096;
    stored_open(&t);
    put_many(&t, "s", 0, 300);
    stored_close(&t);
    stored_forget(&t, true);
    static const uint8_t entries[44];
    char *directory = stored_path(&t, "consumerlog/s");
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    memory_free(directory);
    stored_remove(&t, "messagelog/00000000000000000000");
    stored_write(&t, "consumerlog/s/00000000000220000000", entries, sizeof entries);
    stored_open(&t);
    int64_t min = 0, next = 0;
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_TRUE(min > 0 && min < 300);
    check_many(&t, "s", (int)min, 300);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), next);
    stored_free(&t);
}

static void marker_is_read_back(void) {
    marker_t m = {.clean = true, .messages = {1234567890123, 0xfffffffe}, .actions = {5, 0}, .own_from = 42}, back;
    char text[MARKER_SIZE];
    int64_t version = 0;
    marker_put(&m, text);
    CU_ASSERT_EQUAL(marker_parse(view_make(text, sizeof text), &back, &version), APR_SUCCESS);
    CU_ASSERT_TRUE(back.clean && back.messages.offset == m.messages.offset && back.messages.print == m.messages.print);
    CU_ASSERT_TRUE(back.actions.offset == 5 && back.actions.print == 0 && back.own_from == 42);
    size_t used = sizeof text;
    while (text[used - 1] == '\n') used--;
    for (size_t i = 0; i < used; i++) {
        char torn[MARKER_SIZE];
        memcpy(torn, text, sizeof torn);
        torn[i] ^= 1;
        CU_ASSERT_NOT_EQUAL(marker_parse(view_make(torn, sizeof torn), &back, &version), APR_SUCCESS);
        CU_ASSERT_NOT_EQUAL(marker_parse(view_make(text, i), &back, &version), APR_SUCCESS);
    }
}

/* Another program has cut and continued the log behind our back: what the marker says must not be believed. */
static void marker_of_other_bytes_is_ignored(void) {
    stored_t t, other;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 0, 300);
    stored_close(&t);
    stored_init(&other);
    stored_open(&other);
    for (int i = 0; i < 60; i++) CU_ASSERT_EQUAL(stored_put(&other, "s", "another length"), i);
    stored_close(&other);
    size_t size = 0;
    uint8_t *log = stored_read(&other, FIRST_SEGMENT, &size);
    stored_write(&t, FIRST_SEGMENT, log, size);
    memory_free(log);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), 60 * (MESSAGE_HEADER + 1 + 14));
    CU_ASSERT_TRUE(stored_has(&t, "s", 59, "another length"));
    stored_free(&t);
    stored_free(&other);
}

static void store_of_a_later_version_is_refused(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    stored_close(&t);
    stored_write(&t, MARKER_NAME, "qmq-store 2\nsomething new\n", 26);
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL(store_open(&t.store, &t.options, &error), QMQ_E_INVALID);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "later version"));
    qmq_error_free(error);
    stored_free(&t);
}

const test_case_t snapshots_cases[] = {TEST(storage_37_message_checkpoint_text),
                                       TEST(storage_37_message_checkpoint_is_read),
                                       TEST(storage_37_start_goes_on_from_the_checkpoint),
                                       TEST(storage_38_action_checkpoint_text),
                                       TEST(storage_38_action_checkpoint_is_read),
                                       TEST(storage_39_older_checkpoint_is_used),
                                       TEST(storage_40_highest_version_counts_and_few_are_kept),
                                       TEST(storage_41_number_snapshots_have_no_newline),
                                       TEST(storage_42_stale_temporaries_are_removed),
                                       TEST(storage_43_checkpoint_after_so_many_records),
                                       TEST(storage_44_log_cut_below_the_checkpoint),
                                       TEST(index_is_made_anew_when_it_is_not_what_the_checkpoint_says),
                                       TEST(subject_that_the_checkpoint_lacks_is_found),
                                       TEST(storage_50_no_checkpoint_and_the_first_files_are_gone),
                                       TEST(marker_is_read_back),
                                       TEST(marker_of_other_bytes_is_ignored),
                                       TEST(store_of_a_later_version_is_refused),
                                       TEST_END};
