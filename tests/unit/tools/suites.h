/* The suites of this program, one a file. */
#ifndef QMQ_TESTS_TOOLS_SUITES_H
#define QMQ_TESTS_TOOLS_SUITES_H

#include "test.h"

extern const test_case_t tools_cases[];

#endif
