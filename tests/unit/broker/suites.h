/* The suites of this program, one a file. */
#ifndef QMQ_TESTS_BROKER_SUITES_H
#define QMQ_TESTS_BROKER_SUITES_H

#include "test.h"

extern const test_case_t pull_cases[];
extern const test_case_t find_cases[];
extern const test_case_t ack_cases[];
extern const test_case_t produce_cases[];
extern const test_case_t group_cases[];
extern const test_case_t waiters_cases[];
extern const test_case_t races_cases[];
extern const test_case_t limits_cases[];
extern const test_case_t durability_cases[];
extern const test_case_t dead_cases[];
extern const test_case_t figures_cases[];
extern const test_case_t clock_cases[];

#endif
