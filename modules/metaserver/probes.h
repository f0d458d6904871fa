/* Broker groups that are on line in the database when the metaserver starts, but may have died while nobody listened: each is asked at its
 * address until it answers, is heard here, or has been silent for two heartbeat time-outs and goes off line (metaserver.md 20). */
#ifndef QMQ_METASERVER_PROBES_H
#define QMQ_METASERVER_PROBES_H

#include "metaserver/broker_requests.h"
#include "metaserver/catalog.h"
#include "metaserver/liveness.h"

typedef struct probes probes_t;

/* timeout_us: heartbeat.timeout.ms; the groups are those of the catalog now. */
probes_t *probes_create(catalog_t *catalog, liveness_t *liveness, broker_requests_t *brokers, _Atomic int64_t *timeout_us);
/* Asks whom it is time to ask. Any one thread, until the loops end. */
void probes_look(probes_t *p);
/* After the end of the loops and of the brokers' requester. */
void probes_destroy(probes_t *p);

#endif
