#include "suites.h"

const test_case_t produce_cases[] = {TEST_END};
