/* The tables of the unit tests of modules/net, one a file. */
#ifndef QMQ_TESTS_UNIT_NET_SUITES_H
#define QMQ_TESTS_UNIT_NET_SUITES_H

#include "test.h"

extern const test_case_t frame_cases[];
extern const test_case_t loops_cases[];
extern const test_case_t server_cases[];
extern const test_case_t connection_cases[];
extern const test_case_t receive_cases[];
extern const test_case_t transmit_cases[];
extern const test_case_t reply_cases[];
extern const test_case_t requester_cases[];
extern const test_case_t requester_many_cases[];
extern const test_case_t pace_cases[];

#endif
