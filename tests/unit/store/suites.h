/* The suites of this program, one a file. */
#ifndef QMQ_TESTS_STORE_SUITES_H
#define QMQ_TESTS_STORE_SUITES_H

#include "test.h"

extern const test_case_t append_cases[];
extern const test_case_t records_cases[];
extern const test_case_t segments_cases[];
extern const test_case_t threads_cases[];
extern const test_case_t faults_cases[];
extern const test_case_t progress_cases[];
extern const test_case_t recovery_cases[];
extern const test_case_t damage_cases[];
extern const test_case_t retention_cases[];
extern const test_case_t power_cases[];
extern const test_case_t space_cases[];
extern const test_case_t java_stores_cases[];
extern const test_case_t index_cases[];
extern const test_case_t index_v2_cases[];
extern const test_case_t snapshots_cases[];
extern const test_case_t tablets_cases[];
extern const test_case_t positions_cases[];

#endif
