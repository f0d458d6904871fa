#include "broker/broker.h"

#include "base/memory.h"
#include "base/status.h"
#include "broker/dead_consumers.h"
#include "broker/gauges.h"
#include "broker/look.h"
#include "broker/peer.h"
#include "broker/registration.h"
#include "broker/sub_env.h"
#include "broker/traffic.h"

#include <stdio.h>

#define MAX_REQUEST_FRAME (256 * 1024 * 1024)
#define MAX_SYNC_FRAME (16 * 1024 * 1024)
#define MAX_UNSENT (8 * 1024 * 1024)

static const command_t sync_commands[] = {{0, NULL}};

static void broker_writable(void *arg, bool writable, const char *reason) {
    broker_t *b = arg;
    registration_t *r = atomic_load(&b->registration);
    if (r != NULL) registration_set_readonly(r, !writable);
    if (!atomic_load(&b->read_only)) instance_state(b->instance, writable ? SERVER_SERVING : SERVER_READONLY, reason);
}

static void broker_progress(void *arg, int percent, const char *what) {
    broker_t *b = arg;
    char text[128];
    (void)snprintf(text, sizeof text, "%s %d%%", what, percent);
    instance_state(b->instance, SERVER_RECOVERING, text);
}

static store_retention_t retention_of(const config_t *config) {
    return (store_retention_t){.delete_expired = config_bool(config, "log.expired.delete.enable"),
                               .message_ms = config_int(config, "messagelog.retention.hours") * 3600000,
                               .action_ms = config_int(config, "pulllog.retention.hours") * 3600000,
                               .hold = config_bool(config, "messagelog.retention.hold"),
                               .hold_max_bytes = config_int(config, "messagelog.retention.hold.max.bytes"),
                               .check_period_us = config_int(config, "log.retention.check.interval.seconds") * 1000000};
}

static apr_status_t open_store(broker_t *b, const config_t *config, qmq_error_t **error) {
    int64_t scrub = config_int(config, "store.scrub.bytes.per.second");
    store_options_t o = {.root = config_string(config, "store.root"),
                         .hot_window = config_int(config, "store.hot.bytes"),
                         .loops_read_no_files = !config_bool(config, "store.cached.reads"),
                         .min_free_bytes = config_int(config, "store.min.free.bytes"),
                         .index_v2 = config_bool(config, "consumerlog.v2.enable"),
                         .checkpoint_records = config_int(config, "message.checkpoint.interval"),
                         .snapshots_kept = (int)config_int(config, "checkpoint.retain.count"),
                         .max_open_files = (int)config_int(config, "store.max.open.files"),
                         .min_free_percent = config_int(config, "store.min.free.percent"),
                         .repair = config_bool(config, "store.repair"),
                         .retention = retention_of(config),
                         .scrub_bytes_per_second = scrub == 0 ? -1 : scrub,
                         .scrub_pause_us = config_int(config, "store.scrub.pause.seconds") * 1000000,
                         .log = b->log,
                         .metrics = b->metrics,
                         .writable = broker_writable,
                         .progress = broker_progress,
                         .arg = b};
    return store_open(&b->store, &o, error);
}

static apr_status_t open_port(broker_t *b, const config_t *config, const char *key, const command_t *commands, size_t max_frame,
                              net_server_t **server, qmq_error_t **error) {
    net_server_options_t o = {.name = key,
                              .address = config_string(config, "listen.address"),
                              .port = (int)config_int(config, key),
                              .commands = commands,
                              .arg = b,
                              .opened = peer_opened,
                              .closed = peer_closed,
                              .max_frame = max_frame,
                              .max_unsent = MAX_UNSENT,
                              .max_connections = (int)config_int(config, "connections.max"),
                              .log = b->log};
    apr_status_t rv = net_server_start(server, b->loops, &o, error);
    if (rv == APR_SUCCESS) instance_port(b->instance, key, net_server_port(*server));
    return rv;
}

static apr_status_t check_ports(const config_t *config, qmq_error_t **error) {
    int64_t port = config_int(config, "broker.port");
    if (port == 0 || port != config_int(config, "sync.port")) return APR_SUCCESS;
    *error = error_create(QMQ_E_INVALID, "Give each its own port; the usual ones are 20881 and 20882",
                          "broker.port (%s) and sync.port (%s) are both %lld", config_origin(config, "broker.port"),
                          config_origin(config, "sync.port"), (long long)port);
    return QMQ_E_INVALID;
}

static apr_status_t check_config(const config_t *config, qmq_error_t **error) {
    if (config_string(config, "meta.server.endpoint") == NULL && config_string(config, "meta.server.address") == NULL) {
        *error = error_create(QMQ_E_INVALID,
                              "Set meta.server.endpoint in conf/broker.properties, for example http://127.0.0.1:8080/meta/address",
                              "meta.server.endpoint has no value");
        return QMQ_E_INVALID;
    }
    if (config_string(config, "broker.group") != NULL && config_string(config, "broker.token") == NULL) {
        *error = error_create(QMQ_E_INVALID,
                              "Set broker.token to a token of the metaserver's conf/valid-api-tokens.properties, or unset broker.group and "
                              "run tools AddBroker",
                              "broker.group is set (%s) but broker.token is not", config_origin(config, "broker.group"));
        return QMQ_E_INVALID;
    }
    return check_ports(config, error);
}

static apr_status_t open_rules(broker_t *b, const config_t *config, qmq_error_t **error) {
    if (!config_bool(config, "sub_env_isolation_filter.enable")) return APR_SUCCESS;
    const char *url = config_string(config, "sub_env_isolation_filter.rules_url");
    if (url == NULL) {
        *error = error_create(QMQ_E_INVALID, "Set sub_env_isolation_filter.rules_url, or sub_env_isolation_filter.enable=false",
                              "sub_env_isolation_filter.enable is true (%s) and there is no address of the rules",
                              config_origin(config, "sub_env_isolation_filter.enable"));
        return QMQ_E_INVALID;
    }
    apr_status_t rv = sub_env_start(&b->sub_env, b->log, url);
    if (rv != APR_SUCCESS) *error = error_create(rv, "Raise the limit of threads of this user", "cannot start the thread of the rules");
    return rv;
}

static int port_of(const net_server_t *server, const config_t *config, const char *key) {
    return server != NULL ? net_server_port(server) : (int)config_int(config, key);
}

static apr_status_t open_ports(broker_t *b, const config_t *config, qmq_error_t **error) {
    apr_status_t rv = open_port(b, config, "sync.port", sync_commands, MAX_SYNC_FRAME, &b->sync_port, error);
    return rv == APR_SUCCESS ? open_port(b, config, "broker.port", broker_client_commands, MAX_REQUEST_FRAME, &b->client_port, error) : rv;
}

static apr_status_t open_registration(broker_t *b, const config_t *config, qmq_error_t **error) {
    const char *ip = config_string(config, "broker.ip");
    registration_options_t o = {.endpoint = config_string(config, "meta.server.endpoint"),
                                .endpoint_origin = config_origin(config, "meta.server.endpoint"),
                                .direct = config_string(config, "meta.server.address"),
                                .host_name = instance_host_name(b->instance),
                                .host_name_origin = instance_host_name_origin(b->instance),
                                .address = ip != NULL ? ip : instance_address(b->instance),
                                .port = port_of(b->client_port, config, "broker.port"),
                                .port_origin = config_origin(config, "broker.port"),
                                .sync_port = port_of(b->sync_port, config, "sync.port"),
                                .sync_port_origin = config_origin(config, "sync.port"),
                                .group = config_string(config, "broker.group"),
                                .role = config_string(config, "broker.role"),
                                .token = config_string(config, "broker.token"),
                                .log = b->log};
    registration_t *r = NULL;
    apr_status_t rv = registration_start(&r, &o, error);
    atomic_store(&b->registration, r);
    return rv;
}

static apr_status_t watch_consumers(broker_t *b, const config_t *config, qmq_error_t **error) {
    dead_consumers_options_t o = {.first_us = config_int(config, "consumer.check.first.seconds") * 1000000,
                                  .pause_us = config_int(config, "consumer.check.pause.seconds") * 1000000,
                                  .offline_us = config_int(config, "consumer.offline.seconds") * 1000000,
                                  .forever_us = config_int(config, "consumer.forever.seconds") * 1000000};
    apr_status_t rv = dead_consumers_start(&b->dead_consumers, b, &o);
    if (rv != APR_SUCCESS) *error = error_create(rv, "Raise the limit of threads of this user", "cannot start the check of consumers");
    return rv;
}

static apr_status_t open_look(broker_t *b, const config_t *config, qmq_error_t **error) {
    char *path = memory_printf("%s/valid-api-tokens.properties", instance_conf(b->instance));
    look_t *look = NULL;
    apr_status_t rv = look_start(&look, b, (int)config_int(config, "query.max.threads"), config_string(config, "look.token"), path);
    memory_free(path);
    atomic_store(&b->look, look);
    if (rv != APR_SUCCESS) *error = error_create(rv, "Raise the limit of threads of this user", "cannot start the threads of queries");
    return rv;
}

static void broker_free(broker_t *b);

/* Ports open only once the metaserver has said who this broker is (broker.md 2.5), unless they are to be any free ones: then the number
 * must be known to ask. */
static apr_status_t broker_open(broker_t *b, const config_t *config, qmq_error_t **error) {
    bool any_port = config_int(config, "broker.port") == 0 || config_int(config, "sync.port") == 0;
    apr_status_t rv = check_config(config, error);
    if (rv == APR_SUCCESS) rv = traffic_open(b, (int)config_int(config, "io.loops"), error);
    if (rv == APR_SUCCESS) rv = open_store(b, config, error);
    if (rv == APR_SUCCESS) rv = open_rules(b, config, error);
    if (rv == APR_SUCCESS && any_port) rv = open_ports(b, config, error);
    if (rv == APR_SUCCESS) rv = open_registration(b, config, error);
    if (rv == APR_SUCCESS && !any_port) rv = open_ports(b, config, error);
    if (rv == APR_SUCCESS) rv = watch_consumers(b, config, error);
    if (rv == APR_SUCCESS) rv = open_look(b, config, error);
    if (rv == APR_SUCCESS) gauges_add(b);
    return rv;
}

static apr_status_t broker_start(instance_t *i, void **self, qmq_error_t **error) {
    broker_t *b = memory_zalloc(sizeof *b);
    b->instance = i;
    b->log = instance_log(i);
    b->metrics = instance_metrics(i);
    b->invalid_messages = metrics_counter(b->metrics, "brokerReceivedInvalidMessage", METRIC_NO_LABELS);
    slave_wait_init(&b->slave_wait);
    b->request_time = metrics_timer(b->metrics, "nettyRequestExecutorExecute", METRIC_NO_LABELS);
    atomic_store(&b->read_only, true);
    config_t *config = config_current(instance_config(i));
    broker_settings_t *settings = broker_settings_read(config, error);
    atomic_store(&b->settings, settings);
    broker_settings_warn(config, b->log);
    apr_status_t rv = settings == NULL ? QMQ_E_INVALID : broker_open(b, config, error);
    config_release(config);
    if (rv != APR_SUCCESS) {
        broker_free(b);
        return rv;
    }
    *self = b;
    return APR_SUCCESS;
}

static void broker_online(void *arg) {
    broker_t *b = arg;
    if (atomic_load(&b->stopping)) return;
    atomic_store(&b->read_only, false);
    const char *reason = NULL;
    bool writable = store_is_writable(b->store, &reason);
    if (!writable) registration_set_readonly(b->registration, true);
    instance_state(b->instance, writable ? SERVER_SERVING : SERVER_READONLY, reason);
    log_info(b->log, "on line: group %s, clients on port %d", registration_group(b->registration), net_server_port(b->client_port));
}

static apr_status_t broker_serve(void *self, qmq_error_t **error) {
    broker_t *b = self;
    (void)error;
    registration_go_online(b->registration, broker_online, b);
    return APR_SUCCESS;
}

static void broker_free(broker_t *b) {
    atomic_store(&b->stopping, true);
    registration_stop(b->registration);
    gauges_remove(b);
    dead_consumers_stop(b->dead_consumers);
    look_stop(atomic_load(&b->look));
    traffic_close(b);
    gauges_remove(b); /* of groups that came meanwhile */
    sub_env_stop(b->sub_env);
    if (b->store != NULL) {
        group_free_all(b);
        waiters_free_all(b);
        store_close(b->store);
    }
    registration_free(b->registration);
    broker_settings_t *s = atomic_load(&b->settings);
    while (s != NULL) {
        broker_settings_t *older = s->older;
        broker_settings_free(s);
        s = older;
    }
    memory_free(b);
}

static void broker_stop(void *self) {
    broker_t *b = self;
    atomic_store(&b->read_only, true);
    atomic_store(&b->stopping, true);
    broker_free(b);
}

static void broker_reload(void *self, const config_t *config) {
    broker_t *b = self;
    qmq_error_t *error = NULL;
    broker_settings_t *s = broker_settings_read(config, &error);
    if (s == NULL) {
        log_problem(b->log, LOG_LEVEL_ERROR, error);
        qmq_error_free(error);
        return;
    }
    store_retention_t retention = retention_of(config);
    store_set_retention(b->store, &retention);
    store_set_checkpoints(b->store, config_int(config, "message.checkpoint.interval"), (int)config_int(config, "checkpoint.retain.count"));
    broker_settings_warn(config, b->log);
    s->older = atomic_load(&b->settings);
    atomic_store_explicit(&b->settings, s, memory_order_release);
    if (!s->wait_slave_wrote) slave_wait_release(&b->slave_wait);
}

static void broker_health(void *self, json_t *to) {
    broker_t *b = self;
    const char *reason = NULL;
    bool writable = store_is_writable(b->store, &reason);
    bool online = !atomic_load(&b->read_only);
    store_figures_t f;
    store_figures(b->store, &f);
    (void)json_object_set_new(to, "status", json_string(!online ? "down" : writable ? "up" : "readonly"));
    if (!writable && reason != NULL) (void)json_object_set_new(to, "reason", json_string(reason));
    (void)json_object_set_new(to, "role", json_string("MASTER"));
    (void)json_object_set_new(to, "message_log_end", json_integer(f.message_end));
    (void)json_object_set_new(to, "message_log_synced", json_integer(f.message_synced));
    (void)json_object_set_new(to, "action_log_end", json_integer(f.action_end));
    (void)json_object_set_new(to, "subjects", json_integer(f.subjects));
    (void)json_object_set_new(to, "groups", json_integer(f.groups));
    (void)json_object_set_new(to, "connections", json_integer(net_server_connections(b->client_port)));
    (void)json_object_set_new(to, "parked_pulls", json_integer(atomic_load(&b->parked_pulls)));
    (void)json_object_set_new(to, "durability", durability_json(&broker_settings(b)->durability));
    (void)json_object_set_new(to, "damaged_records", json_integer(f.damaged_records));
    if (f.damaged_records > 0) (void)json_object_set_new(to, "first_damaged", json_string(f.first_damage));
    (void)json_object_set_new(to, "taken_over_bad_crc", json_integer(f.taken_over_records));
    (void)json_object_set_new(to, "disk_available", json_integer(f.disk_available));
    (void)json_object_set_new(to, "disk_min_free", json_integer(f.disk_min_free));
    if (f.disk_full_in_seconds >= 0) (void)json_object_set_new(to, "disk_full_in_seconds", json_integer(f.disk_full_in_seconds));
}

static bool broker_http(void *self, http_request_t *r) {
    broker_t *b = self;
    look_t *look = atomic_load(&b->look);
    return look != NULL && !atomic_load(&b->stopping) && look_takes(look, r);
}

static const config_key_t *const broker_tables[] = {broker_keys, NULL};
static const char *const broker_mandatory[] = {"broker.properties", NULL};

const server_kind_t broker_kind = {.name = "broker",
                                   .title = "QMQ broker",
                                   .tables = broker_tables,
                                   .mandatory = broker_mandatory,
                                   .start = broker_start,
                                   .serve = broker_serve,
                                   .stop = broker_stop,
                                   .reload = broker_reload,
                                   .health = broker_health,
                                   .http = broker_http};
