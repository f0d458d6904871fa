#include "base/crc32.h"
#include "store/action_record.h"
#include "store/index_entry.h"
#include "store/message_record.h"
#include "stores.h"
#include "suites.h"

#define RECORD_SIZE 95
#define RECORD_HEADER 48
#define EXAMPLE_MS 1700000000100

/* The record of storage.md 4.10. */
static const uint8_t record[RECORD_SIZE] =
    "\xa1\xb2\xc3\x02\x00\x00\x00\x01\x8b\xcf\xe5\x68\x64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0d\x6f\x72\x64\x65\x72\x2e\x63\x68\x61"
    "\x6e\x67\x65\x64\x00\x00\x00\x00\x91\x46\x69\x08\x00\x00\x00\x2f\x00\x00\x00\x01\x8b\xcf\xe5\x68\x00\x00\x00\x01\x8b\xcf\xe5\x68"
    "\x01\x00\x0d\x6f\x72\x64\x65\x72\x2e\x63\x68\x61\x6e\x67\x65\x64\x00\x02\x6d\x30\x00\x00\x00\x07\x00\x01\x6b\x00\x02\x76\x30";

static const uint8_t pull_bytes[74] =
    "\xc3\xb2\xa1\x00\x00\x00\x00\x00\x00\x40\x00\x0d\x6f\x72\x64\x65\x72\x2e\x63\x68\x61\x6e\x67\x65\x64\x00\x02\x67\x31\x00\x02\x63"
    "\x31\x00\x00\x01\x8b\xcf\xe5\x68\x64\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01";

static const uint8_t ack_bytes[57] =
    "\xc3\xb2\xa1\x00\x00\x01\x00\x00\x00\x2f\x00\x0d\x6f\x72\x64\x65\x72\x2e\x63\x68\x61\x6e\x67\x65\x64\x00\x02\x67\x31\x00\x02\x63"
    "\x31\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

static const uint8_t offline_bytes[41] =
    "\xc3\xb2\xa1\x00\x00\x02\x00\x00\x00\x1f\x00\x0d\x6f\x72\x64\x65\x72\x2e\x63\x68\x61\x6e\x67\x65\x64\x00"
    "\x02\x67\x31\x00\x02\x63\x31\x00\x00\x01\x8b\xcf\xe5\x68\x66";

static void storage_2_record_bytes(void) {
    uint8_t made[RECORD_SIZE];
    const uint8_t *payload = record + RECORD_HEADER;
    uint32_t size = RECORD_SIZE - RECORD_HEADER;
    CU_ASSERT_EQUAL(message_header_put(made, EXAMPLE_MS, 0, view_of("order.changed"), crc32_of(payload, size), size), RECORD_HEADER);
    CU_ASSERT_EQUAL(memcmp(made, record, RECORD_HEADER), 0);
}

/* The same through the store: everything but the clock's eight bytes. */
static void storage_2_first_message_at_offset_0(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put_status(&t, "order.changed", record + RECORD_HEADER, RECORD_SIZE - RECORD_HEADER, NULL), 0);
    CU_ASSERT_EQUAL(store_message_end(t.store), RECORD_SIZE);
    size_t size = 0;
    uint8_t *file = stored_read(&t, FIRST_SEGMENT, &size);
    CU_ASSERT_FATAL(file != NULL && size >= RECORD_SIZE);
    CU_ASSERT_EQUAL(memcmp(file, record, 5), 0);
    CU_ASSERT_EQUAL(memcmp(file + 13, record + 13, RECORD_SIZE - 13), 0);
    for (size_t i = RECORD_SIZE; i < size; i++) CU_ASSERT_EQUAL_FATAL(file[i], 0);
    memory_free(file);
    stored_free(&t);
}

static void storage_3_crc_is_that_of_zlib(void) {
    CU_ASSERT_EQUAL(crc32_of("123456789", 9), 0xCBF43926u);
    CU_ASSERT_EQUAL(crc32_of(record + RECORD_HEADER, RECORD_SIZE - RECORD_HEADER), 0x91466908u);
    uint8_t made[RECORD_SIZE];
    (void)message_header_put(made, EXAMPLE_MS, 0, view_of("order.changed"), 0xFFFFFFFFu, 1);
    CU_ASSERT_EQUAL(memcmp(made + 36, "\0\0\0\0\xff\xff\xff\xff", 8), 0);
}

static void storage_6_filler_bytes(void) {
    uint8_t filler[MESSAGE_FILLER_SIZE];
    message_filler_put(filler, EXAMPLE_MS);
    CU_ASSERT_EQUAL(memcmp(filler, "\xa1\xb2\xc3\x02\x01\x00\x00\x01\x8b\xcf\xe5\x68\x64", sizeof filler), 0);
}

static void header_is_taken_apart(void) {
    uint32_t header = 0;
    int64_t skip = 0;
    message_record_t r;
    CU_ASSERT_EQUAL(message_record_kind(record, RECORD_SIZE, RECORD_SIZE, &header, &skip), RECORD_MESSAGE);
    CU_ASSERT_EQUAL(header, RECORD_HEADER);
    CU_ASSERT_TRUE(message_header_parse(record, header, RECORD_SIZE, &r));
    CU_ASSERT_EQUAL(r.time_ms, EXAMPLE_MS);
    CU_ASSERT_TRUE(view_equal(r.subject, view_of("order.changed")));
    CU_ASSERT_EQUAL(r.payload_size, RECORD_SIZE - RECORD_HEADER);
    CU_ASSERT_FALSE(message_header_parse(record, header, RECORD_SIZE - 1, &r));
    CU_ASSERT_EQUAL(message_record_kind(record, RECORD_SIZE, RECORD_HEADER - 1, &header, &skip), RECORD_BAD);
    CU_ASSERT_EQUAL(message_record_kind(record, MESSAGE_FILLER_SIZE - 1, RECORD_SIZE, &header, &skip), RECORD_BAD);
    CU_ASSERT_TRUE(message_header_matches(record, RECORD_SIZE, view_of("order.changed"), 0, RECORD_SIZE, RECORD_HEADER));
    CU_ASSERT_FALSE(message_header_matches(record, RECORD_SIZE, view_of("order.changes"), 0, RECORD_SIZE, RECORD_HEADER));
    CU_ASSERT_FALSE(message_header_matches(record, RECORD_SIZE, view_of("order.changed"), 1, RECORD_SIZE, RECORD_HEADER));
    CU_ASSERT_FALSE(message_header_matches(record, RECORD_SIZE, view_of("order.changed"), 0, RECORD_SIZE - 1, RECORD_HEADER));
    CU_ASSERT_FALSE(message_header_matches(record, RECORD_SIZE, view_of("order.changed"), 0, RECORD_SIZE, RECORD_HEADER - 1));
}

static void old_records_have_no_crc(void) {
    static const uint8_t v1[] =
        "\xa1\xb2\xc3\x00\x00\x00\x00\x01\x8b\xcf\xe5\x68\x64\x00\x00\x00\x00\x00\x00\x00\x07\x00\x01s\x00\x00\x00\x02hi";
    uint32_t header = 0;
    int64_t skip = 0;
    message_record_t r;
    CU_ASSERT_EQUAL(message_record_kind(v1, sizeof v1 - 1, sizeof v1 - 1, &header, &skip), RECORD_MESSAGE);
    CU_ASSERT_EQUAL(header, 28);
    CU_ASSERT_TRUE(message_header_parse(v1, header, sizeof v1 - 1, &r));
    CU_ASSERT_FALSE(r.has_crc);
    CU_ASSERT_EQUAL(r.sequence, 7);
    CU_ASSERT_EQUAL(r.payload_size, 2);
}

static void storage_11_entry_bytes(void) {
    static const uint8_t wanted[] = "\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x5f\x00\x30";
    static const uint8_t blank[] = "\x00\x00\x01\x8b\xcf\xe5\x68\x65\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xff\x00\x00";
    uint8_t made[INDEX_ENTRY_SIZE];
    index_entry_t e = {EXAMPLE_MS + 1, 0, RECORD_SIZE, RECORD_HEADER};
    index_entry_put(made, &e);
    CU_ASSERT_EQUAL(memcmp(made, wanted, sizeof made), 0);
    index_entry_t back = index_entry_get(made);
    CU_ASSERT_EQUAL(back.record_size, RECORD_SIZE);
    CU_ASSERT_EQUAL(back.header_size, RECORD_HEADER);
    e = index_entry_blank(EXAMPLE_MS + 1);
    index_entry_put(made, &e);
    CU_ASSERT_EQUAL(memcmp(made, blank, sizeof made), 0);
    CU_ASSERT_TRUE(index_entry_is_blank(&e));
    CU_ASSERT_FALSE(index_entry_is_plausible(&e, 1 << 30));
    e = (index_entry_t){0, 0, 0, 0};
    CU_ASSERT_FALSE(index_entry_is_plausible(&e, 1 << 30));
}

static action_record_t example(uint8_t type, int64_t time_ms, int64_t last) {
    return (action_record_t){type, view_of("order.changed"), view_of("g1"), view_of("c1"), time_ms, false, 0, last, 0, last};
}

static void check_action(const action_record_t *a, const uint8_t *wanted, size_t size) {
    uint8_t made[128];
    CU_ASSERT_EQUAL_FATAL(action_record_size(a), size);
    action_record_put(made, a);
    CU_ASSERT_EQUAL(memcmp(made, wanted, size), 0);
    action_record_t back;
    int64_t total = 0;
    CU_ASSERT_EQUAL(action_record_kind(made, size, 1000, &total), ACTION_RECORD);
    CU_ASSERT_EQUAL(total, (int64_t)size);
    CU_ASSERT_TRUE_FATAL(action_record_parse(made, total, &back));
    CU_ASSERT_EQUAL(back.type, a->type);
    CU_ASSERT_EQUAL(back.time_ms, a->time_ms);
    CU_ASSERT_TRUE(view_equal(back.consumer_id, a->consumer_id));
    CU_ASSERT_FALSE(action_record_parse(made, total - 1, &back));
    CU_ASSERT_EQUAL(action_record_kind(made, size, total - 1, &total), ACTION_BAD);
}

static void storage_21_action_bytes(void) {
    action_record_t pull = example(ACTION_PULL, EXAMPLE_MS, 1);
    action_record_t ack = example(ACTION_RANGE_ACK, EXAMPLE_MS + 1, 0);
    action_record_t offline = example(ACTION_FOREVER_OFFLINE, EXAMPLE_MS + 2, 0);
    check_action(&pull, pull_bytes, sizeof pull_bytes);
    check_action(&ack, ack_bytes, sizeof ack_bytes);
    check_action(&offline, offline_bytes, sizeof offline_bytes);
}

static void storage_22_decoder(void) {
    action_record_t a, back;
    uint8_t made[128];
    a = example(ACTION_PULL, EXAMPLE_MS, -1); /* empty: first 0, last -1 */
    size_t size = action_record_size(&a);
    CU_ASSERT_NOT_EQUAL_FATAL(size, 0);
    action_record_put(made, &a);
    CU_ASSERT_TRUE(action_record_parse(made, (int64_t)size, &back));
    CU_ASSERT_EQUAL(back.last_pull, -1);
    a.last_message = 3; /* unequal ranges */
    CU_ASSERT_EQUAL(action_record_size(&a), 0);
    made[size - 1] ^= 1;
    CU_ASSERT_FALSE(action_record_parse(made, (int64_t)size, &back));
    memcpy(made, pull_bytes, sizeof pull_bytes);
    made[5] = 3; /* unknown type */
    CU_ASSERT_FALSE(action_type_is_known(made));
    CU_ASSERT_FALSE(action_record_parse(made, sizeof pull_bytes, &back));
    static const view_t none = {"", 0};
    a = example(ACTION_RANGE_ACK, EXAMPLE_MS, 0);
    a.consumer_id = none;
    CU_ASSERT_EQUAL(action_record_size(&a), 0);
    a = example(ACTION_RANGE_ACK, 0, 0);
    CU_ASSERT_EQUAL(action_record_size(&a), 0);
}

static void storage_24_event_offset_is_the_record_end(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "order.changed", "g1", "c1", 0, 1, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(store_action_end(t.store), sizeof pull_bytes);
    size_t size = 0;
    uint8_t *file = stored_read(&t, FIRST_ACTIONS, &size);
    CU_ASSERT_FATAL(file != NULL && size >= sizeof pull_bytes);
    CU_ASSERT_EQUAL(memcmp(file, pull_bytes, sizeof pull_bytes), 0);
    memory_free(file);
    stored_free(&t);
}

const test_case_t records_cases[] = {TEST(storage_2_record_bytes),
                                     TEST(storage_2_first_message_at_offset_0),
                                     TEST(storage_3_crc_is_that_of_zlib),
                                     TEST(storage_6_filler_bytes),
                                     TEST(header_is_taken_apart),
                                     TEST(old_records_have_no_crc),
                                     TEST(storage_11_entry_bytes),
                                     TEST(storage_21_action_bytes),
                                     TEST(storage_22_decoder),
                                     TEST(storage_24_event_offset_is_the_record_end),
                                     TEST_END};
