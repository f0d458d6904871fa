#include "suites.h"

const test_case_t group_cases[] = {TEST_END};
