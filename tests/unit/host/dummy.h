/* A server of the host that does nothing but what its keys say; what it knows shows in its health, its run file and its metrics. */
#ifndef QMQ_TESTS_UNIT_HOST_DUMMY_H
#define QMQ_TESTS_UNIT_HOST_DUMMY_H

#include "host/host.h"

extern const server_kind_t dummy_kind;

#endif
