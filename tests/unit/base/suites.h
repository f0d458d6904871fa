/* The suites of this program, one a file. */
#ifndef QMQ_TESTS_UNIT_BASE_SUITES_H
#define QMQ_TESTS_UNIT_BASE_SUITES_H

#include "test.h"

extern const test_case_t memory_cases[];
extern const test_case_t view_cases[];
extern const test_case_t writer_cases[];
extern const test_case_t chain_cases[];
extern const test_case_t table_cases[];
extern const test_case_t error_cases[];
extern const test_case_t id_cases[];
extern const test_case_t log_faults_cases[];
extern const test_case_t properties_cases[];
extern const test_case_t nearest_cases[];
extern const test_case_t log_cases[];
extern const test_case_t window_cases[];
extern const test_case_t metrics_cases[];
extern const test_case_t config_cases[];

#endif
