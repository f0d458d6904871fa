#include "base/nearest.h"
#include "suites.h"

static size_t distance(const char *a, const char *b) {
    return nearest_distance(view_of(a), view_of(b));
}

static void nearest_counts_edits(void) {
    CU_ASSERT_EQUAL(distance("", ""), 0);
    CU_ASSERT_EQUAL(distance("", "abc"), 3);
    CU_ASSERT_EQUAL(distance("abc", ""), 3);
    CU_ASSERT_EQUAL(distance("kitten", "sitting"), 3);
    CU_ASSERT_EQUAL(distance("broker.prot", "broker.port"), 1);
    CU_ASSERT_EQUAL(distance("Store.Root", "store.root"), 0);
    CU_ASSERT_EQUAL(distance("ca", "abc"), 3);
}

static void nearest_long_texts_are_cut(void) {
    char a[300];
    char b[300];
    memset(a, 'a', sizeof a);
    memset(b, 'b', sizeof b);
    CU_ASSERT_EQUAL(nearest_distance(view_make(a, sizeof a), view_make(a, 200)), 0);
    CU_ASSERT_EQUAL(nearest_distance(view_make(a, sizeof a), view_make(b, sizeof b)), 100);
}

static void nearest_takes_the_first_of_equals(void) {
    nearest_t n = {NULL, 0};
    nearest_offer(&n, view_of("sync.prot"), "broker.port");
    nearest_offer(&n, view_of("sync.prot"), "sync.port");
    nearest_offer(&n, view_of("sync.prot"), "sync.part");
    CU_ASSERT_STRING_EQUAL(n.name, "sync.port");
    CU_ASSERT_EQUAL(n.distance, 1);
}

const test_case_t nearest_cases[] = {
    TEST(nearest_counts_edits),
    TEST(nearest_long_texts_are_cut),
    TEST(nearest_takes_the_first_of_equals),
    TEST_END,
};
