/* The metaserver as a server of the host (spec/metaserver.md). */
#ifndef QMQ_METASERVER_METASERVER_H
#define QMQ_METASERVER_METASERVER_H

#include "host/host.h"

extern const server_kind_t metaserver_kind;
extern const config_key_t metaserver_keys[]; /* conf/metaserver.properties, conf/datasource.properties */

/* Both ports are open from start on, so that brokers of the same process can register; /meta/address answers 503 until `serve`, so that
 * peers come last (decision 21 on 17). */

#endif
