#include "store/pull_log.h"
#include "stores.h"
#include "suites.h"

#include <stdio.h>

static store_group_t *group(stored_t *t, const char *subject, const char *name) {
    store_group_t *g = store_group_find(t->store, view_of(subject), view_of(name));
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
    return g;
}

static void check_position(store_group_t *g, const char *consumer, bool known, int64_t pull, int64_t ack) {
    int64_t p = 0, a = 0;
    CU_ASSERT_EQUAL(store_consumer_position(g, view_of(consumer), &p, &a), known);
    CU_ASSERT_EQUAL(p, pull);
    CU_ASSERT_EQUAL(a, ack);
}

static int64_t lookup(store_group_t *g, int64_t pull) {
    return store_pull_lookup(g, view_of("c"), pull);
}

static void open_fresh(stored_t *t) {
    stored_init(t);
    stored_open(t);
}

static void reopen(stored_t *t) {
    stored_close(t);
    stored_open(t);
}

static void storage_25_where_a_group_starts(void) {
    stored_t t;
    int64_t pulled = 0, min = 0, next = 0;
    open_fresh(&t);
    for (int i = 0; i < 5; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "x"), i);
    CU_ASSERT_PTR_NULL(store_group_find(t.store, view_of("s"), view_of("new")));
    store_group_t *g = store_group_get(t.store, view_of("s"), view_of("new"));
    CU_ASSERT_FALSE(store_group_pulled(g, &pulled)); /* unknown: at the next sequence */
    CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
    CU_ASSERT_EQUAL(next, 5);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "known", "c", 0, 1, 2), APR_SUCCESS);
    CU_ASSERT_TRUE(store_group_pulled(group(&t, "s", "known"), &pulled)); /* known: behind what it pulled */
    CU_ASSERT_EQUAL(pulled, 3);
    stored_free(&t);
}

static void storage_26_progress_never_goes_back(void) {
    stored_t t;
    int64_t pulled = 0;
    open_fresh(&t);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 5), APR_SUCCESS); /* nobody knows this consumer */
    store_group_t *g = store_group_get(t.store, view_of("s"), view_of("g"));
    check_position(g, "c", false, -1, -1);
    CU_ASSERT_FALSE(store_group_pulled(g, &pulled));
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 9, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 5), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 3), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 2, 4, 2), APR_SUCCESS);
    check_position(g, "c", true, 9, 5);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "d", 0, 0, 4), APR_SUCCESS);
    CU_ASSERT_TRUE(store_group_pulled(g, &pulled));
    CU_ASSERT_EQUAL(pulled, 9);
    store_action_t offline = {ACTION_FOREVER_OFFLINE, g, view_of("c"), 1700000000100, false, 0, 0, 0, 0};
    CU_ASSERT_EQUAL(stored_action(&t, offline), APR_SUCCESS);
    for (int round = 0; round < 2; round++) {
        g = group(&t, "s", "g");
        check_position(g, "c", false, -1, -1);
        check_position(g, "d", true, 0, -1);
        CU_ASSERT_EQUAL(lookup(g, 7), -1);
        CU_ASSERT_TRUE(store_group_pulled(g, &pulled));
        CU_ASSERT_EQUAL(pulled, 9);
        reopen(&t);
    }
    stored_free(&t);
}

/* A pull position below the acknowledged one would hand out sequences that count as acknowledged. */
static void ack_beyond_the_pull_raises_it(void) {
    stored_t t;
    open_fresh(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 1, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 8), APR_SUCCESS);
    check_position(group(&t, "s", "g"), "c", true, 8, 8);
    reopen(&t);
    check_position(group(&t, "s", "g"), "c", true, 8, 8);
    stored_free(&t);
}

static void storage_27_acks_trim_the_map(void) {
    stored_t t;
    open_fresh(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 9, 100), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 10, 19, 200), APR_SUCCESS);
    for (int round = 0; round < 2; round++) {
        store_group_t *g = group(&t, "s", "g");
        CU_ASSERT_EQUAL(lookup(g, 0), round == 0 ? 100 : -1);
        CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 3), APR_SUCCESS); /* in order */
        CU_ASSERT_EQUAL(lookup(g, 3), -1);
        CU_ASSERT_EQUAL(lookup(g, 4), 104);
        CU_ASSERT_EQUAL(lookup(g, 19), 209);
        CU_ASSERT_EQUAL(lookup(g, 20), -1);
        reopen(&t);
    }
    store_group_t *g = group(&t, "s", "g");
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 12, 14), APR_SUCCESS); /* a gap */
    CU_ASSERT_EQUAL(lookup(g, 4), 104);
    CU_ASSERT_EQUAL(lookup(g, 13), 203);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 15, 15), APR_SUCCESS);
    CU_ASSERT_EQUAL(lookup(g, 4), -1);
    CU_ASSERT_EQUAL(lookup(g, 16), 206);
    CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 16, 50), APR_SUCCESS); /* beyond */
    CU_ASSERT_EQUAL(lookup(g, 19), -1);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 51, 52, 300), APR_SUCCESS);
    CU_ASSERT_EQUAL(lookup(g, 52), 301);
    stored_free(&t);
}

static void storage_29a_last_pull_decides(void) {
    stored_t t;
    open_fresh(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 19, 100), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 5, 7, 500), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 18, 25, 600), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 30, 31, 700), APR_SUCCESS);
    for (int round = 0; round < 2; round++) {
        store_group_t *g = group(&t, "s", "g");
        CU_ASSERT_EQUAL(lookup(g, 4), 104);
        CU_ASSERT_EQUAL(lookup(g, 5), 500);
        CU_ASSERT_EQUAL(lookup(g, 7), 502);
        CU_ASSERT_EQUAL(lookup(g, 8), 108);
        CU_ASSERT_EQUAL(lookup(g, 17), 117);
        CU_ASSERT_EQUAL(lookup(g, 18), 600);
        CU_ASSERT_EQUAL(lookup(g, 25), 607);
        CU_ASSERT_EQUAL(lookup(g, 26), -1);
        CU_ASSERT_EQUAL(lookup(g, 30), 700);
        reopen(&t);
    }
    stored_free(&t);
}

/* The map against a plain array, with the operations in any order. */
static void map_against_an_array(void) {
    enum { SPAN = 300, STEPS = 20000 };
    pull_log_t map = {NULL, 0, 0, 0};
    int64_t plain[SPAN];
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < SPAN; i++) plain[i] = -1;
    for (int step = 0; step < STEPS; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int64_t first = (int64_t)(random % SPAN), last = first + (int64_t)(random >> 20) % 20;
        if (last >= SPAN) last = SPAN - 1;
        if (random % 7 == 0) {
            int64_t upto = (int64_t)(random >> 33) % 40;
            pull_log_trim(&map, upto);
            for (int64_t i = 0; i <= upto; i++) plain[i] = -1;
        } else {
            int64_t message = (int64_t)(random >> 40) % 1000;
            pull_log_put(&map, first, last, message);
            for (int64_t i = first; i <= last; i++) plain[i] = message + (i - first);
        }
        if (step % 100 != 0) continue;
        for (int64_t i = 0; i < SPAN; i++) CU_ASSERT_EQUAL_FATAL(pull_log_find(&map, i), plain[i]);
    }
    pull_log_free(&map);
}

static void adjacent_ranges_are_one(void) {
    pull_log_t map = {NULL, 0, 0, 0};
    for (int64_t i = 0; i < 10000; i++) pull_log_put(&map, i, i, 7 + i);
    CU_ASSERT_EQUAL(map.count, 1);
    pull_log_put(&map, 10000, 10000, 5);
    CU_ASSERT_EQUAL(map.count, 2);
    for (int64_t i = 10001; i < 20000; i++) {
        pull_log_put(&map, i, i, i * 2);
        pull_log_trim(&map, i - 10);
    }
    CU_ASSERT_TRUE(map.count <= 10 && map.capacity <= 64);
    pull_log_trim(&map, 50000);
    CU_ASSERT_PTR_NULL(map.ranges);
    pull_log_put(&map, -1, 3, 0);
    pull_log_put(&map, 3, 2, 0);
    CU_ASSERT_EQUAL(map.count, 0);
}

static void broadcast_sequences_are_message_sequences(void) {
    stored_t t;
    open_fresh(&t);
    store_group_t *g = store_group_get(t.store, view_of("s"), view_of("b"));
    store_action_t a = {ACTION_PULL, g, view_of("c"), 1700000000100, true, 40, 49, 40, 49};
    CU_ASSERT_EQUAL(lookup(g, 44), -1);
    CU_ASSERT_EQUAL(stored_action(&t, a), APR_SUCCESS);
    for (int round = 0; round < 2; round++) {
        g = group(&t, "s", "b");
        CU_ASSERT_EQUAL(lookup(g, 44), 44);
        check_position(g, "c", true, 49, -1);
        reopen(&t);
    }
    stored_free(&t);
}

/* A group that polled and found nothing is known afterwards, so that it misses nothing (broker.md BUG-31). */
static void empty_pull_makes_a_group_known(void) {
    stored_t t;
    int64_t pulled = 0;
    open_fresh(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, -1, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "later", "c", 0, -1, 17), APR_SUCCESS);
    for (int round = 0; round < 2; round++) {
        CU_ASSERT_TRUE(store_group_pulled(group(&t, "s", "g"), &pulled));
        CU_ASSERT_EQUAL(pulled, -1);
        CU_ASSERT_TRUE(store_group_pulled(group(&t, "s", "later"), &pulled));
        CU_ASSERT_EQUAL(pulled, 16);
        check_position(group(&t, "s", "g"), "c", false, -1, -1);
        reopen(&t);
    }
    stored_free(&t);
}

static void skip_action_moves_the_group_only(void) {
    stored_t t;
    int64_t pulled = 0;
    open_fresh(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 2, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 3, 2, 10), APR_SUCCESS);
    store_group_t *g = group(&t, "s", "g");
    CU_ASSERT_TRUE(store_group_pulled(g, &pulled));
    CU_ASSERT_EQUAL(pulled, 9);
    check_position(g, "c", true, 2, -1);
    stored_free(&t);
}

static void action_that_cannot_be_read_back_is_refused(void) {
    stored_t t;
    open_fresh(&t);
    store_group_t *g = store_group_get(t.store, view_of("s"), view_of("g"));
    const store_action_t bad[] = {
        {ACTION_PULL, g, view_of("c"), 1700000000100, false, 0, 3, 0, 2},
        {ACTION_PULL, g, view_of("c"), 0, false, 0, 3, 0, 3},
        {ACTION_PULL, g, view_of(""), 1700000000100, false, 0, 3, 0, 3},
        {ACTION_RANGE_ACK, g, view_of("c"), 1700000000100, false, 0, INT64_MAX, 0, 0},
        {(action_type_t)7, g, view_of("c"), 1700000000100, false, 0, 3, 0, 3},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CU_ASSERT_EQUAL(stored_action(&t, bad[i]), QMQ_E_INVALID);
    CU_ASSERT_EQUAL(store_action_end(t.store), 0);
    check_position(g, "c", false, -1, -1);
    stored_free(&t);
}

typedef struct seen {
    int64_t pulls;
    int consumers;
} seen_t;

static void see_consumer(void *arg, view_t id, int64_t pull, int64_t ack) {
    seen_t *seen = arg;
    CU_ASSERT_TRUE(id.size > 0 && ack == -1);
    seen->consumers++;
    seen->pulls += pull;
}

/* Many consumers of one group: found, listed, and removed again. */
static void many_consumers(void) {
    enum { COUNT = 100 };
    stored_t t;
    char id[16];
    open_fresh(&t);
    store_group_t *g = store_group_get(t.store, view_of("s"), view_of("g"));
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof id, "consumer-%d", i);
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", id, 0, i, 0), APR_SUCCESS);
        seen_t seen = {0, 0};
        store_consumers(g, see_consumer, &seen);
        CU_ASSERT_EQUAL(seen.consumers, i + 1);
        CU_ASSERT_EQUAL(seen.pulls, (int64_t)i * (i + 1) / 2);
    }
    for (int i = 0; i < COUNT; i++) {
        snprintf(id, sizeof id, "consumer-%d", i);
        check_position(g, id, true, i, -1);
        store_action_t offline = {ACTION_FOREVER_OFFLINE, g, view_of(id), 1700000000100, false, 0, 0, 0, 0};
        CU_ASSERT_EQUAL(stored_action(&t, offline), APR_SUCCESS);
        check_position(g, id, false, -1, -1);
    }
    store_figures_t figures;
    store_figures(t.store, &figures);
    CU_ASSERT_EQUAL(figures.consumers, 0);
    CU_ASSERT_EQUAL(figures.groups, 1);
    stored_free(&t);
}

static void users_of_subjects_and_groups(void) {
    stored_t t;
    int one = 0, two = 0;
    open_fresh(&t);
    store_subject_t *s = store_subject_get(t.store, view_of("s"));
    store_group_t *g = store_group_get(t.store, view_of("s"), view_of("g"));
    CU_ASSERT_PTR_EQUAL(store_group_get(t.store, view_of("s"), view_of("g")), g);
    CU_ASSERT_PTR_NOT_EQUAL(store_group_get(t.store, view_of("t"), view_of("g")), g);
    CU_ASSERT_PTR_NULL(store_group_get(t.store, view_of("s"), view_of("")));
    CU_ASSERT_TRUE(view_equal(store_group_subject(g), view_of("s")));
    CU_ASSERT_TRUE(view_equal(store_group_name(g), view_of("g")));
    CU_ASSERT_PTR_NULL(store_subject_user(s));
    CU_ASSERT_PTR_EQUAL(store_subject_set_user(s, &one), &one);
    CU_ASSERT_PTR_EQUAL(store_subject_set_user(s, &two), &one);
    CU_ASSERT_PTR_EQUAL(store_group_set_user(g, &two), &two);
    CU_ASSERT_PTR_EQUAL(store_group_set_user(g, &one), &two);
    CU_ASSERT_PTR_EQUAL(store_group_user(g), &two);
    stored_free(&t);
}

const test_case_t progress_cases[] = {TEST(storage_25_where_a_group_starts),
                                      TEST(storage_26_progress_never_goes_back),
                                      TEST(ack_beyond_the_pull_raises_it),
                                      TEST(storage_27_acks_trim_the_map),
                                      TEST(storage_29a_last_pull_decides),
                                      TEST(map_against_an_array),
                                      TEST(adjacent_ranges_are_one),
                                      TEST(broadcast_sequences_are_message_sequences),
                                      TEST(empty_pull_makes_a_group_known),
                                      TEST(skip_action_moves_the_group_only),
                                      TEST(action_that_cannot_be_read_back_is_refused),
                                      TEST(many_consumers),
                                      TEST(users_of_subjects_and_groups),
                                      TEST_END};
