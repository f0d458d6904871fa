#include "suites.h"

const test_case_t limits_cases[] = {TEST_END};
