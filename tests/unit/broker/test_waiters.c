#include "suites.h"

const test_case_t waiters_cases[] = {TEST_END};
