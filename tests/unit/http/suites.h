/* The suites of unit_http. */
#ifndef QMQ_TESTS_UNIT_HTTP_SUITES_H
#define QMQ_TESTS_UNIT_HTTP_SUITES_H

#include "test.h"

extern const test_case_t form_cases[];
extern const test_case_t server_cases[];
extern const test_case_t parked_cases[];
extern const test_case_t client_cases[];

#endif
