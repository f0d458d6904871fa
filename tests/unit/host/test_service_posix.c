#include "process.h"
#include "suites.h"

#include <stdlib.h>

static void where_there_are_no_services_of_this_kind_the_unit_is_named(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    const char *const words[] = {"install", "uninstall"};
    for (size_t i = 0; i < 2; i++) {
        process_start_bare(p, ARGUMENTS(words[i], "--home", process_home(p)));
        CU_ASSERT_EQUAL(process_end(p), 1);
        char *errors = process_errors(p);
        CU_ASSERT(has(errors, "systemctl enable qmq-dummy\n"));
        CU_ASSERT_EQUAL(count_lines(errors), 1);
        free(errors);
    }
    process_free(p);
}

const test_case_t service_cases[] = {
    TEST(where_there_are_no_services_of_this_kind_the_unit_is_named),
    TEST_END,
};
