#include "metaserver/metaserver.h"

#include "base/memory.h"
#include "base/status.h"
#include "metaserver/metaserver_internal.h"
#include "protocol/codes.h"

#include <string.h>

#define MAX_FRAME ((size_t)1024 * 1024) /* several times the longest request */
#define MAX_UNSENT ((size_t)1024 * 1024)
#define MAX_BODY ((size_t)64 * 1024)
#define FLUSH_ON_STOP_US ((int64_t)2 * 1000000)
#define DEFAULT_URL "jdbc:sqlite:data/meta.db"
/* Health: so many refresh periods without a good reading mean that the database is away. */
#define STALE_PERIODS 3

static const command_t commands[] = {{REQUEST_CLIENT_REGISTER, client_register_command},
                                     {REQUEST_BROKER_REGISTER, broker_register_command},
                                     {REQUEST_BROKER_ACQUIRE_META, broker_acquire_meta_command},
                                     {0, NULL}};

/* Each of these is a query; the others are answered from memory nearly always. */
#define ACQUIRE_META_WEIGHT 50

static uint32_t weigh(void *arg, const frame_t *request) {
    (void)arg;
    return request->code == REQUEST_BROKER_ACQUIRE_META ? ACQUIRE_META_WEIGHT : 1;
}

/* Opening, from the bottom up. */

static apr_status_t check_datasource(const config_t *config, qmq_error_t **error) {
    const char *telling = config_is_set(config, "jdbc.username") ? "jdbc.username" : "jdbc.driverClassName";
    if (config_string(config, "jdbc.url") != NULL || !config_is_set(config, telling)) return APR_SUCCESS;
    *error = error_create(QMQ_E_INVALID, "Set jdbc.url in conf/datasource.properties, or remove the file for the default " DEFAULT_URL,
                          "jdbc.url has no value, but %s is set (%s)", telling, config_origin(config, telling));
    return QMQ_E_INVALID;
}

static apr_status_t open_database(metaserver_t *m, const metaserver_options_t *o, qmq_error_t **error) {
    apr_status_t rv = check_datasource(o->config, error);
    if (rv != APR_SUCCESS) return rv;
    const char *url = config_string(o->config, "jdbc.url");
    database_options_t options = {.url = url == NULL ? DEFAULT_URL : url,
                                  .user = config_string(o->config, "jdbc.username"),
                                  .password = config_string(o->config, "jdbc.password"),
                                  .home = o->home,
                                  .pool_size = (int)config_int(o->config, "pool.size.max"),
                                  .log = m->log};
    rv = database_open(&m->database, &options, error);
    if (rv == APR_SUCCESS)
        m->client_rows = client_rows_create(m->database, m->log, (size_t)config_int(o->config, "client.rows.queue.max"),
                                            (int)config_int(o->config, "client.rows.keep.days"));
    return rv;
}

/* After each reading of the database: what is due now and then. */
static void round_done(void *arg) {
    metaserver_t *m = arg;
    side_file_check(m->token_file);
    side_file_check(m->log_switch_file);
    side_file_check(m->http_port_file);
    client_rows_retry(m->client_rows);
    liveness_retry(m->liveness);
    probes_t *probes = atomic_load(&m->probes);
    if (probes != NULL) probes_look(probes);
}

static apr_status_t open_loops(metaserver_t *m, const config_t *config, qmq_error_t **error) {
    apr_status_t rv = loops_start(&m->loops, "meta-io", (int)config_int(config, "io.loops"));
    if (rv != APR_SUCCESS) {
        *error = error_create(rv, "Raise the limits of threads and open files of this user", "cannot start the metaserver's threads");
        return rv;
    }
    int count = loops_count(m->loops);
    m->registrars = memory_zalloc((size_t)count * sizeof(registrar_t *));
    for (int i = 0; i < count; i++) m->registrars[i] = registrar_create(m, loops_at(m->loops, i));
    liveness_options_t o = {
        .database = m->database, .catalog = m->catalog, .loop = loops_at(m->loops, 0), .log = m->log, .metrics = m->metrics};
    m->liveness = liveness_create(&o);
    rv = broker_requests_create(&m->broker_requests, m->loops, m->log);
    if (rv != APR_SUCCESS) *error = error_create(rv, "Raise the memory limit of this user", "cannot make connections to brokers");
    return rv;
}

static apr_status_t open_refresh(metaserver_t *m, const config_t *config, qmq_error_t **error) {
    m->refresh_period_us = config_int(config, "refresh.period.seconds") * 1000000;
    refresh_options_t o = {.database = m->database,
                           .catalog = m->catalog,
                           .slaves = m->slaves,
                           .period_us = m->refresh_period_us,
                           .full_period_us = config_int(config, "refresh.full.period.seconds") * 1000000,
                           .round = round_done,
                           .arg = m,
                           .log = m->log,
                           .metrics = m->metrics};
    return refresh_start(&m->refresh, &o, error);
}

static double read_connections(void *arg) {
    const metaserver_t *m = arg;
    return net_server_connections(m->tcp);
}

static double read_waiting(void *arg) {
    metaserver_t *m = arg;
    return (double)atomic_load(&m->registers_waiting);
}

static apr_status_t open_tcp(metaserver_t *m, const config_t *config, qmq_error_t **error) {
    net_server_options_t o = {.name = "meta.server.port",
                              .address = config_string(config, "listen.address"),
                              .port = (int)config_int(config, "meta.server.port"),
                              .commands = commands,
                              .arg = m,
                              .closed = answers_closed,
                              .max_frame = MAX_FRAME,
                              .max_unsent = MAX_UNSENT,
                              .max_connections = (int)config_int(config, "connections.max"),
                              .max_requests = (int)config_int(config, "meta.server.requests.max"),
                              .weigh = weigh,
                              .log = m->log};
    apr_status_t rv = net_server_start(&m->tcp, m->loops, &o, error);
    metric_labels_t labels = {"name", view_of("meta"), NULL, {NULL, 0}};
    if (rv == APR_SUCCESS) metrics_gauge(m->metrics, "nettyProviderConnectionActiveCount", labels, read_connections, m);
    if (rv == APR_SUCCESS) metrics_gauge(m->metrics, "actorSystemQueue_qmq_meta", METRIC_NO_LABELS, read_waiting, m);
    return rv;
}

static apr_status_t open_http(metaserver_t *m, const config_t *config, qmq_error_t **error) {
    const http_route_t routes[] = {{"GET", "/meta/address", discovery_address, m},
                                   {"GET", "/health", discovery_health, m},
                                   {"POST", "/management", management_handle, m},
                                   {"GET", "/subject/consumers", consumers_handle, m},
                                   {"GET", "/onoffline", onoffline_handle, m},
                                   {"GET", "/slave/meta", discovery_slave, m},
                                   {NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "meta.server.discover.port",
                               .address = config_string(config, "listen.address"),
                               .port = (int)config_int(config, "meta.server.discover.port"),
                               .routes = routes,
                               .max_body = MAX_BODY,
                               .max_requests = (int)config_int(config, "meta.server.discover.requests.max"),
                               .log = m->log};
    apr_status_t rv = http_server_start(&m->http, &o, error);
    int port = (int)config_int(config, "meta.server.discover.tls.port");
    if (rv != APR_SUCCESS || port < 0) return rv;
    http_tls_t tls = {config_string(config, "meta.server.discover.tls.certificate"), config_string(config, "meta.server.discover.tls.key")};
    o.name = "meta.server.discover.tls.port";
    o.port = port;
    o.tls = &tls;
    return http_server_start(&m->https, &o, error);
}

static void free_parts(metaserver_t *m) {
    if (m->tcp != NULL) {
        metrics_remove_gauges(m->metrics, m);
        net_server_stop_accepting(m->tcp);
    }
    refresh_stop(m->refresh);
    database_close(m->database);                 /* every request that waits for it is answered first */
    broker_requests_destroy(m->broker_requests); /* likewise what waits for brokers */
    http_server_stop(m->http);
    http_server_stop(m->https);
    if (m->tcp != NULL) net_server_destroy(m->tcp, FLUSH_ON_STOP_US);
    int loops = m->loops == NULL ? 0 : loops_count(m->loops);
    if (m->loops != NULL) loops_stop(m->loops);
    for (int i = 0; i < loops; i++) registrar_destroy(m->registrars[i]);
    memory_free(m->registrars);
    refresh_destroy(m->refresh);
    probes_destroy(atomic_load(&m->probes));
    liveness_destroy(m->liveness);
    client_rows_destroy(m->client_rows);
    database_destroy(m->database);
    catalog_destroy(m->catalog);
    slaves_destroy(m->slaves);
    refusals_destroy(m->refusals);
    side_file_close(m->token_file);
    side_file_close(m->log_switch_file);
    side_file_close(m->http_port_file);
    memory_free(m->address);
    memory_free(m->internal_token);
    memory_free(m);
}

void metaserver_configure(metaserver_t *m, const config_t *config) {
    atomic_store(&m->wanted_groups, (size_t)config_int(config, "min.group.num"));
    atomic_store(&m->heartbeat_timeout_us, config_int(config, "heartbeat.timeout.ms") * 1000);
}

static void prepare(metaserver_t *m, const metaserver_options_t *o) {
    const char *token = config_string(o->config, "meta.server.internal.token");
    const char *balance = config_string(o->config, "meta.server.load.balance");
    m->log = o->log;
    m->metrics = o->metrics;
    m->address = memory_strdup(o->address);
    m->internal_token = token == NULL || *token == 0 ? NULL : memory_strdup(token);
    m->onoffline_needs_token = config_bool(o->config, "meta.server.onoffline.token");
    m->subjects_limit = (size_t)config_int(o->config, "subjects.max");
    m->register_limit = (size_t)config_int(o->config, "client.register.queue.max");
    m->handler_time = metrics_timer(m->metrics, "nettyRequestExecutorExecute", METRIC_NO_LABELS);
    m->token_file = side_file_open(o->conf, "valid-api-tokens.properties", m->log);
    m->log_switch_file = side_file_open(o->conf, "client_log_switch.properties", m->log);
    m->http_port_file = side_file_open(o->conf, "broker-http-port-map.properties", m->log);
    m->catalog = catalog_create();
    m->slaves = slaves_create();
    m->refusals = refusals_create();
    metaserver_configure(m, o->config);
    if (balance != NULL && strcmp(balance, "random") != 0)
        log_warn(m->log, "meta.server.load.balance=%s (%s) is not known, random is used", balance,
                 config_origin(o->config, "meta.server.load.balance"));
}

apr_status_t metaserver_open(metaserver_t **out, const metaserver_options_t *options, qmq_error_t **error) {
    metaserver_t *m = memory_zalloc(sizeof *m);
    prepare(m, options);
    apr_status_t rv = open_database(m, options, error);
    if (rv == APR_SUCCESS) rv = open_loops(m, options->config, error);
    if (rv == APR_SUCCESS) rv = open_refresh(m, options->config, error);
    if (rv == APR_SUCCESS) rv = open_tcp(m, options->config, error);
    if (rv == APR_SUCCESS) rv = open_http(m, options->config, error);
    if (rv != APR_SUCCESS) {
        metaserver_close(m);
        return rv;
    }
    log_info(m->log, "database %s, clients and brokers on port %d, discovery and management on port %d", database_name(m->database),
             metaserver_tcp_port(m), metaserver_http_port(m));
    *out = m;
    return APR_SUCCESS;
}

void metaserver_serve(metaserver_t *m) {
    if (atomic_load(&m->probes) == NULL)
        atomic_store(&m->probes, probes_create(m->catalog, m->liveness, m->broker_requests, &m->heartbeat_timeout_us));
    atomic_store(&m->serving, true);
}

static void stop_liveness(void *arg) {
    liveness_stop(arg);
}

void metaserver_close(metaserver_t *m) {
    atomic_store(&m->serving, false);
    if (m->liveness != NULL) loops_call(m->loops, 0, stop_liveness, m->liveness);
    free_parts(m);
}

int metaserver_tcp_port(const metaserver_t *m) {
    return net_server_port(m->tcp);
}

int metaserver_http_port(const metaserver_t *m) {
    return http_server_port(m->http);
}

int metaserver_https_port(const metaserver_t *m) {
    return m->https == NULL ? -1 : http_server_port(m->https);
}

void metaserver_tell_health(metaserver_t *m, json_t *to) {
    catalog_figures_t f;
    catalog_figures(m->catalog, &f);
    int64_t age_ms = refresh_age_ms(m->refresh);
    bool fresh = age_ms <= STALE_PERIODS * m->refresh_period_us / 1000;
    (void)json_object_set_new(to, "status", json_string(!atomic_load(&m->serving) ? "down" : fresh ? "up" : "readonly"));
    if (!fresh) (void)json_object_set_new(to, "reason", json_string("the database cannot be read"));
    (void)json_object_set_new(to, "database", json_string(database_name(m->database)));
    (void)json_object_set_new(to, "snapshot_age_ms", json_integer(age_ms));
    (void)json_object_set_new(to, "broker_groups", json_integer((json_int_t)f.groups));
    (void)json_object_set_new(to, "subjects", json_integer((json_int_t)f.routes));
    (void)json_object_set_new(to, "watched_groups", json_integer((json_int_t)liveness_watched(m->liveness)));
    (void)json_object_set_new(to, "waiting_registrations", json_integer((json_int_t)atomic_load(&m->registers_waiting)));
    (void)json_object_set_new(to, "waiting_client_rows", json_integer((json_int_t)client_rows_waiting(m->client_rows)));
    (void)json_object_set_new(to, "connections", json_integer(net_server_connections(m->tcp)));
}

/* As a server of the host. */

typedef struct hosted {
    metaserver_t *metaserver;
    instance_t *instance;
} hosted_t;

static apr_status_t hosted_start(instance_t *i, void **self, qmq_error_t **error) {
    config_t *config = config_current(instance_config(i));
    metaserver_options_t o = {.config = config,
                              .home = instance_home(i),
                              .conf = instance_conf(i),
                              .address = instance_address(i),
                              .log = instance_log(i),
                              .metrics = instance_metrics(i)};
    hosted_t *h = memory_zalloc(sizeof *h);
    h->instance = i;
    apr_status_t rv = metaserver_open(&h->metaserver, &o, error);
    config_release(config);
    if (rv != APR_SUCCESS) {
        memory_free(h);
        return rv;
    }
    instance_port(i, "meta.server.port", metaserver_tcp_port(h->metaserver));
    instance_port(i, "meta.server.discover.port", metaserver_http_port(h->metaserver));
    if (h->metaserver->https != NULL) instance_port(i, "meta.server.discover.tls.port", metaserver_https_port(h->metaserver));
    *self = h;
    return APR_SUCCESS;
}

static apr_status_t hosted_serve(void *self, qmq_error_t **error) {
    hosted_t *h = self;
    (void)error;
    metaserver_serve(h->metaserver);
    instance_state(h->instance, SERVER_SERVING, NULL);
    return APR_SUCCESS;
}

static void hosted_stop(void *self) {
    hosted_t *h = self;
    metaserver_close(h->metaserver);
    memory_free(h);
}

static void hosted_reload(void *self, const config_t *config) {
    metaserver_configure(((hosted_t *)self)->metaserver, config);
}

static void hosted_health(void *self, json_t *to) {
    metaserver_tell_health(((hosted_t *)self)->metaserver, to);
}

static const config_key_t *const tables[] = {metaserver_keys, NULL};
static const char *const mandatory[] = {"metaserver.properties", NULL};

const server_kind_t metaserver_kind = {.name = "metaserver",
                                       .title = "QMQ metaserver",
                                       .tables = tables,
                                       .mandatory = mandatory,
                                       .start = hosted_start,
                                       .serve = hosted_serve,
                                       .stop = hosted_stop,
                                       .reload = hosted_reload,
                                       .health = hosted_health};
