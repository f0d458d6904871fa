/* The suites of unit_host. */
#ifndef QMQ_TESTS_UNIT_HOST_SUITES_H
#define QMQ_TESTS_UNIT_HOST_SUITES_H

#include "test.h"

extern const test_case_t arguments_cases[];
extern const test_case_t life_cases[];
extern const test_case_t monitor_cases[];
extern const test_case_t composite_cases[];
extern const test_case_t commands_cases[];
extern const test_case_t graphite_cases[];
extern const test_case_t service_cases[]; /* of test_service_windows.c or test_service_posix.c */

#endif
