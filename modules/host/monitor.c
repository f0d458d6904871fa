#include "host/host_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "http/server.h"
#include "portability/clock.h"
#include "portability/executor.h"

#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

#define EXTRA_FILE "qmq.prometheus.properties" /* as the original's plug-in; the server's own file and --set win */
#define PUSH_PERIOD_US (60 * 1000000LL)
#define MONITOR_CONNECTIONS 100
#define MOST_NAMES 1000
#define TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

static const config_key_t extra_keys[] = {
    {EXTRA_FILE, "monitor.type", CONFIG_STRING, NULL, 0, 0, false, "prometheus, or graphite to push metrics every 60 s too."},
    {EXTRA_FILE, "monitor.action", CONFIG_STRING, NULL, 0, 0, false, "pull opens the metrics and health port."},
    {EXTRA_FILE, "monitor.port", CONFIG_INT, NULL, 0, 65535, false, "HTTP port of /metrics and /health."},
    {EXTRA_FILE, "graphite.host", CONFIG_STRING, NULL, 0, 0, false, "Host of the Graphite server."},
    {EXTRA_FILE, "graphite.port", CONFIG_INT, NULL, 1, 65535, false, "Port of the Graphite server."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL},
};

struct monitor {
    host_t *host;
    http_server_t *http;
    periodic_t *push;
    char *graphite_host;
    int graphite_port;
};

typedef struct settings {
    config_t *own;
    config_source_t *extra_source;
    config_t *extra;
} settings_t;

static const config_t *of(const settings_t *s, const char *key) {
    return !config_is_set(s->own, key) && config_is_set(s->extra, key) ? s->extra : s->own;
}

static bool settings_open(settings_t *s, host_t *h, qmq_error_t **error) {
    const config_key_t *const tables[] = {extra_keys, NULL};
    config_options_t o = {.directory = h->conf, .tables = tables, .path_base = h->home, .log = &h->root->log};
    *s = (settings_t){0};
    s->extra_source = config_open(&o, error);
    if (s->extra_source == NULL) return false;
    s->extra = config_current(s->extra_source);
    s->own = config_current(h->root->config);
    return true;
}

static void settings_close(settings_t *s) {
    config_release(s->own);
    config_release(s->extra);
    config_close(s->extra_source);
}

/* Labels tell the parts of a composite apart (decision 30); a single server has none. */
static metrics_part_t part_of(const host_t *h, const instance_t *i) {
    metrics_part_t part = {i->metrics, METRIC_NO_LABELS};
    if (h->root->next != NULL) part.extra = (metric_labels_t){"server", view_of(i->kind->name), "instance", view_of(i->log.name)};
    return part;
}

char *monitor_export(host_t *h, const char *const *names) {
    mutex_lock(&h->scrape_lock);
    size_t count = 0;
    for (const instance_t *i = h->root; i != NULL; i = i->next) count++;
    metrics_part_t *parts = memory_zalloc(count * sizeof *parts);
    count = 0;
    for (const instance_t *i = h->root; i != NULL; i = i->next) parts[count++] = part_of(h, i);
    char *page = metrics_export_parts(parts, count, names);
    memory_free(parts);
    mutex_unlock(&h->scrape_lock);
    return page;
}

/* True when a server of the host took the request. */
static bool servers_take(host_t *h, http_request_t *r) {
    bool taken = false;
    mutex_lock(&h->scrape_lock);
    for (const instance_t *i = h->root; i != NULL && !taken; i = i->next) {
        if (i->self != NULL && i->kind->http != NULL) taken = i->kind->http(i->self, r);
    }
    mutex_unlock(&h->scrape_lock);
    return taken;
}

static void answer_metrics(void *arg, http_request_t *r) {
    monitor_t *m = arg;
    if (servers_take(m->host, r)) return;
    const char *names[MOST_NAMES + 1] = {NULL};
    int count = 0;
    while (count < MOST_NAMES && (names[count] = http_request_parameter_at(r, "name[]", count)) != NULL) count++;
    names[count] = NULL;
    char *page = monitor_export(m->host, count == 0 ? NULL : names);
    static const char no_memory[] = "no memory for the metrics\n";
    if (page == NULL)
        http_respond(r, 500, "text/plain", no_memory, sizeof no_memory - 1);
    else
        http_respond(r, 200, TEXT_TYPE, page, strlen(page));
    memory_free(page);
}

/* What the host knows; what the kind adds; and what follows from both. */
static json_t *health(host_t *h) {
    mutex_lock(&h->scrape_lock);
    mutex_lock(&h->lock);
    const char *detail = NULL;
    server_state_t state = host_state(h, &detail);
    json_t *to = json_object();
    (void)json_object_set_new(to, "status", json_string(state == SERVER_SERVING ? "up" : state == SERVER_READONLY ? "readonly" : "down"));
    (void)json_object_set_new(to, "server", json_string(h->kind->name));
    (void)json_object_set_new(to, "version", json_string(QMQ_VERSION));
    (void)json_object_set_new(to, "state", json_string(state_name(state)));
    (void)json_object_set_new(to, "uptime", json_integer((clock_mono_us() - h->started_us) / 1000000));
    if (*detail != 0) (void)json_object_set_new(to, "detail", json_string(detail));
    mutex_unlock(&h->lock);
    if (h->root->self != NULL && h->kind->health != NULL) h->kind->health(h->root->self, to);
    mutex_unlock(&h->scrape_lock);
    if (state != SERVER_SERVING && state != SERVER_READONLY) (void)json_object_set_new(to, "status", json_string("down"));
    return to;
}

static void answer_health(void *arg, http_request_t *r) {
    monitor_t *m = arg;
    json_t *to = health(m->host);
    const char *status = json_string_value(json_object_get(to, "status"));
    int code = status != NULL && strcmp(status, "down") == 0 ? 503 : 200;
    char *text = json_dumps(to, JSON_COMPACT);
    char *line = memory_printf("%s\n", text == NULL ? "{}" : text);
    http_respond(r, code, "application/json", line, strlen(line));
    memory_free(line);
    free(text);
    json_decref(to);
}

static apr_status_t listen_on(monitor_t *m, const char *address, int port, qmq_error_t **error) {
    const http_route_t routes[] = {{NULL, "/health", answer_health, m}, {NULL, "*", answer_metrics, m}, {NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "monitor.port",
                               .address = address,
                               .port = port,
                               .routes = routes,
                               .max_connections = MONITOR_CONNECTIONS,
                               .log = &m->host->root->log};
    return http_server_start(&m->http, &o, error);
}

/* A port that nobody asked for is not worth a failed start (decision 20). */
static apr_status_t open_http(monitor_t *m, const settings_t *s, qmq_error_t **error) {
    const config_t *from = of(s, "monitor.port");
    const char *address = config_string(s->own, "listen.address");
    apr_status_t status = listen_on(m, address, (int)config_int(from, "monitor.port"), error);
    if (status != APR_SUCCESS && !config_is_set(from, "monitor.port")) {
        qmq_error_t *taken = *error;
        *error = NULL;
        status = listen_on(m, address, 0, error);
        if (status == APR_SUCCESS) {
            log_warn(&m->host->root->log, "%s; port %d is used instead. %s", qmq_error_message(taken), http_server_port(m->http),
                     qmq_error_remedy(taken));
        }
        qmq_error_free(taken);
    }
    if (status == APR_SUCCESS) instance_port(m->host->root, "monitor.port", http_server_port(m->http));
    return status;
}

static void push(void *arg) {
    monitor_t *m = arg;
    char *page = monitor_export(m->host, NULL);
    if (page != NULL) (void)graphite_push(&m->host->root->log, m->graphite_host, m->graphite_port, page);
    memory_free(page);
}

static apr_status_t open_graphite(monitor_t *m, const settings_t *s, qmq_error_t **error) {
    m->graphite_host = memory_strdup(config_string(of(s, "graphite.host"), "graphite.host"));
    m->graphite_port = (int)config_int(of(s, "graphite.port"), "graphite.port");
    apr_status_t status = apr_initialize();
    if (status == APR_SUCCESS) status = periodic_start(&m->push, "graphite", PUSH_PERIOD_US, push, m);
    if (status != APR_SUCCESS)
        *error = error_create(status, "Raise the limit of threads of this user", "cannot start the thread that pushes to Graphite");
    return status;
}

static bool is_set(const settings_t *s, const char *key) {
    return config_is_set(of(s, key), key);
}

static qmq_error_t *check_type(const settings_t *s, bool *graphite) {
    const config_t *from = of(s, "monitor.type");
    const char *type = config_string(from, "monitor.type");
    *graphite = strcmp(type, "graphite") == 0;
    if (!*graphite && strcmp(type, "prometheus") != 0) {
        return error_create(QMQ_E_INVALID, "Set it to prometheus or graphite, or leave it out", "monitor.type=%s (%s) is not known", type,
                            config_origin(from, "monitor.type"));
    }
    if (!*graphite || (is_set(s, "graphite.host") && is_set(s, "graphite.port"))) return NULL;
    return error_create(QMQ_E_INVALID, "Set graphite.host and graphite.port, or leave monitor.type out",
                        "monitor.type=graphite (%s) needs graphite.host and graphite.port", config_origin(from, "monitor.type"));
}

qmq_error_t *monitor_check(host_t *h) {
    settings_t s;
    qmq_error_t *error = NULL;
    bool graphite;
    if (!settings_open(&s, h, &error)) return error;
    error = check_type(&s, &graphite);
    settings_close(&s);
    return error;
}

apr_status_t monitor_start(host_t *h, monitor_t **out, qmq_error_t **error) {
    settings_t s;
    *out = NULL;
    *error = NULL;
    if (!settings_open(&s, h, error)) return (apr_status_t)qmq_error_status(*error);
    monitor_t *m = memory_zalloc(sizeof *m);
    m->host = h;
    bool graphite = false;
    *error = check_type(&s, &graphite);
    apr_status_t status = *error == NULL ? APR_SUCCESS : (apr_status_t)qmq_error_status(*error);
    bool pull = strcmp(config_string(of(&s, "monitor.action"), "monitor.action"), "pull") == 0;
    if (status == APR_SUCCESS && pull) status = open_http(m, &s, error);
    if (status == APR_SUCCESS && graphite) status = open_graphite(m, &s, error);
    settings_close(&s);
    if (status == APR_SUCCESS) {
        *out = m;
    } else {
        monitor_stop(m);
    }
    return status;
}

void monitor_stop(monitor_t *m) {
    if (m == NULL) return;
    periodic_stop(m->push);
    http_server_stop(m->http);
    memory_free(m->graphite_host);
    memory_free(m);
}
