#include "suites.h"

const test_case_t races_cases[] = {TEST_END};
