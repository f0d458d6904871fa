#include "host/host_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/control.h"
#include "portability/host.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 256
#define LOOPBACK "127.0.0.1"
#define ANY_ADDRESS "0.0.0.0"

static const char *environment(const char *name) {
    const char *value = process_environment(name);
    return value == NULL || *value == 0 ? NULL : value;
}

static const char *given_ip(const host_t *h, const char **origin) {
    *origin = "--ip";
    if (h->arguments->ip != NULL) return h->arguments->ip;
    *origin = "QMQ_IP";
    return environment("QMQ_IP");
}

static bool find_address(instance_t *i, qmq_error_t **error) {
    const char *origin = NULL;
    const char *ip = given_ip(i->host, &origin);
    config_t *config = config_current(i->config);
    const char *bound = config_string(config, "listen.address");
    if (ip != NULL && !keys_is_ipv4(ip)) {
        *error = error_create(QMQ_E_INVALID, "Give the IPv4 address peers reach this machine at", "%s %s is no IPv4 address", origin, ip);
    } else if (!keys_is_ipv4(bound)) {
        *error = error_create(QMQ_E_INVALID, "Give one IPv4 address of this machine, or 0.0.0.0 for all",
                              "listen.address=%s (%s) is no IPv4 address", bound, config_origin(config, "listen.address"));
    } else if (ip != NULL) {
        i->address = memory_strdup(ip);
    } else if (strcmp(bound, ANY_ADDRESS) != 0) {
        i->address = memory_strdup(bound);
    } else {
        char found[64];
        apr_status_t status = host_address(found, sizeof found);
        if (status != APR_SUCCESS) {
            log_warn(&i->log, "this machine has no network address, peers are told %s. Give the address with --ip", LOOPBACK);
            memcpy(found, LOOPBACK, sizeof LOOPBACK);
        }
        i->address = memory_strdup(found);
    }
    config_release(config);
    return *error == NULL;
}

static void find_host_name(instance_t *i) {
    char found[NAME_SIZE];
    const char *name = i->host->arguments->host_name;
    i->host_name_origin = "--host";
    if (name == NULL) {
        name = environment("QMQ_HOST");
        i->host_name_origin = "QMQ_HOST";
    }
    if (name == NULL) name = given_ip(i->host, &i->host_name_origin);
    if (name == NULL) {
        i->host_name_origin = "the command hostname";
        name = host_name(found, sizeof found) == APR_SUCCESS && found[0] != 0 ? found : i->address;
    }
    i->host_name = memory_strdup(name);
}

static bool open_config(instance_t *i, const char *const *overrides, qmq_error_t **error) {
    keys_gather(i->kind, &i->common, &i->tables);
    config_options_t o = {.directory = i->host->conf,
                          .tables = i->tables,
                          .mandatory = i->parent == NULL ? i->kind->mandatory : NULL, /* a part lives on what its parent tells it */
                          .overrides = overrides,
                          .path_base = i->host->home,
                          .log = &i->log};
    i->config = config_open(&o, error);
    return i->config != NULL;
}

apr_status_t instance_create(host_t *h, instance_t *parent, const server_kind_t *kind, const char *const *overrides, instance_t **out,
                             qmq_error_t **error) {
    instance_t *i = memory_zalloc(sizeof *i);
    i->host = h;
    i->parent = parent;
    i->kind = kind;
    char *name = parent == NULL ? memory_strdup(kind->name) : memory_printf("%s/%s", parent->log.name, kind->name);
    log_init(&i->log, name);
    memory_free(name);
    i->metrics = metrics_create();
    *error = NULL;
    if (open_config(i, overrides, error) && find_address(i, error)) {
        find_host_name(i);
        *out = i;
        return APR_SUCCESS;
    }
    instance_destroy(i);
    return (apr_status_t)qmq_error_status(*error);
}

void instance_destroy(instance_t *i) {
    if (i == NULL) return;
    config_close(i->config);
    memory_free(i->tables);
    memory_free(i->common);
    metrics_destroy(i->metrics);
    memory_free(i->address);
    memory_free(i->host_name);
    memory_free(i->ports);
    memory_free(i->detail);
    memory_free(i);
}

bool instance_reload(instance_t *i, bool force) {
    if (!config_reload(i->config, force)) return false;
    if (i->kind->reload != NULL) {
        config_t *config = config_current(i->config);
        i->kind->reload(i->self, config);
        config_release(config);
    }
    return true;
}

config_source_t *instance_config(instance_t *i) {
    return i->config;
}

const log_t *instance_log(instance_t *i) {
    return &i->log;
}

metrics_t *instance_metrics(instance_t *i) {
    return i->metrics;
}

const char *instance_home(const instance_t *i) {
    return i->host->home;
}

const char *instance_conf(const instance_t *i) {
    return i->host->conf;
}

const char *instance_address(const instance_t *i) {
    return i->address;
}

const char *instance_host_name(const instance_t *i) {
    return i->host_name;
}

const char *instance_host_name_origin(const instance_t *i) {
    return i->host_name_origin;
}

static told_port_t *find_port(const instance_t *i, const char *key) {
    for (size_t p = 0; p < i->port_count; p++) {
        if (strcmp(i->ports[p].key, key) == 0) return &i->ports[p];
    }
    return NULL;
}

void instance_port(instance_t *i, const char *key, int port) {
    host_t *h = i->host;
    mutex_lock(&h->lock);
    told_port_t *told = find_port(i, key);
    if (told == NULL) {
        i->ports = memory_realloc(i->ports, (i->port_count + 1) * sizeof *i->ports);
        told = &i->ports[i->port_count++];
    }
    *told = (told_port_t){key, port};
    host_publish(h);
    mutex_unlock(&h->lock);
}

int instance_port_of(const instance_t *i, const char *key) {
    mutex_lock(&i->host->lock);
    const told_port_t *told = find_port(i, key);
    int port = told == NULL ? 0 : told->port;
    mutex_unlock(&i->host->lock);
    return port;
}

void instance_state(instance_t *i, server_state_t state, const char *detail) {
    host_t *h = i->host;
    if (detail != NULL && *detail == 0) detail = NULL;
    mutex_lock(&h->lock);
    bool changed = !i->told || i->state != state;
    i->told = true;
    i->state = state;
    memory_free(i->detail);
    i->detail = detail == NULL ? NULL : memory_strdup(detail);
    host_publish(h);
    mutex_unlock(&h->lock);
    if (changed) log_info(&i->log, "%s%s%s", state_name(state), detail == NULL ? "" : ": ", detail == NULL ? "" : detail);
}

void instance_fail(instance_t *i, qmq_error_t *error) {
    host_t *h = i->host;
    log_problem(&i->log, LOG_LEVEL_ERROR, error);
    mutex_lock(&h->lock);
    bool first = h->failure == NULL;
    if (first) h->failure = error;
    mutex_unlock(&h->lock);
    if (!first) qmq_error_free(error);
    control_request_stop();
}

/* Children */

static bool has_setting(const char *const *settings, view_t name) {
    for (; settings != NULL && *settings != NULL; settings++) {
        if (view_equal(keys_name_of(*settings), name)) return true;
    }
    return false;
}

/* The parent's overrides first, then what --set says about keys that the parent did not translate itself. */
static const char **child_overrides(const instance_t *parent, const server_kind_t *kind, const char *const *overrides) {
    config_key_t *common = NULL;
    const config_key_t **tables = NULL;
    keys_gather(kind, &common, &tables);
    size_t count = 0, used = 0;
    while (overrides != NULL && overrides[count] != NULL) count++;
    const char **sets = parent->host->arguments->sets;
    size_t set_count = 0;
    while (sets[set_count] != NULL) set_count++;
    const char **all = memory_zalloc((count + set_count + 1) * sizeof *all);
    for (; used < count; used++) all[used] = overrides[used];
    for (size_t s = 0; s < set_count; s++) {
        view_t name = keys_name_of(sets[s]);
        bool translated = keys_have(parent->tables, name) && has_setting(overrides, name);
        if (keys_have(tables, name) && !translated) all[used++] = sets[s];
    }
    memory_free(tables);
    memory_free(common);
    return all;
}

static void enlist(instance_t *child) {
    host_t *h = child->host;
    mutex_lock(&h->scrape_lock);
    mutex_lock(&h->lock);
    instance_t **end = &h->root;
    while (*end != NULL) end = &(*end)->next;
    *end = child;
    mutex_unlock(&h->lock);
    mutex_unlock(&h->scrape_lock);
}

static void delist(instance_t *child) {
    host_t *h = child->host;
    mutex_lock(&h->scrape_lock);
    mutex_lock(&h->lock);
    instance_t **at = &h->root;
    while (*at != child) at = &(*at)->next;
    *at = child->next;
    mutex_unlock(&h->lock);
    mutex_unlock(&h->scrape_lock);
}

apr_status_t instance_start_child(instance_t *parent, const server_kind_t *kind, const char *const *overrides, instance_t **child,
                                  qmq_error_t **error) {
    const char **all = child_overrides(parent, kind, overrides);
    instance_t *i = NULL;
    apr_status_t status = instance_create(parent->host, parent, kind, all, &i, error);
    memory_free(all);
    if (status == APR_SUCCESS && i != NULL) {
        enlist(i);
        void *self = NULL;
        status = kind->start(i, &self, error);
        mutex_lock(&parent->host->scrape_lock);
        i->self = self;
        mutex_unlock(&parent->host->scrape_lock);
        if (status == APR_SUCCESS) {
            *child = i;
            return APR_SUCCESS;
        }
        delist(i);
        instance_destroy(i);
    }
    *error = error_wrap(*error, "%s", kind->name);
    return status;
}

apr_status_t instance_serve_child(instance_t *child, qmq_error_t **error) {
    if (child->kind->serve == NULL) return APR_SUCCESS;
    apr_status_t status = child->kind->serve(child->self, error);
    if (status != APR_SUCCESS) *error = error_wrap(*error, "%s", child->kind->name);
    return status;
}

void *instance_self(instance_t *i) {
    return i->self;
}

void instance_stop_child(instance_t *child) {
    if (child == NULL) return;
    delist(child);
    child->kind->stop(child->self);
    instance_destroy(child);
}
