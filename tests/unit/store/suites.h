#ifndef QMQ_TESTS_STORE_SUITES_H
#define QMQ_TESTS_STORE_SUITES_H

#include "test.h"

extern const test_case_t append_cases[];

#endif
