/* Records that are not what was written: found by readers and in the background, skipped, counted, never a reason to delete. */
#include "base/crc32.h"
#include "store/message_record.h"
#include "stores.h"
#include "suites.h"

#define SUBJECT "damage"
/* Of a record of SUBJECT. */
#define HEADER (MESSAGE_HEADER_FIXED + 6)
#define PAYLOAD 100

/* Five records of which the third gets another byte in its payload. Nothing is read through the page cache alone. */
static void begin(stored_t *t) {
    char payload[PAYLOAD + 1];
    stored_init(t);
    t->options.hot_window = 1;
    stored_open(t);
    for (int i = 0; i < 5; i++) {
        memset(payload, 'a' + i, PAYLOAD);
        payload[PAYLOAD] = 0;
        CU_ASSERT_EQUAL(stored_put(t, SUBJECT, payload), i);
    }
}

static int64_t record_at(int64_t number) {
    return number * (HEADER + PAYLOAD);
}

static void spoil(stored_t *t) {
    stored_patch(t, FIRST_SEGMENT, record_at(2) + HEADER + 7, "X", 1);
}

static int64_t damaged(stored_t *t) {
    store_figures_t f;
    store_figures(t->store, &f);
    return f.damaged_records;
}

static void reader_skips_and_reports(void) {
    stored_t t;
    poll_result_t r;
    store_figures_t f;
    begin(&t);
    spoil(&t);
    stored_poll(&t, SUBJECT, 0, 10, &r);
    CU_ASSERT_EQUAL(r.count, 2);
    poll_result_free(&r);
    stored_poll(&t, SUBJECT, 2, 10, &r);
    CU_ASSERT_EQUAL(r.count, 2);
    CU_ASSERT_EQUAL(r.messages[0].sequence, 3);
    poll_result_free(&r);
    store_figures(t.store, &f);
    CU_ASSERT_EQUAL(f.damaged_records, 1); /* once, however often it is met */
    char *place = memory_printf("%s/" FIRST_SEGMENT ", byte %lld", t.root, (long long)record_at(2));
    CU_ASSERT_STRING_EQUAL(f.first_damage, place);
    memory_free(place);
    stored_free(&t);
}

static bool was_found(void *arg) {
    return damaged(arg) == 1;
}

static void scrubber_finds_it(void) {
    stored_t t;
    stored_init(&t);
    t.options.scrub_pause_us = 1000;
    t.options.sync_period_us = 1000;
    stored_open(&t);
    char payload[PAYLOAD + 1];
    memset(payload, 'p', PAYLOAD);
    payload[PAYLOAD] = 0;
    for (int i = 0; i < 5; i++) CU_ASSERT_EQUAL(stored_put(&t, SUBJECT, payload), i);
    CU_ASSERT_EQUAL(store_sync(t.store), APR_SUCCESS);
    spoil(&t);
    CU_ASSERT_TRUE(test_wait(was_found, &t, 20));
    stored_free(&t);
}

/* What was synced once is never cut off, however it looks now. */
static void nothing_that_was_durable_is_cut(void) {
    stored_t t;
    begin(&t);
    int64_t end = store_message_end(t.store);
    stored_close(&t);
    spoil(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), end);
    CU_ASSERT_EQUAL(damaged(&t), 0);
    poll_result_t r;
    stored_poll(&t, SUBJECT, 2, 10, &r);
    CU_ASSERT_EQUAL(r.count, 2);
    poll_result_free(&r);
    CU_ASSERT_EQUAL(damaged(&t), 1);
    CU_ASSERT_EQUAL(stored_put(&t, SUBJECT, "next"), 5);
    stored_free(&t);
}

/* The original stored what clients sent: such a record is kept and delivered. */
static void storage_04_taken_over_with_a_wrong_checksum(void) {
    stored_t t;
    store_figures_t f;
    poll_result_t r;
    begin(&t);
    int64_t end = store_message_end(t.store);
    stored_close(&t);
    spoil(&t);
    char *marker = stored_path(&t, ".marker");
    CU_ASSERT_EQUAL(path_remove(marker), APR_SUCCESS);
    memory_free(marker);
    stored_open(&t);
    CU_ASSERT_EQUAL(store_message_end(t.store), end);
    stored_poll(&t, SUBJECT, 0, 10, &r);
    CU_ASSERT_EQUAL(r.count, 5);
    poll_result_free(&r);
    store_figures(t.store, &f);
    CU_ASSERT_EQUAL(f.damaged_records, 0);
    CU_ASSERT_EQUAL(f.taken_over_records, 1);
    char payload[PAYLOAD + 1];
    memset(payload, 'q', PAYLOAD);
    payload[PAYLOAD] = 0;
    CU_ASSERT_EQUAL(stored_put(&t, SUBJECT, payload), 5);
    stored_patch(&t, FIRST_SEGMENT, record_at(5) + HEADER + 7, "X", 1); /* this one is ours */
    stored_close(&t);
    stored_open(&t);
    stored_poll(&t, SUBJECT, 0, 10, &r);
    CU_ASSERT_EQUAL(r.count, 5);
    poll_result_free(&r);
    store_figures(t.store, &f);
    CU_ASSERT_EQUAL(f.damaged_records, 1);
    CU_ASSERT_EQUAL(f.taken_over_records, 1);
    stored_free(&t);
}

/* Headers have no checksum: what follows a damaged one tells that it is. Replayed from the front. */
static void storage_48_a_damaged_header_costs_its_own_message(void) {
    static const struct {
        int64_t at; /* in the record */
        const char *bytes;
        size_t size;
    } damages[] = {{4, "\x01", 1},                /* a filler in the middle */
                   {4, "\x02", 1},                /* a blank */
                   {13, "\0\0\0\0\0\1\0\2", 8},   /* a sequence far ahead */
                   {13, "\0\0\0\0\0\0\0\4", 8},   /* the sequence of another */
                   {20, "\xff", 1},               /* one beyond the last */
                   {21, "\0\x86", 2},             /* a longer subject */
                   {HEADER - 4, "\0\0\0\xeb", 4}, /* the next record is in the payload */
                   {HEADER - 4, "\0\0\0\x10", 4}, /* a part of the payload */
                   {HEADER - 4, "\x7f\xff\xff\xff", 4}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        stored_t t;
        poll_result_t r;
        begin(&t);
        stored_crash(&t);
        stored_forget(&t, true);
        stored_patch(&t, FIRST_SEGMENT, record_at(2) + damages[i].at, damages[i].bytes, damages[i].size);
        stored_write(&t, ".marker", "damaged", 7); /* ours, and nothing is known to be synced */
        stored_open(&t);
        for (int64_t sequence = 0; sequence < 5; sequence++) {
            stored_poll(&t, SUBJECT, sequence, 1, &r);
            bool found = r.count == 1 && r.messages[0].sequence == sequence;
            if (found != (sequence != 2)) printf("damage %zu: message %lld\n", i, (long long)sequence);
            CU_ASSERT_EQUAL(found, sequence != 2);
            poll_result_free(&r);
        }
        CU_ASSERT_TRUE(stored_put(&t, SUBJECT, "next") >= 5);
        stored_free(&t);
    }
}

/* The end of an older segment is gone while readers map it: its messages are, and no others; touching them is no signal. */
static void storage_48_a_cut_older_segment_costs_its_own_messages(void) {
    stored_t t;
    poll_result_t r;
    stored_init(&t);
    t.options.message_segment_size = 8192;
    stored_open(&t);
    char payload[PAYLOAD + 1];
    memset(payload, 'c', PAYLOAD);
    payload[PAYLOAD] = 0;
    for (int i = 0; i < 200; i++) CU_ASSERT_EQUAL(stored_put(&t, SUBJECT, payload), i);
    stored_close(&t);
    stored_truncate(&t, FIRST_SEGMENT, record_at(3) + 10);
    stored_open(&t);
    int64_t there = 0, first_behind = -1;
    for (int64_t i = 0; i < 200; i++) {
        stored_poll(&t, SUBJECT, i, 1, &r);
        bool found = r.count == 1 && r.messages[0].sequence == i;
        there += found;
        if (found && i >= 3 && first_behind < 0) first_behind = i;
        poll_result_free(&r);
    }
    CU_ASSERT_EQUAL(first_behind, 8192 / (HEADER + PAYLOAD));
    CU_ASSERT_EQUAL(there, 3 + 200 - first_behind);
    CU_ASSERT_EQUAL(stored_put(&t, SUBJECT, "next"), 200);
    stored_free(&t);
}

/* A snapshot that parses but is not what was written. */
static void storage_39_a_changed_snapshot_is_not_believed(void) {
    stored_t t;
    begin(&t);
    char *name = memory_printf("checkpoint/message-checkpoint.%020lld", (long long)store_message_end(t.store));
    stored_close(&t);
    size_t size = 0;
    uint8_t *text = stored_read(&t, name, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(text[size - 2], '4'); /* "damage/4" */
    memory_free(text);
    stored_patch(&t, name, (int64_t)size - 2, "1", 1);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, SUBJECT, "next"), 5);
    memory_free(name);
    stored_free(&t);
}

const test_case_t damage_cases[] = {TEST(reader_skips_and_reports),
                                    TEST(scrubber_finds_it),
                                    TEST(nothing_that_was_durable_is_cut),
                                    TEST(storage_04_taken_over_with_a_wrong_checksum),
                                    TEST(storage_48_a_damaged_header_costs_its_own_message),
                                    TEST(storage_48_a_cut_older_segment_costs_its_own_messages),
                                    TEST(storage_39_a_changed_snapshot_is_not_believed),
                                    TEST_END};
