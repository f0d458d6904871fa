/* The suites of this program, one a file. */
#ifndef QMQ_TESTS_UNIT_PROTOCOL_SUITES_H
#define QMQ_TESTS_UNIT_PROTOCOL_SUITES_H

#include "test.h"

extern const test_case_t examples_cases[];
extern const test_case_t fixtures_cases[];
extern const test_case_t message_cases[];
extern const test_case_t send_cases[];
extern const test_case_t pull_cases[];
extern const test_case_t client_register_cases[];
extern const test_case_t sync_cases[];
extern const test_case_t subject_cases[];
extern const test_case_t truncation_cases[];

#endif
