/* The suites of unit_db. */
#ifndef QMQ_TESTS_UNIT_DB_SUITES_H
#define QMQ_TESTS_UNIT_DB_SUITES_H

#include "test.h"

extern const test_case_t statements_cases[];
extern const test_case_t threads_cases[];
extern const test_case_t trouble_cases[];
extern const test_case_t mysql_url_cases[];
extern const test_case_t deadlock_cases[];

#endif
