#include "client/names.h"
#include "qmq/qmq.h"
#include "suites.h"

static void names_of_subjects(void) {
    static const char *const good[] = {"a", "order.changed", "ünïcode", "a-b_c.d"};
    static const char *const bad[] = {"", "a b", "a/b", "a%b", "a\nb", "a\rb", "${subject}", ".", "..", "%RETRY%a%g", "a\xE2\x80\xA8z"};
    char longest[102];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) CU_ASSERT(name_check_subject(good[i], NULL));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        qmq_error_t *error = NULL;
        CU_ASSERT(!name_check_subject(bad[i], &error));
        CU_ASSERT_EQUAL(qmq_error_status(error), QMQ_INVALID);
        CU_ASSERT(strlen(qmq_error_remedy(error)) > 0);
        qmq_error_free(error);
    }
    memset(longest, 'x', sizeof longest);
    longest[100] = 0;
    CU_ASSERT(name_check_subject(longest, NULL));
    longest[100] = 'x';
    longest[101] = 0;
    CU_ASSERT(!name_check_subject(longest, NULL));
    CU_ASSERT(!name_check_subject(NULL, NULL));
    CU_ASSERT(name_check_consumed_subject("%DEAD_RETRY%a%g", NULL));
    CU_ASSERT(!name_check_consumed_subject("%RETRY%a%g", NULL));
}

static void names_of_groups_and_clients(void) {
    CU_ASSERT(name_check_group("ticket", NULL));
    CU_ASSERT(!name_check_group("a/b", NULL));
    CU_ASSERT(!name_check_group("a%b", NULL));
    CU_ASSERT(!name_check_group("", NULL));
    CU_ASSERT(name_check_client_id("host1@@ab", NULL));
    CU_ASSERT(!name_check_client_id("host1/ab", NULL));
    CU_ASSERT(!name_check_client_id("a\n", NULL));
    CU_ASSERT(!name_check_client_id("", NULL));
}

static void names_are_counted_as_java_does(void) {
    CU_ASSERT_EQUAL(text_units(view_of("abc")), 3);
    CU_ASSERT_EQUAL(text_units(view_of("\xC3\xA4")), 1);
    CU_ASSERT_EQUAL(text_units(view_of("\xF0\x9F\x98\x80")), 2);
    CU_ASSERT_EQUAL(text_units(view_of("\xF0\x9F")), 2); /* bytes that are no character */
    CU_ASSERT_EQUAL(text_prefix(view_of("a\xF0\x9F\x98\x80"), 2), 1);
    CU_ASSERT_EQUAL(text_prefix(view_of("a\xF0\x9F\x98\x80"), 3), 5);
}

const test_case_t names_cases[] = {
    TEST(names_of_subjects),
    TEST(names_of_groups_and_clients),
    TEST(names_are_counted_as_java_does),
    TEST_END,
};
