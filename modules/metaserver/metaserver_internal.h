/* The metaserver as its own files and its tests see it: independent of the host, so that a test starts one in its own process. */
#ifndef QMQ_METASERVER_INTERNAL_H
#define QMQ_METASERVER_INTERNAL_H

#include "base/config.h"
#include "base/metrics.h"
#include "http/server.h"
#include "metaserver/answers.h"
#include "metaserver/broker_requests.h"
#include "metaserver/catalog.h"
#include "metaserver/client_rows.h"
#include "metaserver/database.h"
#include "metaserver/liveness.h"
#include "metaserver/probes.h"
#include "metaserver/refresh.h"
#include "metaserver/refusals.h"
#include "metaserver/side_file.h"
#include "metaserver/slaves.h"
#include "net/server.h"

#include <jansson.h>

typedef struct metaserver metaserver_t;
typedef struct registrar registrar_t;

typedef struct metaserver_options {
    const config_t *config; /* has the keys of metaserver_keys and listen.address; needed during open only */
    const char *home;
    const char *conf;
    const char *address; /* told to clients by /meta/address */
    const log_t *log;
    metrics_t *metrics;
} metaserver_options_t;

struct metaserver {
    const log_t *log;
    metrics_t *metrics;
    char *address;
    char *internal_token; /* NULL: none */
    bool onoffline_needs_token;
    size_t register_limit;
    size_t subjects_limit;
    int64_t refresh_period_us;
    _Atomic int64_t heartbeat_timeout_us;
    _Atomic size_t wanted_groups; /* min.group.num */
    _Atomic bool serving;
    _Atomic size_t registers_waiting;

    side_file_t *token_file;
    side_file_t *log_switch_file;
    side_file_t *http_port_file;
    slaves_t *slaves;
    database_t *database;
    catalog_t *catalog;
    refresh_t *refresh;
    _Atomic(probes_t *) probes; /* NULL: not serving yet */
    client_rows_t *client_rows;
    loops_t *loops;
    liveness_t *liveness;
    registrar_t **registrars; /* one a loop, same index */
    broker_requests_t *broker_requests;
    refusals_t *refusals; /* of BROKER_ACQUIRE_META */
    net_server_t *tcp;
    http_server_t *http;
    http_server_t *https; /* NULL: not wanted */

    metric_t *handler_time;
    log_limit_t acquire_limit;
    log_limit_t overflow_limit;
    log_limit_t refused_limit;
    log_limit_t subjects_limit_told;
};

/* Opens database and ports, loads the snapshot. /meta/address answers 503 until metaserver_serve. On failure nothing stays open. */
apr_status_t metaserver_open(metaserver_t **out, const metaserver_options_t *options, qmq_error_t **error);
void metaserver_serve(metaserver_t *m);
void metaserver_close(metaserver_t *m);
/* Takes the values of hot keys over. */
void metaserver_configure(metaserver_t *m, const config_t *config);
void metaserver_tell_health(metaserver_t *m, json_t *to);
int metaserver_tcp_port(const metaserver_t *m);
int metaserver_http_port(const metaserver_t *m);
int metaserver_https_port(const metaserver_t *m); /* -1: there is none */

/* CLIENT_REGISTER; one registrar a loop. */
registrar_t *registrar_create(metaserver_t *m, loop_t *loop);
void registrar_destroy(registrar_t *r); /* when its loop has ended */
void client_register_command(void *arg, connection_t *c, const frame_t *request, block_t *block);

void broker_register_command(void *arg, connection_t *c, const frame_t *request, block_t *block);
void broker_acquire_meta_command(void *arg, connection_t *c, const frame_t *request, block_t *block);

/* HTTP; arg is the metaserver. */
void discovery_address(void *arg, http_request_t *r);
void discovery_slave(void *arg, http_request_t *r);
void discovery_health(void *arg, http_request_t *r);
void management_handle(void *arg, http_request_t *r);
void consumers_handle(void *arg, http_request_t *r);
void onoffline_handle(void *arg, http_request_t *r);

#endif
