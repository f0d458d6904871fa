#include "base/crc32.h"
#include "stores.h"
#include "suites.h"

static void storage_1_new_store_has_its_directories(void) {
    static const char *const names[] = {"messagelog", "actionlog", "pulllog_smt", "smt", "checkpoint"};
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) CU_ASSERT_TRUE(stored_exists(&t, names[i]));
    CU_ASSERT_FALSE(stored_exists(&t, "pulllog"));
    CU_ASSERT_EQUAL(store_message_end(t.store), 0);
    CU_ASSERT_EQUAL(store_action_end(t.store), 0);
    CU_ASSERT_TRUE(store_is_writable(t.store, NULL));
    stored_free(&t);
}

static void append_then_poll(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "a", "one"), 0);
    CU_ASSERT_EQUAL(stored_put(&t, "b", "other"), 0);
    CU_ASSERT_EQUAL(stored_put(&t, "a", "two"), 1);
    CU_ASSERT_TRUE(stored_has(&t, "a", 0, "one"));
    CU_ASSERT_TRUE(stored_has(&t, "a", 1, "two"));
    CU_ASSERT_TRUE(stored_has(&t, "b", 0, "other"));
    CU_ASSERT_EQUAL(stored_pull(&t, "a", "g", "c", 0, 1, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "a", "g", "c", 0, 0), APR_SUCCESS);
    stored_close(&t);
    stored_open(&t);
    CU_ASSERT_TRUE(stored_has(&t, "a", 0, "one"));
    CU_ASSERT_TRUE(stored_has(&t, "a", 1, "two"));
    CU_ASSERT_EQUAL(stored_put(&t, "a", "three"), 2);
    store_group_t *g = store_group_find(t.store, view_of("a"), view_of("g"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    int64_t pull = 0, ack = 0, pulled = 0;
    CU_ASSERT_TRUE(store_consumer_position(g, view_of("c"), &pull, &ack));
    CU_ASSERT_TRUE(store_group_pulled(g, &pulled));
    CU_ASSERT_EQUAL(pull, 1);
    CU_ASSERT_EQUAL(ack, 0);
    CU_ASSERT_EQUAL(pulled, 1);
    CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), 0), -1);
    CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), 1), 1);
    stored_free(&t);
}

const test_case_t append_cases[] = {TEST(storage_1_new_store_has_its_directories), TEST(append_then_poll), TEST_END};
