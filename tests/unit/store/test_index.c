#include "base/crc32.h"
#include "store/consumer_log.h"
#include "store/index_entry.h"
#include "store/message_record.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

#define INDEX_FILE "consumerlog/s/00000000000000000000"
#define SECOND_INDEX_FILE "consumerlog/s/00000000000220000000"

static void put_many(stored_t *t, const char *subject, int count) {
    for (int i = 0; i < count; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "%s-%d", subject, i);
        CU_ASSERT_EQUAL_FATAL(stored_put(t, subject, payload), i);
    }
}

static index_entry_t entry_in(const uint8_t *file, size_t n) {
    return index_entry_get(file + n * INDEX_ENTRY_SIZE);
}

static void storage_11_entry_n_at_22_n(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 10);
    stored_close(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, INDEX_FILE, &size);
    CU_ASSERT_FATAL(file != NULL && size == 10 * INDEX_ENTRY_SIZE);
    int64_t offset = 0;
    for (size_t i = 0; i < 10; i++) {
        index_entry_t e = entry_in(file, i);
        CU_ASSERT_EQUAL(e.offset, offset);
        CU_ASSERT_EQUAL(e.header_size, MESSAGE_HEADER_FIXED + 1);
        CU_ASSERT_EQUAL(e.record_size, e.header_size + 3);
        CU_ASSERT_TRUE(e.time_ms > 0);
        offset += e.record_size;
    }
    memory_free(file);
    stored_free(&t);
}

/* A log with one record of this sequence, at offset 0. */
static void write_log(stored_t *t, const char *subject, const int64_t *sequences, size_t count) {
    uint8_t log[4096];
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        at += message_header_put(log + at, 1700000000100 + (int64_t)i, sequences[i], view_of(subject), crc32_of("x", 1), 1);
        log[at++] = 'x';
    }
    char *directory = stored_path(t, "messagelog");
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    memory_free(directory);
    stored_write(t, FIRST_SEGMENT, log, at);
}

static void make_directory(stored_t *t, const char *name) {
    char *directory = stored_path(t, name);
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    memory_free(directory);
}

static int64_t size_of(stored_t *t, const char *name) {
    path_info_t info = {0};
    char *path = stored_path(t, name);
    CU_ASSERT_EQUAL(path_inspect(path, &info), APR_SUCCESS);
    memory_free(path);
    return info.kind == PATH_FILE ? info.size : -1;
}

/* Sequence 10 000 000 is the first of the second file. The first file is made sparse beforehand, so that nothing has to be filled with
 * blanks. */
static void open_at_file_end(stored_t *t) {
    static const int64_t last = INDEX_SEGMENT_ENTRIES - 1;
    stored_init(t);
    write_log(t, "s", &last, 1);
    make_directory(t, "consumerlog/s");
    stored_write(t, INDEX_FILE, "", 0);
    stored_truncate(t, INDEX_FILE, INDEX_SEGMENT_SIZE - INDEX_ENTRY_SIZE);
    stored_open(t);
}

static void storage_11_second_file(void) {
    stored_t t;
    open_at_file_end(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "first of the second"), INDEX_SEGMENT_ENTRIES);
    stored_close(&t);
    CU_ASSERT_EQUAL(size_of(&t, INDEX_FILE), INDEX_SEGMENT_SIZE);
    CU_ASSERT_EQUAL(size_of(&t, SECOND_INDEX_FILE), INDEX_ENTRY_SIZE);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", INDEX_SEGMENT_ENTRIES - 1, "x"));
    CU_ASSERT_TRUE(stored_has(&t, "s", INDEX_SEGMENT_ENTRIES, "first of the second"));
    stored_free(&t);
}

static void storage_17_poll_stays_in_its_file(void) {
    stored_t t;
    open_at_file_end(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "first of the second"), INDEX_SEGMENT_ENTRIES);
    poll_result_t r;
    stored_poll(&t, "s", 0, 10, &r);
    CU_ASSERT_EQUAL(r.first, INDEX_SEGMENT_ENTRIES - 1);
    CU_ASSERT_EQUAL(r.count, 1);
    CU_ASSERT_EQUAL(r.next_begin, INDEX_SEGMENT_ENTRIES);
    poll_result_free(&r);
    stored_free(&t);
}

static void storage_14_replay_changes_no_byte(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 20);
    stored_close(&t);
    size_t before_size = 0, after_size = 0;
    /* Times as another program would have written them: not those of the records. */
    for (size_t i = 0; i < 20; i++) stored_patch(&t, INDEX_FILE, (int64_t)i * INDEX_ENTRY_SIZE, "\0\0\1\x8b\xcf\xe5\x68\x65", 8);
    uint8_t *before = stored_read(&t, INDEX_FILE, &before_size);
    for (int round = 0; round < 2; round++) {
        stored_open(&t);
        CU_ASSERT_TRUE(stored_has(&t, "s", 19, "s-19"));
        stored_close(&t);
        uint8_t *after = stored_read(&t, INDEX_FILE, &after_size);
        CU_ASSERT_EQUAL_FATAL(before_size, after_size);
        CU_ASSERT_EQUAL(memcmp(before, after, before_size), 0);
        memory_free(after);
    }
    memory_free(before);
    stored_free(&t);
}

/* More than a chunk: it is compared piece by piece. */
static void storage_14_long_replay_changes_no_byte(void) {
    enum { COUNT = 2 * INDEX_CHUNK_ENTRIES + 100 };
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", COUNT);
    stored_close(&t);
    size_t before_size = 0, after_size = 0;
    uint8_t *before = stored_read(&t, INDEX_FILE, &before_size);
    CU_ASSERT_FATAL(before != NULL && before_size == (size_t)COUNT * INDEX_ENTRY_SIZE);
    for (size_t i = 0; i < COUNT; i++) before[i * INDEX_ENTRY_SIZE + 7] ^= 1; /* another time than the record's */
    stored_write(&t, INDEX_FILE, before, before_size);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 4100, "s-4100"));
    stored_close(&t);
    uint8_t *after = stored_read(&t, INDEX_FILE, &after_size);
    CU_ASSERT_EQUAL_FATAL(before_size, after_size);
    CU_ASSERT_EQUAL(memcmp(before, after, before_size), 0);
    memory_free(before);
    memory_free(after);
    stored_free(&t);
}

static bool first_are_in_the_file(void *arg) {
    path_info_t info = {0};
    char *path = stored_path(arg, INDEX_FILE);
    apr_status_t status = path_inspect(path, &info);
    memory_free(path);
    return status == APR_SUCCESS && info.kind == PATH_FILE && info.size >= 2000 * INDEX_ENTRY_SIZE;
}

/* What a power loss can take from the message log is not named by a consumer log. */
static void entries_are_written_when_their_records_are_durable(void) {
    stored_t t;
    stored_init(&t);
    t.options.index_period_us = 2000;
    t.options.sync_period_us = 3600 * (int64_t)1000000;
    t.options.checkpoint_records = 1000000; /* a checkpoint syncs too */
    stored_open(&t);
    put_many(&t, "s", 2000);
    CU_ASSERT_FALSE(stored_exists(&t, INDEX_FILE));
    CU_ASSERT_EQUAL(store_sync(t.store), APR_SUCCESS);
    for (int i = 2000; i < 12000; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "later"), i);
    CU_ASSERT_TRUE(test_wait(first_are_in_the_file, &t, 20));
    CU_ASSERT_EQUAL(size_of(&t, INDEX_FILE), 2000 * INDEX_ENTRY_SIZE);
    poll_result_t r;
    stored_poll(&t, "s", 0, 20000, &r);
    CU_ASSERT_EQUAL(r.count, 12000);
    poll_result_free(&r);
    CU_ASSERT_EQUAL(size_of(&t, INDEX_FILE), 2000 * INDEX_ENTRY_SIZE);
    stored_close(&t);
    CU_ASSERT_EQUAL(size_of(&t, INDEX_FILE), 12000 * INDEX_ENTRY_SIZE);
    stored_free(&t);
}

static void storage_14_sparse_file_keeps_its_entries(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 20);
    stored_close(&t);
    stored_truncate(&t, INDEX_FILE, 15 * INDEX_ENTRY_SIZE); /* the last ones were not written yet */
    stored_truncate(&t, INDEX_FILE, INDEX_SEGMENT_SIZE);    /* and the file is mapped by its writer in full size */
    stored_open(&t);
    for (int i = 0; i < 20; i++) {
        char payload[32];
        snprintf(payload, sizeof payload, "s-%d", i);
        CU_ASSERT_TRUE(stored_has(&t, "s", i, payload));
    }
    CU_ASSERT_EQUAL(stored_put(&t, "s", "s-20"), 20);
    stored_close(&t);
    CU_ASSERT_EQUAL(size_of(&t, INDEX_FILE), INDEX_SEGMENT_SIZE);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 20, "s-20"));
    stored_free(&t);
}

static void storage_10_sequences_continue(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 5);
    stored_close(&t);
    stored_remove(&t, "consumerlog");
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "s-5"), 5);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "s-0"));
    stored_close(&t);
    CU_ASSERT_EQUAL(size_of(&t, INDEX_FILE), 6 * INDEX_ENTRY_SIZE);
    stored_free(&t);
}

/* All messages of a subject have left the message log; its consumer log still says where to go on. */
static void storage_10_sequences_continue_without_messages(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 7);
    stored_close(&t);
    stored_truncate(&t, INDEX_FILE, INDEX_SEGMENT_SIZE);
    stored_truncate(&t, FIRST_SEGMENT, 0);
    stored_open(&t);
    int64_t min = 0, next = 0;
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_EQUAL(min, 7);
    CU_ASSERT_EQUAL(next, 7);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "after"), 7);
    CU_ASSERT_TRUE(stored_has(&t, "s", 7, "after"));
    stored_free(&t);
}

static void storage_15_gap_is_filled_with_blanks(void) {
    static const int64_t sequences[] = {0, 1, 5, 6};
    stored_t t;
    stored_init(&t);
    write_log(&t, "s", sequences, 4);
    stored_open(&t);
    poll_result_t r;
    stored_poll(&t, "s", 2, 10, &r); /* blanks at the front are passed over */
    CU_ASSERT_EQUAL(r.count, 2);
    CU_ASSERT_EQUAL(r.messages[0].sequence, 5);
    CU_ASSERT_EQUAL(r.last, 6);
    CU_ASSERT_EQUAL(r.first, 2);
    poll_result_free(&r);
    stored_poll(&t, "s", 0, 10, &r); /* and end a poll behind messages */
    CU_ASSERT_EQUAL(r.count, 2);
    CU_ASSERT_EQUAL(r.next_begin, 2);
    poll_result_free(&r);
    stored_poll(&t, "s", 2, 2, &r); /* the front may be all there is */
    CU_ASSERT_EQUAL(r.status, POLL_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 0);
    CU_ASSERT_EQUAL(r.next_begin, 4);
    poll_result_free(&r);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 7);
    stored_close(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, INDEX_FILE, &size);
    CU_ASSERT_FATAL(file != NULL && size == 8 * INDEX_ENTRY_SIZE);
    for (size_t i = 2; i < 5; i++) {
        CU_ASSERT_EQUAL(memcmp(file + i * INDEX_ENTRY_SIZE + 8, "\0\0\0\0\0\0\0\0\x7f\xff\xff\xff\0\0", 14), 0);
    }
    memory_free(file);
    stored_free(&t);
}

static void log_that_starts_later_is_blank_before(void) {
    static const int64_t sequences[] = {6000, 6001};
    stored_t t;
    stored_init(&t);
    write_log(&t, "s", sequences, 2);
    stored_open(&t);
    int64_t min = 0, next = 0;
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_EQUAL(min, 6000);
    CU_ASSERT_EQUAL(next, 6002);
    stored_close(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, INDEX_FILE, &size);
    CU_ASSERT_FATAL(file != NULL && size == 6002 * INDEX_ENTRY_SIZE);
    for (size_t i = 0; i < 6000; i++) {
        index_entry_t e = entry_in(file, i);
        CU_ASSERT_TRUE_FATAL(index_entry_is_blank(&e) && e.time_ms > 0);
    }
    memory_free(file);
    stored_free(&t);
}

static void sequence_far_ahead_is_skipped(void) {
    static const int64_t sequences[] = {0, 1, (int64_t)1 << 40, 2, -7};
    stored_t t;
    stored_init(&t);
    write_log(&t, "s", sequences, 5);
    stored_open(&t);
    store_figures_t figures;
    store_figures(t.store, &figures);
    CU_ASSERT_EQUAL(figures.skipped_records, 2);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 3);
    stored_free(&t);
}

static poll_status_t status_of(stored_t *t, const char *subject, int64_t from, int max, bool strict, int64_t *next_begin) {
    poll_options_t o = {
        .from = from, .max = max, .max_bytes = SIZE_MAX, .strict = strict, .entries_before_ms = INT64_MAX, .may_block = true};
    poll_result_t r;
    poll_result_init(&r);
    CU_ASSERT_EQUAL(store_poll(t->store, store_subject_find(t->store, view_of(subject)), &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 0);
    *next_begin = r.next_begin;
    CU_ASSERT_EQUAL(r.last, r.first - 1);
    poll_status_t status = r.status;
    poll_result_free(&r);
    return status;
}

static void storage_16_poll_statuses(void) {
    static const int64_t sequences[] = {3, 4};
    stored_t t;
    int64_t next = 0;
    stored_init(&t);
    write_log(&t, "s", sequences, 2);
    stored_open(&t);
    (void)store_subject_get(t.store, view_of("waited.for"));
    CU_ASSERT_EQUAL(status_of(&t, "s", 3, 0, false, &next), POLL_NO_MESSAGE);
    CU_ASSERT_EQUAL(next, 3);
    CU_ASSERT_EQUAL(status_of(&t, "unknown", 5, 1, false, &next), POLL_SUBJECT_NOT_FOUND);
    CU_ASSERT_EQUAL(next, 0);
    CU_ASSERT_EQUAL(status_of(&t, "waited.for", 5, 1, false, &next), POLL_SUBJECT_NOT_FOUND);
    CU_ASSERT_EQUAL(next, 0);
    CU_ASSERT_EQUAL(status_of(&t, "s", -1, 1, false, &next), POLL_SUCCESS);
    CU_ASSERT_EQUAL(next, 5);
    CU_ASSERT_EQUAL(status_of(&t, "s", 5, 1, false, &next), POLL_EMPTY_CONSUMER_LOG);
    CU_ASSERT_EQUAL(next, 5);
    CU_ASSERT_EQUAL(status_of(&t, "s", 6, 1, false, &next), POLL_OFFSET_OVERFLOW);
    CU_ASSERT_EQUAL(next, 5);
    CU_ASSERT_EQUAL(status_of(&t, "s", 1, 1, true, &next), POLL_EMPTY_CONSUMER_LOG);
    CU_ASSERT_EQUAL(next, 1);
    poll_result_t r;
    stored_poll(&t, "s", 1, 10, &r);
    CU_ASSERT_EQUAL(r.status, POLL_SUCCESS);
    CU_ASSERT_EQUAL(r.first, 3);
    CU_ASSERT_EQUAL(r.count, 2);
    poll_result_free(&r);
    stored_free(&t);
}

/* Makes message `sequence` of s unreadable: another sequence in its header. */
static void spoil(stored_t *t, int64_t sequence, int64_t record_size) {
    stored_patch(t, FIRST_SEGMENT, sequence * record_size + 20, "\x63", 1);
}

static void storage_18_poll_stops_at_the_first_unreadable_entry(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, "s", 8);
    spoil(&t, 0, 39);
    spoil(&t, 3, 39);
    poll_result_t r;
    stored_poll(&t, "s", 0, 10, &r);
    CU_ASSERT_EQUAL(r.count, 2);
    CU_ASSERT_EQUAL(r.last, 2);
    CU_ASSERT_EQUAL(r.last - (int64_t)r.count + 1, 1);
    CU_ASSERT_EQUAL(r.messages[0].sequence, 1);
    poll_result_free(&r);
    stored_poll(&t, "s", 3, 10, &r);
    CU_ASSERT_EQUAL(r.count, 4);
    CU_ASSERT_EQUAL(r.first, 3);
    CU_ASSERT_EQUAL(r.messages[0].sequence, 4);
    poll_result_free(&r);
    stored_free(&t);
}

static void storage_19_young_entry_is_not_returned(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "%RETRY%s%g", "again"), 0);
    store_subject_t *subject = store_subject_find(t.store, view_of("%RETRY%s%g"));
    poll_result_t r;
    poll_result_init(&r);
    poll_options_t o = {.from = 0, .max = 10, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX};
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(r.count, 1);
    o.entries_before_ms = r.messages[0].entry_time_ms - 1;
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.status, POLL_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 0);
    CU_ASSERT_EQUAL(r.next_begin, 0);
    o.entries_before_ms++;
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 1);
    poll_result_free(&r);
    stored_free(&t);
}

static void expect_mended(stored_t *t, const uint8_t *right) {
    CU_ASSERT_TRUE(stored_has(t, "s", 4, "s-4"));
    size_t size = 0;
    uint8_t *file = stored_read(t, INDEX_FILE, &size);
    /* All but the time at which the entry was made. */
    CU_ASSERT_EQUAL(memcmp(file + 4 * INDEX_ENTRY_SIZE + 8, right + 4 * INDEX_ENTRY_SIZE + 8, INDEX_ENTRY_SIZE - 8), 0);
    memory_free(file);
}

/* Entries that point at a record of another subject, of another sequence, into nowhere, or nowhere at all: another message is never
 * delivered, and the right one is found in the log while it is there. */
static void storage_20_wrong_entry_is_skipped(void) {
    stored_t t;
    stored_init(&t);
    t.options.hot_window = 1;
    stored_open(&t);
    put_many(&t, "s", 5000); /* more than stays in memory */
    CU_ASSERT_EQUAL(stored_put(&t, "t", "other subject"), 0);
    for (int i = 0; i < 5000; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "later"), 5000 + i);
    CU_ASSERT_EQUAL(store_sync(t.store), APR_SUCCESS);
    stored_close(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, INDEX_FILE, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 4, "s-4"));
    uint8_t wrong[INDEX_ENTRY_SIZE];
    stored_patch(&t, INDEX_FILE, 4 * INDEX_ENTRY_SIZE, file + 5 * INDEX_ENTRY_SIZE, INDEX_ENTRY_SIZE);
    CU_ASSERT_TRUE(stored_has(&t, "s", 3, "s-3"));
    expect_mended(&t, file);
    static const index_entry_t bad[] = {{1, 0, 0, 0},     {1, 0, 36, 36},   {1, 0, 100, 26}, {1, (int64_t)1 << 50, 100, 36},
                                        {1, -5, 100, 36}, {1, 13, 100, 36}, {0, 0, 0, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        index_entry_put(wrong, &bad[i]);
        stored_patch(&t, INDEX_FILE, 4 * INDEX_ENTRY_SIZE, wrong, INDEX_ENTRY_SIZE);
        expect_mended(&t, file);
    }
    index_entry_t right = index_entry_get(file + 4 * INDEX_ENTRY_SIZE);
    stored_patch(&t, FIRST_SEGMENT, right.offset, "gone", 4);
    stored_patch(&t, INDEX_FILE, 4 * INDEX_ENTRY_SIZE, file + 5 * INDEX_ENTRY_SIZE, INDEX_ENTRY_SIZE);
    poll_result_t r;
    stored_poll(&t, "s", 4, 1, &r);
    CU_ASSERT_EQUAL(r.count, 0);
    CU_ASSERT_EQUAL(r.next_begin, 5);
    poll_result_free(&r);
    memory_free(file);
    stored_free(&t);
}

static void bytes_of_an_answer_are_limited(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    for (int i = 0; i < 4; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "0123456789"), i);
    store_subject_t *subject = store_subject_find(t.store, view_of("s"));
    poll_result_t r;
    poll_result_init(&r);
    poll_options_t o = {.from = 0, .max = 10, .max_bytes = 29, .entries_before_ms = INT64_MAX};
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 2);
    CU_ASSERT_EQUAL(r.bytes, 20);
    CU_ASSERT_EQUAL(r.next_begin, 2);
    o.max_bytes = 1;
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 1);
    poll_result_free(&r);
    stored_free(&t);
}

/* Behind the hot window, a loop is told to ask elsewhere; a reader gets the same messages. */
static void cold_messages_are_for_readers(void) {
    stored_t t;
    stored_init(&t);
    t.options.hot_window = 400;
    t.options.loops_read_no_files = true;
    t.options.message_segment_size = 8192;
    stored_open(&t);
    put_many(&t, "s", 300);
    store_subject_t *subject = store_subject_find(t.store, view_of("s"));
    poll_result_t r;
    poll_result_init(&r);
    poll_options_t o = {.from = 0, .max = 1000, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX};
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), QMQ_E_COLD);
    CU_ASSERT_EQUAL(r.count, 0);
    o.from = 295;
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 5);
    o.from = 0;
    o.may_block = true;
    CU_ASSERT_EQUAL(store_poll(t.store, subject, &o, &r), APR_SUCCESS);
    CU_ASSERT_EQUAL(r.count, 300);
    poll_result_t kept = r; /* slices outlive the mapping's time in the window */
    for (int i = 0; i < 500; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "more"), 300 + i);
    CU_ASSERT_EQUAL(memcmp(kept.messages[299].payload.data, "s-299", 5), 0);
    CU_ASSERT_EQUAL(memcmp(kept.messages[0].payload.data, "s-0", 3), 0);
    poll_result_free(&kept);
    stored_free(&t);
}

static bool system_tells_what_is_cached(const stored_t *t) {
    char byte, *path = stored_path(t, FIRST_SEGMENT);
    size_t got = 0;
    file_t *f = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_READ), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_read_cached(f, &byte, 1, 0, &got), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    memory_free(path);
    return got == 1;
}

/* What the system has in memory needs no reader, as long as it is not much. */
static void cached_messages_need_no_reader(void) {
    stored_t t;
    stored_init(&t);
    t.options.hot_window = 1;
    t.options.index_period_us = 20000;
    t.options.sync_period_us = 10000;
    t.options.message_segment_size = 8192;
    stored_open(&t);
    put_many(&t, "s", 300);
    store_subject_t *subject = store_subject_find(t.store, view_of("s"));
    poll_result_t r;
    poll_result_init(&r);
    poll_options_t o = {.from = 0, .max = 100, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX};
    apr_status_t status = store_poll(t.store, subject, &o, &r);
    if (system_tells_what_is_cached(&t)) {
        CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
        CU_ASSERT_EQUAL_FATAL(r.count, 100);
        CU_ASSERT_EQUAL(memcmp(r.messages[99].payload.data, "s-99", 4), 0);
    } else {
        CU_ASSERT_EQUAL(status, QMQ_E_COLD);
    }
    poll_result_free(&r);
    stored_free(&t);
}

static bool is_idle(void *arg) {
    stored_t *t = arg;
    poll_options_t o = {.from = 0, .max = 1, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX};
    poll_result_t r;
    poll_result_init(&r);
    apr_status_t status = store_poll(t->store, store_subject_find(t->store, view_of("s")), &o, &r);
    poll_result_free(&r);
    return status == QMQ_E_COLD;
}

/* Two passes of the writer later the entries of a quiet subject are in its file only. */
static void tail_of_an_idle_subject_leaves_the_memory(void) {
    stored_t t;
    stored_init(&t);
    t.options.loops_read_no_files = true;
    t.options.index_period_us = 20000;
    t.options.sync_period_us = 10000;
    stored_open(&t);
    put_many(&t, "s", 3);
    CU_ASSERT_TRUE(test_wait(is_idle, &t, 30));
    CU_ASSERT_TRUE(stored_exists(&t, INDEX_FILE));
    CU_ASSERT_TRUE(stored_has(&t, "s", 1, "s-1"));
    CU_ASSERT_EQUAL(stored_put(&t, "s", "s-3"), 3);
    for (int i = 0; i < 4; i++) {
        char payload[8];
        snprintf(payload, sizeof payload, "s-%d", i);
        CU_ASSERT_TRUE(stored_has(&t, "s", i, payload));
    }
    stored_free(&t);
}

static void impossible_sequence_is_passed(void) {
    static const int64_t sequences[] = {INT64_MAX, (int64_t)1 << 60};
    stored_t t;
    stored_init(&t);
    write_log(&t, "s", sequences, 2);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "first"), 0);
    stored_close(&t);
    stored_forget(&t, true);
    stored_write(&t, "checkpoint/message-checkpoint.00000000000000000000", "2\n0\ns/9000000000000000000\n", 26);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
    stored_free(&t);
}

const test_case_t index_cases[] = {TEST(impossible_sequence_is_passed),
                                   TEST(storage_11_entry_n_at_22_n),
                                   TEST(storage_11_second_file),
                                   TEST(storage_17_poll_stays_in_its_file),
                                   TEST(storage_14_replay_changes_no_byte),
                                   TEST(storage_14_sparse_file_keeps_its_entries),
                                   TEST(storage_14_long_replay_changes_no_byte),
                                   TEST(entries_are_written_when_their_records_are_durable),
                                   TEST(storage_10_sequences_continue),
                                   TEST(storage_10_sequences_continue_without_messages),
                                   TEST(storage_15_gap_is_filled_with_blanks),
                                   TEST(log_that_starts_later_is_blank_before),
                                   TEST(sequence_far_ahead_is_skipped),
                                   TEST(storage_16_poll_statuses),
                                   TEST(storage_18_poll_stops_at_the_first_unreadable_entry),
                                   TEST(storage_19_young_entry_is_not_returned),
                                   TEST(storage_20_wrong_entry_is_skipped),
                                   TEST(bytes_of_an_answer_are_limited),
                                   TEST(cold_messages_are_for_readers),
                                   TEST(cached_messages_need_no_reader),
                                   TEST(tail_of_an_idle_subject_leaves_the_memory),

                                   TEST_END};
