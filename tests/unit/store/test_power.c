/* What is there after the process died or the power failed. */
#include "stores.h"
#include "suites.h"

#include <stdio.h>

/* Actions have no checksum; sequence 0 makes the end of one all zero, which looks like the torn end of a write. Wherever it lies, it
 * counts. */
static void storage_45_an_action_that_ends_with_zeros_counts(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "m"), 0);
    char consumer[40];
    for (int i = 0; i < 20; i++) {
        int64_t pull = -1, ack = -1;
        (void)snprintf(consumer, sizeof consumer, "consumer-%0*d", 1 + i, i);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", consumer, 0, 0, 0), APR_SUCCESS);
        CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", consumer, 0, 0), APR_SUCCESS);
        stored_crash(&t);
        char *marker = stored_path(&t, ".marker"), *checkpoints = stored_path(&t, "checkpoint");
        test_remove(marker);
        test_remove(checkpoints);
        memory_free(marker);
        memory_free(checkpoints);
        stored_open(&t);
        store_group_t *g = store_group_find(t.store, view_of("s"), view_of("g"));
        CU_ASSERT_TRUE(store_consumer_position(g, view_of(consumer), &pull, &ack));
        CU_ASSERT_EQUAL(pull, 0);
        CU_ASSERT_EQUAL(ack, 0);
    }
    stored_free(&t);
}

const test_case_t power_cases[] = {TEST(storage_45_an_action_that_ends_with_zeros_counts), TEST_END};
