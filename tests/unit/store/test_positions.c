/* Groups that were moved: where they go on after whatever happened. */
#include "store/positions.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>

static store_group_t *group(stored_t *t) {
    return store_group_get(t->store, view_of("s"), view_of("g"));
}

static int64_t next_of(stored_t *t) {
    int64_t next = -1;
    return store_group_next(group(t), &next) ? next : -1;
}

static bool is_saved(void *arg) {
    return stored_exists(arg, POSITIONS_NAME);
}

typedef struct saving {
    store_sync_waiter_t waiter; /* first */
    _Atomic bool done;
} saving_t;

static void note_done(store_sync_waiter_t *w) {
    atomic_store(&((saving_t *)w)->done, true);
}

static bool is_done(void *arg) {
    return atomic_load(&((saving_t *)arg)->done);
}

static void move(stored_t *t, int64_t next) {
    saving_t saving = {.waiter.done = note_done};
    store_group_move(group(t), next);
    store_await_positions(t->store, &saving.waiter);
    CU_ASSERT_TRUE_FATAL(test_wait(is_done, &saving, 30));
    CU_ASSERT_EQUAL(saving.waiter.status, APR_SUCCESS);
}

static void open_with(stored_t *t, int messages) {
    stored_init(t);
    stored_open(t);
    for (int i = 0; i < messages; i++) CU_ASSERT_EQUAL(stored_put(t, "s", "x"), i);
}

static void reopen(stored_t *t, bool crash) {
    if (crash) {
        stored_crash(t);
    } else {
        stored_close(t);
    }
    stored_open(t);
}

static void position_follows_what_is_pulled(void) {
    stored_t t;
    open_with(&t, 20);
    CU_ASSERT_EQUAL(next_of(&t), -1);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 9, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(next_of(&t), 10);
    reopen(&t, false);
    CU_ASSERT_EQUAL(next_of(&t), 10);
    CU_ASSERT_FALSE(is_saved(&t));
    stored_free(&t);
}

static void reset_survives_a_restart(void) {
    for (int crash = 0; crash < 2; crash++) {
        stored_t t;
        open_with(&t, 20);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 9, 0), APR_SUCCESS);
        move(&t, 3);
        CU_ASSERT_EQUAL(next_of(&t), 3);
        CU_ASSERT_TRUE(is_saved(&t));
        reopen(&t, crash);
        CU_ASSERT_EQUAL(next_of(&t), 3);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 10, 12, 3), APR_SUCCESS);
        CU_ASSERT_EQUAL(next_of(&t), 6);
        reopen(&t, crash);
        CU_ASSERT_EQUAL(next_of(&t), 6);
        int64_t pulled = 0;
        CU_ASSERT_TRUE(store_group_pulled(group(&t), &pulled));
        CU_ASSERT_EQUAL(pulled, 9);
        stored_forget(&t, true); /* also when everything is replayed */
        reopen(&t, crash);
        CU_ASSERT_EQUAL(next_of(&t), 6);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 13, 19, 6), APR_SUCCESS);
        CU_ASSERT_EQUAL(next_of(&t), 13);
        reopen(&t, false);
        CU_ASSERT_EQUAL(next_of(&t), 13);
        CU_ASSERT_FALSE(is_saved(&t)); /* it is behind what it pulled, as everybody */
        stored_free(&t);
    }
}

static void reset_of_a_group_that_never_pulled(void) {
    stored_t t;
    open_with(&t, 20);
    store_group_move(group(&t), 0);
    reopen(&t, false);
    CU_ASSERT_EQUAL(next_of(&t), 0);
    store_group_move(group(&t), 20);
    reopen(&t, false);
    CU_ASSERT_EQUAL(next_of(&t), 20);
    stored_free(&t);
}

static void damaged_positions_are_ignored(void) {
    static const char *const texts[] = {"", "qmq-positions 1\n0\n", "qmq-positions 1\n0\ns/g/3\ncrc 1\n", "qmq-positions 2\n0\ncrc 0\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        stored_t t;
        open_with(&t, 20);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 9, 0), APR_SUCCESS);
        stored_close(&t);
        stored_write(&t, POSITIONS_NAME, texts[i], strlen(texts[i]));
        stored_open(&t);
        CU_ASSERT_EQUAL(next_of(&t), 10);
        stored_free(&t);
    }
}

const test_case_t positions_cases[] = {TEST(position_follows_what_is_pulled), TEST(reset_survives_a_restart),
                                       TEST(reset_of_a_group_that_never_pulled), TEST(damaged_positions_are_ignored), TEST_END};
