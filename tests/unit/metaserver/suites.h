/* The suites of this program, one a file. */
#ifndef QMQ_TESTS_METASERVER_SUITES_H
#define QMQ_TESTS_METASERVER_SUITES_H

#include "test.h"

extern const test_case_t parts_cases[];
extern const test_case_t register_cases[];
extern const test_case_t routing_cases[];
extern const test_case_t broker_cases[];
extern const test_case_t trouble_cases[];
extern const test_case_t http_cases[];
extern const test_case_t action_cases[];
extern const test_case_t change_cases[];
extern const test_case_t endpoint_cases[];
extern const test_case_t start_cases[];
extern const test_case_t refresh_cases[];
extern const test_case_t client_rows_cases[];

#endif
