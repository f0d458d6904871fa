#include "base/crc32.h"
#include "base/writer.h"
#include "store/message_record.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>

#define SMALL 4096
#define SECOND_SMALL "messagelog/00000000000000004096"
#define SECOND_SMALL_ACTIONS "actionlog/00000000000000004096"
#define SUBJECT "s"
#define HEADER (MESSAGE_HEADER_FIXED + 1)
#define REAL_MESSAGES ((int64_t)1073741824)
#define REAL_ACTIONS ((int64_t)104857600)

static int64_t put_sized(stored_t *t, int64_t record_size) {
    size_t size = (size_t)(record_size - HEADER);
    char *payload = memory_alloc(size);
    memset(payload, 'p', size);
    int64_t sequence = stored_put_status(t, SUBJECT, payload, size, NULL);
    memory_free(payload);
    return sequence;
}

static void open_small(stored_t *t) {
    stored_init(t);
    t->options.message_segment_size = SMALL;
    t->options.action_segment_size = SMALL;
    stored_open(t);
}

static void check_filler(stored_t *t, int64_t at, bool wanted) {
    size_t size = 0;
    uint8_t *file = stored_read(t, FIRST_SEGMENT, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(size, SMALL);
    if (wanted) {
        CU_ASSERT_EQUAL(memcmp(file + at, "\xa1\xb2\xc3\x02\x01", 5), 0);
        CU_ASSERT_TRUE(memcmp(file + at + 5, "\0\0\0\0\0\0\0\0", 8) != 0);
        for (int64_t i = at + MESSAGE_FILLER_SIZE; i < SMALL; i++) CU_ASSERT_EQUAL_FATAL(file[i], 0);
    } else {
        CU_ASSERT_EQUAL(memcmp(file + at, "\xa1\xb2\xc3\x02\x00", 5), 0);
    }
    memory_free(file);
}

/* Fills a small segment so that `rest` bytes stay free, then appends a record of this size. */
static void append_at_end(stored_t *t, int64_t rest, int64_t record_size) {
    open_small(t);
    CU_ASSERT_EQUAL(put_sized(t, SMALL - rest), 0);
    CU_ASSERT_EQUAL(put_sized(t, record_size), 1);
}

static void storage_5_exact_fit_needs_no_filler(void) {
    stored_t t;
    append_at_end(&t, 100, 100);
    CU_ASSERT_EQUAL(store_message_end(t.store), SMALL);
    check_filler(&t, SMALL - 100, false);
    CU_ASSERT_EQUAL(put_sized(&t, 60), 2);
    CU_ASSERT_EQUAL(store_message_end(t.store), SMALL + 60);
    size_t size = 0;
    uint8_t *file = stored_read(&t, SECOND_SMALL, &size);
    CU_ASSERT_FATAL(file != NULL && size > 60);
    CU_ASSERT_EQUAL(memcmp(file, "\xa1\xb2\xc3\x02\x00", 5), 0);
    memory_free(file);
    stored_close(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), SMALL + 60);
    CU_ASSERT_EQUAL(put_sized(&t, 60), 3);
    stored_free(&t);
}

static void storage_6_record_that_does_not_fit_rolls(void) {
    stored_t t;
    append_at_end(&t, 100, 88); /* 88 + 13 > 100 */
    CU_ASSERT_EQUAL(store_message_end(t.store), SMALL + 88);
    check_filler(&t, SMALL - 100, true);
    stored_close(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), SMALL + 88);
    CU_ASSERT_EQUAL(put_sized(&t, 60), 2);
    stored_free(&t);
}

static void storage_7_record_with_room_for_a_filler_stays(void) {
    stored_t t;
    append_at_end(&t, 100, 87); /* 87 + 13 == 100 */
    CU_ASSERT_EQUAL(store_message_end(t.store), SMALL - 13);
    CU_ASSERT_EQUAL(put_sized(&t, 60), 2);
    CU_ASSERT_EQUAL(store_message_end(t.store), SMALL + 60);
    check_filler(&t, SMALL - 13, true);
    stored_free(&t);
}

static void filler_of_exactly_13_bytes_is_the_last_resort(void) {
    for (int64_t rest = HEADER + 1; rest < 120; rest++) {
        stored_t t;
        append_at_end(&t, rest, 50);
        int64_t expected = rest == 50 || rest >= 63 ? SMALL - rest + 50 : SMALL + 50;
        CU_ASSERT_EQUAL(store_message_end(t.store), expected);
        stored_free(&t);
    }
}

#define ACK_SIZE(id) (10 + 2 + 1 + 2 + 1 + 2 + (id) + 8 + 16)

static int64_t put_action(stored_t *t, int64_t record_size) {
    size_t size = (size_t)(record_size - ACK_SIZE(0));
    char *id = memory_alloc(size + 1);
    memset(id, 'c', size);
    id[size] = 0;
    CU_ASSERT_EQUAL(stored_ack(t, "s", "g", id, 0, 0), APR_SUCCESS);
    memory_free(id);
    return store_action_end(t->store);
}

/* The three cases of the message log with 5 bytes. */
static void storage_8_action_filler(void) {
    static const struct {
        int64_t size;
        int64_t end;
    } cases[] = {{100, SMALL}, {96, SMALL + 96}, {95, SMALL - 5}};
    for (size_t i = 0; i < 3; i++) {
        stored_t t;
        open_small(&t);
        CU_ASSERT_EQUAL(put_action(&t, SMALL - 100), SMALL - 100);
        CU_ASSERT_EQUAL(put_action(&t, cases[i].size), cases[i].end);
        size_t size = 0;
        if (cases[i].end > SMALL) {
            uint8_t *file = stored_read(&t, FIRST_ACTIONS, &size);
            CU_ASSERT_FATAL(file != NULL && size == SMALL);
            CU_ASSERT_EQUAL(memcmp(file + SMALL - 100, "\xc3\xb2\xa1\x00\x01", 5), 0);
            memory_free(file);
        }
        stored_close(&t);
        stored_open(&t);
        CU_ASSERT_EQUAL(store_action_end(t.store), cases[i].end);
        stored_free(&t);
    }
}

/* A blank record that reaches to `upto`: how the end of a segment of real size is got at without filling it. */
static void write_blank(stored_t *t, const char *name, const uint8_t *head, size_t head_size, int64_t upto) {
    uint8_t blank[32];
    memcpy(blank, head, head_size);
    put_u32(blank + head_size, (uint32_t)upto);
    char *directory = memory_printf("%s/%.*s", t->root, (int)strcspn(name, "/"), name);
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    memory_free(directory);
    stored_write(t, name, blank, head_size + 4);
    stored_truncate(t, name, upto);
}

static void storage_6_real_message_segment_is_1_gib(void) {
    stored_t t;
    stored_init(&t);
    write_blank(&t, FIRST_SEGMENT, (const uint8_t *)"\xa1\xb2\xc3\x02\x02\x00\x00\x01\x8b\xcf\xe5\x68\x64", 13, REAL_MESSAGES - 100);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), REAL_MESSAGES - 100);
    CU_ASSERT_EQUAL(put_sized(&t, 88), 0);
    CU_ASSERT_EQUAL(store_message_end(t.store), REAL_MESSAGES + 88);
    CU_ASSERT_TRUE(stored_exists(&t, "messagelog/00000000001073741824"));
    path_info_t info;
    char *path = stored_path(&t, FIRST_SEGMENT);
    CU_ASSERT_EQUAL(path_inspect(path, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(info.size, REAL_MESSAGES);
    memory_free(path);
    stored_close(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), REAL_MESSAGES + 88);
    poll_result_t r;
    stored_poll(&t, SUBJECT, 0, 10, &r);
    CU_ASSERT_EQUAL(r.count, 1);
    poll_result_free(&r);
    stored_free(&t);
}

static void storage_8_real_action_segment_is_100_mib(void) {
    stored_t t;
    stored_init(&t);
    write_blank(&t, FIRST_ACTIONS, (const uint8_t *)"\xc3\xb2\xa1\x00\x02", 5, REAL_ACTIONS - 100);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_action_end(t.store), REAL_ACTIONS - 100);
    CU_ASSERT_EQUAL(put_action(&t, 96), REAL_ACTIONS + 96);
    CU_ASSERT_TRUE(stored_exists(&t, "actionlog/00000000000104857600"));
    stored_free(&t);
}

static void too_long_message_is_refused(void) {
    stored_t t;
    open_small(&t);
    apr_status_t status = APR_SUCCESS;
    char payload[SMALL];
    memset(payload, 'x', sizeof payload);
    CU_ASSERT_EQUAL(stored_put_status(&t, SUBJECT, payload, SMALL - HEADER + 1, &status), -1);
    CU_ASSERT_EQUAL(status, QMQ_E_TOO_LONG);
    CU_ASSERT_EQUAL(stored_put_status(&t, SUBJECT, payload, SMALL - HEADER - 5, &status), -1);
    CU_ASSERT_EQUAL(status, QMQ_E_TOO_LONG);
    CU_ASSERT_EQUAL(stored_put_status(&t, SUBJECT, payload, SMALL - HEADER, &status), 0);
    CU_ASSERT_EQUAL(stored_put(&t, SUBJECT, "next"), 1);
    stored_free(&t);
}

/* Many batches over many small segments, everything readable before and after a restart. */
static void rolling_through_many_segments(void) {
    enum { COUNT = 700 };
    stored_t t;
    open_small(&t);
    for (int i = 0; i < COUNT; i++) {
        char payload[400];
        int n = snprintf(payload, sizeof payload, "%d:", i);
        memset(payload + n, 'z', (size_t)(i % 300));
        payload[n + i % 300] = 0;
        CU_ASSERT_EQUAL(stored_put(&t, i % 3 == 0 ? "x" : "y", payload), i % 3 == 0 ? i / 3 : i - i / 3 - 1);
        if (i % 10 == 0) CU_ASSERT_EQUAL(stored_pull(&t, "x", "g", "c", i / 10, i / 10, i / 10), APR_SUCCESS);
    }
    for (int round = 0; round < 2; round++) {
        poll_result_t r;
        stored_poll(&t, "y", 0, COUNT, &r);
        CU_ASSERT_EQUAL(r.count, COUNT - COUNT / 3 - 1);
        for (size_t i = 0; i < r.count; i++) {
            int sequence = (int)i + (int)i / 2 + 1;
            char head[20];
            int n = snprintf(head, sizeof head, "%d:", sequence);
            CU_ASSERT_EQUAL(r.messages[i].sequence, (int64_t)i);
            CU_ASSERT_EQUAL_FATAL(memcmp(r.messages[i].payload.data, head, (size_t)n), 0);
        }
        poll_result_free(&r);
        int64_t pulled = 0;
        CU_ASSERT_TRUE(store_group_pulled(store_group_find(t.store, view_of("x"), view_of("g")), &pulled));
        CU_ASSERT_EQUAL(pulled, COUNT / 10 - 1);
        stored_close(&t);
        stored_open(&t);
    }
    stored_free(&t);
}

const test_case_t segments_cases[] = {TEST(storage_5_exact_fit_needs_no_filler),
                                      TEST(storage_6_record_that_does_not_fit_rolls),
                                      TEST(storage_7_record_with_room_for_a_filler_stays),
                                      TEST(filler_of_exactly_13_bytes_is_the_last_resort),
                                      TEST(storage_8_action_filler),
                                      TEST(storage_6_real_message_segment_is_1_gib),
                                      TEST(storage_8_real_action_segment_is_100_mib),
                                      TEST(too_long_message_is_refused),
                                      TEST(rolling_through_many_segments),
                                      TEST_END};
