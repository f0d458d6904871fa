/* Consumer logs of format V2, and entries in them that point into sorted tables. */
#include "base/crc32.h"
#include "store/index_entry.h"
#include "store/sorted_tables.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

#define INDEX_FILE "consumerlog/s/00000000000000000000"
#define SECOND_INDEX_FILE "consumerlog/s/00000000000320000000"
#define EXAMPLE_MS 1700000000101

static void storage_12_entry_bytes(void) {
    static const uint8_t of_log[] =
        "\xa3\xb2\xc1\x00\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x5f\x00\x00\x00\x5f\x00\x30\x00"
        "\x00\x00\x00\x00\x00";
    static const uint8_t of_table[] =
        "\xa3\xb2\xc1\x01\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00"
        "\x00\x23\x00\x00\x00\x00";
    uint8_t made[INDEX_V2];
    index_entry_t e = {EXAMPLE_MS, 95, 95, 48};
    index_entry_encode(INDEX_V2, made, &e);
    CU_ASSERT_EQUAL(memcmp(made, of_log, sizeof made), 0);
    index_entry_t back = index_entry_decode(INDEX_V2, made);
    CU_ASSERT_TRUE(back.time_ms == EXAMPLE_MS && back.offset == 95 && back.record_size == 95 && back.header_size == 48);
    e = (index_entry_t){EXAMPLE_MS, 32, 35, INDEX_SORTED};
    index_entry_encode(INDEX_V2, made, &e);
    CU_ASSERT_EQUAL(memcmp(made, of_table, sizeof made), 0);
    back = index_entry_decode(INDEX_V2, made);
    CU_ASSERT_TRUE(back.offset == 32 && back.record_size == 35 && index_entry_is_sorted(&back));
    made[0] = 0;
    CU_ASSERT_EQUAL(index_entry_decode(INDEX_V2, made).time_ms, 0);
    e = index_entry_blank(EXAMPLE_MS);
    index_entry_encode(INDEX_V2, made, &e);
    back = index_entry_decode(INDEX_V2, made);
    CU_ASSERT_TRUE(index_entry_is_blank(&back));
}

static void put_many(stored_t *t, int from, int to) {
    for (int i = from; i < to; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "s-%d", i);
        CU_ASSERT_EQUAL(stored_put(t, "s", payload), i);
    }
}

static void check_many(stored_t *t, int count) {
    for (int i = 0; i < count; i++) {
        char payload[16];
        snprintf(payload, sizeof payload, "s-%d", i);
        CU_ASSERT_TRUE(stored_has(t, "s", i, payload));
    }
}

static void storage_12_configured_store_is_kept_in_v2(void) {
    stored_t t;
    stored_init(&t);
    t.options.index_v2 = true;
    stored_open(&t);
    put_many(&t, 0, 10);
    stored_close(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, INDEX_FILE, &size);
    CU_ASSERT_FATAL(file != NULL && size == 10 * INDEX_V2);
    for (size_t i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(index_entry_decode(INDEX_V2, file + i * INDEX_V2).record_size, MESSAGE_HEADER_FIXED + 1 + 3);
    memory_free(file);
    t.options.index_v2 = false; /* what is there decides */
    stored_open(&t);
    check_many(&t, 10);
    put_many(&t, 10, 12);
    stored_close(&t);
    file = stored_read(&t, INDEX_FILE, &size);
    CU_ASSERT_EQUAL(size, 12 * INDEX_V2);
    memory_free(file);
    stored_forget(&t, true);
    t.options.index_v2 = true;
    stored_open(&t);
    check_many(&t, 12);
    stored_free(&t);
}

static void storage_12_second_file(void) {
    stored_t t;
    stored_init(&t);
    t.options.index_v2 = true;
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "first"), 0);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 0, INDEX_SEGMENT_ENTRIES - 2), APR_SUCCESS);
    stored_close(&t);
    stored_open(&t); /* what was pulled is not given again */
    CU_ASSERT_EQUAL(stored_put(&t, "s", "one"), INDEX_SEGMENT_ENTRIES - 1);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "two"), INDEX_SEGMENT_ENTRIES);
    stored_close(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, SECOND_INDEX_FILE, &size);
    CU_ASSERT_EQUAL(size, INDEX_V2);
    memory_free(file);
    stored_free(&t);
}

static void check_refused(stored_t *t, const char *word) {
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL(store_open(&t->store, &t->options, &error), QMQ_E_INVALID);
    CU_ASSERT_PTR_NULL(t->store);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), word));
    qmq_error_free(error);
}

static void storage_13_v1_store_is_not_opened_as_v2(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, 0, 3);
    stored_close(&t);
    t.options.index_v2 = true;
    check_refused(&t, "V1");
    t.options.index_v2 = false;
    stored_open(&t);
    check_many(&t, 3);
    stored_free(&t);
}

static void storage_13_store_of_two_formats_is_refused(void) {
    static const char entry[] = "\xa3\xb2\xc1\0\0\0\1\x8b\xcf\xe5\x68\x65\0\0\0\0\0\0\0\x5f\0\0\0\x5f\0\x30\0\0\0\0\0\0";
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    put_many(&t, 0, 3);
    stored_close(&t);
    char *directory = stored_path(&t, "consumerlog/other");
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    memory_free(directory);
    stored_write(&t, "consumerlog/other/00000000000000000000", entry, 32);
    check_refused(&t, "two formats");
    stored_free(&t);
}

/* A table with one message, as in the specification's example, but with this payload. */
static void write_table(stored_t *t, const char *name, int64_t sequence, const char *payload) {
    writer_t w;
    size_t size = strlen(payload);
    writer_init(&w, 256);
    writer_u32(&w, SORTED_TABLE_MAGIC);
    writer_i32(&w, (int32_t)size + 8);
    writer_i64(&w, 0);
    writer_i64(&w, 95);
    writer_i64(&w, sequence);
    writer_bytes(&w, payload, size);
    writer_i64(&w, crc32_of(w.data + SORTED_TABLE_HEADER_SIZE, size + 8));
    stored_write(t, name, w.data, w.used);
    writer_free(&w);
}

/* The first message is in a table, the second still in the log. */
static void make_sorted_store(stored_t *t) {
    stored_init(t);
    t->options.index_v2 = true;
    stored_open(t);
    CU_ASSERT_EQUAL(stored_put(t, "s", "first"), 0);
    CU_ASSERT_EQUAL(stored_put(t, "s", "second"), 1);
    stored_close(t);
    write_table(t, "smt/00000000000000000000", 0, "first");
    uint8_t encoded[INDEX_V2];
    index_entry_t e = {EXAMPLE_MS, 32, 5, INDEX_SORTED};
    index_entry_encode(INDEX_V2, encoded, &e);
    stored_patch(t, INDEX_FILE, 0, encoded, sizeof encoded);
}

static void storage_69_entry_of_a_table_is_served(void) {
    stored_t t;
    make_sorted_store(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
    CU_ASSERT_TRUE(stored_has(&t, "s", 1, "second"));
    poll_options_t o = {.from = 0, .max = 1, .max_bytes = 100, .entries_before_ms = INT64_MAX};
    poll_result_t r;
    poll_result_init(&r);
    CU_ASSERT_EQUAL(store_poll(t.store, store_subject_find(t.store, view_of("s")), &o, &r), QMQ_E_COLD);
    poll_result_free(&r);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "third"), 2);
    stored_close(&t);
    stored_forget(&t, false); /* a replay finds the entry and keeps it */
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
    stored_close(&t);
    size_t size = 0;
    uint8_t *file = stored_read(&t, INDEX_FILE, &size);
    CU_ASSERT_EQUAL(size, 3 * INDEX_V2);
    index_entry_t e = index_entry_decode(INDEX_V2, file);
    CU_ASSERT_TRUE(index_entry_is_sorted(&e));
    memory_free(file);
    stored_free(&t);
}

/* The message log is kept short, the tables longer; and there is no checkpoint. */
static void storage_69_message_in_front_of_the_log_is_served(void) {
    stored_t t;
    stored_init(&t);
    t.options.index_v2 = true;
    t.options.message_segment_size = 4096;
    stored_open(&t);
    put_many(&t, 0, 200);
    stored_close(&t);
    write_table(&t, "smt/00000000000000000000", 0, "first");
    uint8_t encoded[INDEX_V2];
    index_entry_t e = {EXAMPLE_MS, 32, 5, INDEX_SORTED};
    index_entry_encode(INDEX_V2, encoded, &e);
    /* All that lies in front of the log is in tables; the others are of no interest here. */
    size_t size = 0;
    uint8_t *file = stored_read(&t, INDEX_FILE, &size);
    for (int64_t i = 0; index_entry_decode(INDEX_V2, file + i * INDEX_V2).offset < 4096; i++)
        stored_patch(&t, INDEX_FILE, i * INDEX_V2, encoded, sizeof encoded);
    memory_free(file);
    char *segment = stored_path(&t, FIRST_SEGMENT);
    CU_ASSERT_EQUAL(path_remove(segment), APR_SUCCESS);
    memory_free(segment);
    for (int round = 0; round < 2; round++) {
        stored_open(&t);
        CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
        CU_ASSERT_TRUE(stored_has(&t, "s", 199, "s-199"));
        stored_close(&t);
        stored_forget(&t, false);
    }
    stored_free(&t);
}

static void storage_20_entry_of_another_table_message_is_passed(void) {
    stored_t t;
    make_sorted_store(&t);
    write_table(&t, "smt/00000000000000000000", 7, "first");
    stored_open(&t);
    poll_result_t r;
    stored_poll(&t, "s", 0, 10, &r);
    CU_ASSERT_EQUAL(r.count, 1);
    CU_ASSERT_EQUAL(r.messages[0].sequence, 1);
    poll_result_free(&r);
    stored_close(&t);
    stored_truncate(&t, "smt/00000000000000000000", 20);
    stored_open(&t);
    stored_poll(&t, "s", 0, 10, &r);
    CU_ASSERT_EQUAL(r.count, 1);
    poll_result_free(&r);
    stored_free(&t);
}

const test_case_t index_v2_cases[] = {TEST(storage_12_entry_bytes),
                                      TEST(storage_12_configured_store_is_kept_in_v2),
                                      TEST(storage_12_second_file),
                                      TEST(storage_13_v1_store_is_not_opened_as_v2),
                                      TEST(storage_13_store_of_two_formats_is_refused),
                                      TEST(storage_69_entry_of_a_table_is_served),
                                      TEST(storage_69_message_in_front_of_the_log_is_served),
                                      TEST(storage_20_entry_of_another_table_message_is_passed),
                                      TEST_END};
