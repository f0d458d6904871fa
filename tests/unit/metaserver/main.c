#include "suites.h"

#include "base/log.h"
#include "base/memory.h"

/* The servers' own lines go to a file of the scratch directory: it stays when a test fails. */
static void log_beside(void) {
    char *path = memory_printf("%s/log", test_directory());
    (void)log_to_file(path, 64 * 1024 * 1024, 1);
    memory_free(path);
}

static void log_first(void) {
    log_beside();
    CU_ASSERT_PTR_NOT_NULL(test_directory());
}

static const test_case_t log_cases[] = {{"log", log_first}, TEST_END};

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"log", log_cases},           {"parts", parts_cases},
        {"register", register_cases}, {"routing", routing_cases},
        {"broker", broker_cases},     {"trouble", trouble_cases},
        {"http", http_cases},         {"action", action_cases},
        {"start", start_cases},       {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
