/* Where the metaserver's TCP port is: asked over HTTP, kept for a minute, the old answer stays while no new one comes (client.md 5.1).
 * Loop thread, but for discovery_init and discovery_free. */
#ifndef QMQ_CLIENT_DISCOVERY_H
#define QMQ_CLIENT_DISCOVERY_H

#include "base/error.h"
#include "portability/executor.h"
#include "portability/loop.h"
#include "qmq/client.h"

typedef struct discovery {
    qmq_client_t *client;
    char *url;
    bool port_is_implied; /* the user named a host without a port */
    char *address;        /* "ip:port"; NULL: never found */
    bool stale;           /* nobody answers there */
    int64_t found_us;
    bool running;
    job_t job;
    task_t ended;
    char *found;          /* what the look-up brought */
    qmq_error_t *problem; /* why the last one failed; NULL: it did not */
    bool told;            /* that it fails; once until it works again */
} discovery_t;

/* metaserver: "host", "host:port" or a URL. */
void discovery_init(discovery_t *d, qmq_client_t *client, const char *metaserver);
void discovery_free(discovery_t *d);
/* The address; NULL while a look-up runs that must be waited for: routes_discovered is called at its end. */
const char *discovery_address(discovery_t *d);
/* Nobody answers at the address: the next question looks it up again. */
void discovery_doubt(discovery_t *d);
/* Reads an answer of /meta/address; NULL when it is none, else malloc'ed. */
char *discovery_read_answer(const char *body);
/* The URL that "host", "host:port" or a URL stands for; malloc'ed. */
char *discovery_url(const char *metaserver, bool *port_is_implied);

#endif
