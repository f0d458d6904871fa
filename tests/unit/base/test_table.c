#include "base/memory.h"
#include "base/table.h"
#include "suites.h"

#include <stdio.h>

typedef struct item {
    char key[24];
    bool present;
    bool seen;
} item_t;

static view_t key_of(const void *value) {
    return view_of(((const item_t *)value)->key);
}

static uint64_t random_state;

/* Deterministic, so that a failure repeats (xorshift). */
static uint64_t next_random(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static void table_empty(void) {
    table_t t;
    size_t at = 0;
    table_init(&t, key_of);
    CU_ASSERT_PTR_NULL(table_get(&t, view_of("a")));
    CU_ASSERT_PTR_NULL(table_get_hashed(&t, view_of("a"), view_hash(view_of("a"))));
    CU_ASSERT_PTR_NULL(table_remove(&t, view_of("a")));
    CU_ASSERT_PTR_NULL(table_next(&t, &at));
    table_free(&t);
}

static void table_of_few(void) {
    static item_t a = {"a", true, false};
    static item_t b = {"b", true, false};
    static item_t empty = {"", true, false};
    table_t t;
    table_init(&t, key_of);
    table_put(&t, &a);
    table_put(&t, &b);
    table_put(&t, &empty);
    CU_ASSERT_EQUAL(t.count, 3);
    CU_ASSERT_PTR_EQUAL(table_get(&t, view_of("a")), &a);
    CU_ASSERT_PTR_EQUAL(table_get(&t, view_of("")), &empty);
    CU_ASSERT_PTR_NULL(table_get(&t, view_of("c")));
    CU_ASSERT_PTR_EQUAL(table_remove(&t, view_of("a")), &a);
    CU_ASSERT_PTR_NULL(table_remove(&t, view_of("a")));
    CU_ASSERT_PTR_NULL(table_get(&t, view_of("a")));
    CU_ASSERT_PTR_EQUAL(table_get_hashed(&t, view_of("b"), view_hash(view_of("b"))), &b);
    CU_ASSERT_EQUAL(t.count, 2);
    table_free(&t);
    CU_ASSERT_EQUAL(t.capacity, 0);
}

enum { ITEMS = 200000 };

static size_t check_all(const table_t *t, const item_t *items) {
    size_t wrong = 0;
    size_t present = 0;
    for (size_t i = 0; i < ITEMS; i++) {
        const item_t *found = table_get(t, view_of(items[i].key));
        wrong += found != (items[i].present ? &items[i] : NULL);
        present += items[i].present;
    }
    return wrong + (present != t->count);
}

static void table_200000_random_keys_against_a_reference(void) {
    random_state = 88172645463325252u;
    item_t *items = memory_zalloc(ITEMS * sizeof *items);
    for (size_t i = 0; i < ITEMS; i++) {
        (void)snprintf(items[i].key, sizeof items[i].key, "%llx.%zx", (unsigned long long)(next_random() % 100000), i);
    }
    table_t t;
    table_init(&t, key_of);
    for (size_t i = 0; i < ITEMS; i++) {
        table_put(&t, &items[i]);
        items[i].present = true;
    }
    CU_ASSERT_EQUAL(check_all(&t, items), 0);
    CU_ASSERT_TRUE(t.capacity <= ITEMS * 100 / 40); /* load at least 0.4 */
    size_t wrong = 0;
    for (size_t round = 0; round < 3 * ITEMS; round++) {
        item_t *i = &items[next_random() % ITEMS];
        if (i->present) {
            wrong += table_remove(&t, view_of(i->key)) != i;
        } else {
            wrong += table_remove(&t, view_of(i->key)) != NULL;
            table_put(&t, i);
        }
        i->present = !i->present;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(check_all(&t, items), 0);
    CU_ASSERT_TRUE(t.used >= t.count && t.used * 5 <= t.capacity * 4 + 5);
    CU_ASSERT_TRUE(t.capacity <= (size_t)ITEMS * 3);

    size_t at = 0;
    size_t walked = 0;
    for (item_t *i = table_next(&t, &at); i != NULL; i = table_next(&t, &at)) {
        wrong += i->seen || !i->present;
        i->seen = true;
        walked++;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(walked, t.count);
    table_free(&t);
    memory_free(items);
}

static void table_walk_may_remove_what_it_got(void) {
    enum { N = 1000 };
    static item_t items[N];
    table_t t;
    table_init(&t, key_of);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(items[i].key, sizeof items[i].key, "%zu", i);
        table_put(&t, &items[i]);
    }
    size_t at = 0;
    size_t walked = 0;
    for (item_t *i = table_next(&t, &at); i != NULL; i = table_next(&t, &at)) {
        walked++;
        CU_ASSERT_PTR_EQUAL(table_remove(&t, view_of(i->key)), i);
    }
    CU_ASSERT_EQUAL(walked, N);
    CU_ASSERT_EQUAL(t.count, 0);
    CU_ASSERT_PTR_NULL(t.entries); /* emptied: the memory went back */
    table_put(&t, &items[0]);
    CU_ASSERT_PTR_EQUAL(table_get(&t, view_of("0")), &items[0]);
    table_free(&t);
}

/* Always one entry, but a new key each time: the table must neither grow nor fill with tombstones. */
static void table_churn_stays_small(void) {
    static item_t items[2];
    table_t t;
    table_init(&t, key_of);
    for (int i = 0; i < 100000; i++) {
        item_t *new = &items[i % 2];
        item_t *old = &items[(i + 1) % 2];
        (void)snprintf(new->key, sizeof new->key, "consumer-%d", i);
        table_put(&t, new);
        if (i > 0 && table_remove(&t, view_of(old->key)) != old) CU_FAIL("the old entry is gone");
    }
    CU_ASSERT_EQUAL(t.count, 1);
    CU_ASSERT_EQUAL(t.capacity, 8);
    table_free(&t);
}

const test_case_t table_cases[] = {
    TEST(table_empty),
    TEST(table_of_few),
    TEST(table_200000_random_keys_against_a_reference),
    TEST(table_walk_may_remove_what_it_got),
    TEST(table_churn_stays_small),
    TEST_END,
};
