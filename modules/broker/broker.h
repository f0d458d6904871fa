/* The real-time broker as a server of the host (spec/broker.md). */
#ifndef QMQ_BROKER_BROKER_H
#define QMQ_BROKER_BROKER_H

#include "host/host.h"

extern const server_kind_t broker_kind;
extern const config_key_t broker_keys[]; /* conf/broker.properties */

#endif
