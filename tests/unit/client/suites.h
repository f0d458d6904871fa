/* The tables of the unit tests of modules/client, one a file. */
#ifndef QMQ_TESTS_UNIT_CLIENT_SUITES_H
#define QMQ_TESTS_UNIT_CLIENT_SUITES_H

#include "test.h"

extern const test_case_t message_cases[];
extern const test_case_t names_cases[];
extern const test_case_t ack_queue_cases[];
extern const test_case_t choice_cases[];
extern const test_case_t discovery_cases[];
extern const test_case_t route_cases[];
extern const test_case_t producer_cases[];
extern const test_case_t consumer_cases[];
extern const test_case_t retry_cases[];
extern const test_case_t puller_cases[];
extern const test_case_t connection_cases[];

#endif
