/* Counters that only faults and rare states move (broker.md 17, storage.md 19); the others are in the integration tests. */
#include "site.h"
#include "suites.h"

static site_t s;
static client_t c;

static void start(void) {
    site_init(&s);
    s.metrics = metrics_create();
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
}

static void end(void) {
    client_close(&c);
    site_free(&s);
}

#define COUNTS(name, subject, group, expected) CU_ASSERT_EQUAL(site_counter(&s, name, subject, group), expected)

static void broker_69_counters_of_messages_that_cannot_be_read(void) {
    start();
    SENDS(&c, "s", "id-zero id-one id-two");
    site_spoil(&s, "s", "id-zero");
    GIVES(&c, PULL(), 0, "id-one id-two");
    COUNTS("readMessageReturnNull", "s", NULL, 1);
    COUNTS("consumerLogOffsetRangeErrorCount", "s", "g", 1);
    COUNTS("memtable_hits_count", NULL, NULL, 2);
    COUNTS("findLostMessageCount", "s", "g", 0);
    site_spoil(&s, "s", "id-one");
    GIVES(&c, PULL(), 1, "id-two");
    COUNTS("getMessageErrorCount", "s", "g", 1);
    COUNTS("findLostMessageCount", "s", "g", 1);
    COUNTS("findLostMessageEmptyCount", "s", "g", 0);
    site_spoil(&s, "s", "id-two");
    GIVES(&c, PULL(), 0, "");
    COUNTS("getMessageErrorCount", "s", "g", 2);
    COUNTS("findLostMessageEmptyCount", "s", "g", 1);
    COUNTS("memtable_hits_count", NULL, NULL, 3);
    end();
}

static void broker_69_ranges_of_filtered_messages(void) {
    start();
    SENDS(&c, "s", "m0:x m1:y");
    GIVES(&c, PULL(.tag_type = TAG_OR, .tags = {"x"}), 0, "m0");
    COUNTS("consumerLogOffsetRangeErrorCount", "s", "g", 1); /* what was passed over is a range without messages */
    SENDS(&c, "s", "m2:x");
    GIVES(&c, PULL(.last = 0, .tag_type = TAG_OR, .tags = {"x"}), 1, "m2");
    COUNTS("consumerLogOffsetRangeErrorCount", "s", "g", 1);
    end();
}

static void broker_69_a_position_beyond_the_end(void) {
    start();
    SENDS(&c, "s", "m0");
    store_group_t *g = store_group_get(s.broker.store, view_of("s"), view_of("ahead"));
    store_group_move(g, 100);
    GIVES(&c, PULL(.group = "ahead"), 0, "");
    COUNTS("getMessageOverflowCount", "s", "ahead", 1);
    SENDS(&c, "s", "m1");
    GIVES(&c, PULL(.group = "ahead"), 0, "m1");
    COUNTS("maybeLostMessages", "s", "ahead", 0);
    end();
}

static void broker_69_messages_a_reset_passes_over(void) {
    start();
    SENDS(&c, "s", "m0 m1 m2 m3");
    GIVES(&c, PULL(.num = 1), 0, "m0");
    CU_ASSERT_EQUAL(reset(&c, "s", "g", CONSUME_LATEST), RESPONSE_SUCCESS);
    SENDS(&c, "s", "m4");
    GIVES(&c, PULL(.last = 0), 1, "m4");
    COUNTS("maybeLostMessages", "s", "g", 3);
    end();
}

static void broker_69_an_index_file_that_is_gone(void) {
    site_init(&s);
    s.metrics = metrics_create();
    s.store.max_open_files = 1;
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    GIVES(&c, PULL(.subject = "t"), 0, "");
    SENDS(&c, "s", "m0");
    SENDS(&c, "t", "m1");
    client_close(&c);
    site_restart(&s); /* its entries are in the file only, and that is not open when another one is read */
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(.subject = "t"), 0, "m1");
    char *path = memory_printf("%s/consumerlog/s", s.root);
    test_remove(path);
    memory_free(path);
    GIVES(&c, PULL(), 0, "m0"); /* it is found in the message log */
    CU_ASSERT_TRUE(site_counter(&s, "hitDeletedConsumerLogSegment", "s", NULL) >= 1);
    end();
}

static void broker_69_failed_writes(void) {
    start();
    SENDS(&c, "s", "m0 m1 m2");
    if (test_faults("write 1 EIO path=actionlog\n")) {
        GIVES(&c, PULL(), 0, "");
        COUNTS("putActionFailedCount", "s", "g", 1);
        GIVES(&c, PULL(), 0, "m0 m1 m2");
        CU_ASSERT_TRUE(test_faults("write 1 EIO path=actionlog\n"));
        CU_ASSERT_EQUAL(ack(&c, PULL(), 0, 0), RESPONSE_BROKER_ERROR);
        COUNTS("putActionFailedCount", "s", "g", 2);
        COUNTS("putAckActionsErrorCount", "s", "g", 1);
        CU_ASSERT_TRUE(test_faults("write 1 EIO path=messagelog\n"));
        CU_ASSERT_FALSE(put(&c, "s", "m3"));
        COUNTS("storeMessageErrorCount", "s", NULL, 1);
        COUNTS("receivedFailedCount", "s", NULL, 1);
        COUNTS("brokerReadOnlyMessageCount", "s", NULL, 0);
        CU_ASSERT_TRUE(test_faults(""));
    }
    end();
}

static void broker_69_a_disk_that_cannot_be_read(void) {
    site_init(&s);
    s.metrics = metrics_create();
    s.store.loops_read_no_files = true;
    s.store.hot_window = 1;
    site_start(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    SENDS(&c, "s", "m0");
    client_close(&c);
    site_restart(&s);
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    if (test_faults("read 1+ EIO path=consumerlog\n")) {
        GIVES(&c, PULL(), 0, "");
        COUNTS("findMessagesErrorCount", "s", "g", 1);
        CU_ASSERT_TRUE(test_faults(""));
        GIVES(&c, PULL(), 0, "m0");
        COUNTS("memtable_hits_count", NULL, NULL, 0);
    }
    end();
}

const test_case_t figures_cases[] = {TEST(broker_69_counters_of_messages_that_cannot_be_read),
                                     TEST(broker_69_ranges_of_filtered_messages),
                                     TEST(broker_69_a_position_beyond_the_end),
                                     TEST(broker_69_messages_a_reset_passes_over),
                                     TEST(broker_69_an_index_file_that_is_gone),
                                     TEST(broker_69_failed_writes),
                                     TEST(broker_69_a_disk_that_cannot_be_read),
                                     TEST_END};
