#include "suites.h"

const test_case_t ack_cases[] = {TEST_END};
