#include "standalone/standalone.h"

#include "base/memory.h"
#include "broker/broker.h"
#include "metaserver/metaserver.h"
#include "portability/random.h"

#include <stdio.h>
#include <string.h>

#define STANDALONE "standalone.properties"
#define TOKEN_BYTES 16

const config_key_t standalone_keys[] = {
    {STANDALONE, "meta.server.discover.port", CONFIG_INT, "8080", 0, 65535, false,
     "HTTP port of the metaserver: discovery and management; 0 takes any free one."},
    {STANDALONE, "meta.server.port", CONFIG_INT, "20880", 0, 65535, false, "TCP port of the metaserver; 0 takes any free one."},
    {STANDALONE, "broker.port", CONFIG_INT, "20881", 0, 65535, false, "TCP port of producers and consumers; 0 takes any free one."},
    {STANDALONE, "sync.port", CONFIG_INT, "20882", 0, 65535, false, "TCP port of slaves and backup servers; 0 takes any free one."},
    {STANDALONE, "listen.address", CONFIG_STRING, "127.0.0.1", 0, 0, false, "Address all ports are bound to and that is told to clients."},
    {STANDALONE, "store.root", CONFIG_PATH, "data", 0, 0, false,
     "Directory of the broker's store; relative paths count from the home directory."},
    {STANDALONE, "broker.group", CONFIG_STRING, "standalone", 0, 0, false, "Broker group the broker registers itself under."},
    {STANDALONE, "jdbc.url", CONFIG_STRING, "jdbc:sqlite:data/meta.db", 0, 0, false, "Database of the metaserver."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL}};

typedef struct standalone {
    instance_t *instance;
    instance_t *metaserver;
    instance_t *broker;
} standalone_t;

/* "key=value" texts for a child, NULL-terminated. */
typedef struct overrides {
    char *texts[16];
    size_t count;
} overrides_t;

static void overrides_add(overrides_t *o, const char *key, const char *value) {
    size_t size = strlen(key) + strlen(value) + 2;
    o->texts[o->count] = memory_alloc(size);
    (void)snprintf(o->texts[o->count++], size, "%s=%s", key, value);
    o->texts[o->count] = NULL;
}

static void overrides_copy(overrides_t *o, const config_t *config, const char *key) {
    char number[32];
    const char *value = config_string(config, key);
    if (strstr(key, ".port") != NULL) {
        (void)snprintf(number, sizeof number, "%lld", (long long)config_int(config, key));
        value = number;
    }
    overrides_add(o, key, value);
}

static void overrides_free(overrides_t *o) {
    for (size_t i = 0; i < o->count; i++) memory_free(o->texts[i]);
}

static void make_token(char to[2 * TOKEN_BYTES + 1]) {
    unsigned char bytes[TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++) (void)snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

static apr_status_t start_metaserver(standalone_t *s, const config_t *config, const char *token, qmq_error_t **error) {
    overrides_t o = {.count = 0};
    overrides_copy(&o, config, "meta.server.discover.port");
    overrides_copy(&o, config, "meta.server.port");
    overrides_copy(&o, config, "listen.address");
    overrides_copy(&o, config, "jdbc.url");
    overrides_add(&o, "meta.server.internal.token", token);
    overrides_add(&o, "io.loops", "1");
    apr_status_t rv = instance_start_child(s->instance, &metaserver_kind, (const char *const *)o.texts, &s->metaserver, error);
    overrides_free(&o);
    return rv;
}

static apr_status_t start_broker(standalone_t *s, const config_t *config, const char *token, qmq_error_t **error) {
    const char *address = config_string(config, "listen.address");
    if (strcmp(address, "0.0.0.0") == 0) address = "127.0.0.1";
    char meta[64], endpoint[128];
    (void)snprintf(meta, sizeof meta, "%s:%d", address, instance_port_of(s->metaserver, "meta.server.port"));
    (void)snprintf(endpoint, sizeof endpoint, "http://%s:%d/meta/address", address,
                   instance_port_of(s->metaserver, "meta.server.discover.port"));
    overrides_t o = {.count = 0};
    overrides_copy(&o, config, "broker.port");
    overrides_copy(&o, config, "sync.port");
    overrides_copy(&o, config, "listen.address");
    overrides_copy(&o, config, "store.root");
    overrides_copy(&o, config, "broker.group");
    overrides_add(&o, "meta.server.address", meta);
    overrides_add(&o, "meta.server.endpoint", endpoint);
    overrides_add(&o, "broker.token", token);
    apr_status_t rv = instance_start_child(s->instance, &broker_kind, (const char *const *)o.texts, &s->broker, error);
    overrides_free(&o);
    return rv;
}

static void standalone_free(standalone_t *s) {
    if (s->broker != NULL) instance_stop_child(s->broker);
    if (s->metaserver != NULL) instance_stop_child(s->metaserver);
    memory_free(s);
}

static apr_status_t standalone_start(instance_t *i, void **self, qmq_error_t **error) {
    standalone_t *s = memory_zalloc(sizeof *s);
    s->instance = i;
    char token[2 * TOKEN_BYTES + 1];
    make_token(token);
    config_t *config = config_current(instance_config(i));
    apr_status_t rv = start_metaserver(s, config, token, error);
    if (rv == APR_SUCCESS) rv = start_broker(s, config, token, error);
    config_release(config);
    if (rv != APR_SUCCESS) {
        standalone_free(s);
        return rv;
    }
    *self = s;
    return APR_SUCCESS;
}

/* Discovery answers last: whoever finds the metaserver finds the broker too. */
static apr_status_t standalone_serve(void *self, qmq_error_t **error) {
    standalone_t *s = self;
    apr_status_t rv = instance_serve_child(s->broker, error);
    return rv == APR_SUCCESS ? instance_serve_child(s->metaserver, error) : rv;
}

static void standalone_stop(void *self) {
    standalone_free(self);
}

static void child_health(json_t *to, const char *name, const server_kind_t *kind, instance_t *child, const char **worst) {
    json_t *member = json_object();
    kind->health(instance_self(child), member);
    const char *status = json_string_value(json_object_get(member, "status"));
    if (status != NULL && strcmp(status, "up") != 0) *worst = strcmp(status, "down") == 0 || strcmp(*worst, "up") == 0 ? status : *worst;
    (void)json_object_set_new(to, name, member);
}

static void standalone_health(void *self, json_t *to) {
    standalone_t *s = self;
    const char *worst = "up";
    child_health(to, "metaserver", &metaserver_kind, s->metaserver, &worst);
    child_health(to, "broker", &broker_kind, s->broker, &worst);
    (void)json_object_set_new(to, "status",
                              json_string(strcmp(worst, "readonly") == 0 ? "readonly"
                                          : strcmp(worst, "down") == 0   ? "down"
                                                                         : "up"));
}

static const config_key_t *const standalone_tables[] = {standalone_keys, NULL};
static const server_kind_t *const standalone_parts[] = {&metaserver_kind, &broker_kind, NULL};

const server_kind_t standalone_kind = {.name = "standalone",
                                       .title = "QMQ standalone (metaserver and broker)",
                                       .tables = standalone_tables,
                                       .mandatory = NULL,
                                       .parts = standalone_parts,
                                       .start = standalone_start,
                                       .serve = standalone_serve,
                                       .stop = standalone_stop,
                                       .reload = NULL,
                                       .health = standalone_health};
