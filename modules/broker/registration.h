/* The broker and its metaserver (broker.md 2.2-2.4): finds it over HTTP, learns who it is, says ONLINE, HEARTBEAT every 10 s, OFFLINE. */
#ifndef QMQ_BROKER_REGISTRATION_H
#define QMQ_BROKER_REGISTRATION_H

#include "base/error.h"
#include "broker/broker_internal.h"

typedef struct registration_options {
    const char *endpoint; /* meta.server.endpoint: URL of /meta/address; NULL with direct */
    const char *endpoint_origin;
    const char *direct;     /* meta.server.address: host:port of the TCP port, no discovery; NULL: ask the endpoint */
    const char *management; /* base URL for self-registration; NULL: derived from the endpoint */
    const char *host_name;  /* key in the metaserver's table */
    const char *host_name_origin;
    const char *address; /* ip told to clients */
    int port;            /* serving port */
    const char *port_origin;
    int sync_port;
    const char *sync_port_origin;
    const char *group; /* broker.group: register oneself under it; NULL: the operator ran AddBroker */
    const char *role;  /* broker.role with group */
    const char *token; /* broker.token with group */
    const log_t *log;
} registration_options_t;

/* Self-registers when asked to, acquires meta, sends the first heartbeat (NRW). Blocks. On failure *error tells which mistake it is. */
apr_status_t registration_start(registration_t **out, const registration_options_t *options, qmq_error_t **error);
const char *registration_group(const registration_t *r);
/* Says ONLINE, again and again until a metaserver took it; online(arg) once it did (any thread). Returns at once. */
void registration_go_online(registration_t *r, void (*online)(void *arg), void *arg);
/* RW -> R or back; reported at once. Any thread. */
void registration_set_readonly(registration_t *r, bool readonly);
/* OFFLINE three times, stops the heartbeat; NULL is allowed. */
void registration_stop(registration_t *r);
/* After registration_stop, when nobody can report a state any more; NULL is allowed. */
void registration_free(registration_t *r);
int registration_state(const registration_t *r); /* enum broker_state */

#endif
