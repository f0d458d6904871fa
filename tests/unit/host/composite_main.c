#include "dummy.h"

#include "base/memory.h"

#include <stddef.h>

/* Two dummies in one process. composite.cold is what the first gets as dummy.cold; the second lives on the files. */
static const config_key_t keys[] = {
    {"composite.properties", "composite.cold", CONFIG_STRING, "given", 0, 0, false, "Text of the first dummy."},
    {"composite.properties", "dummy.start", CONFIG_STRING, "well", 0, 0, false, "How the second dummy starts."},
    {"composite.properties", "listen.address", CONFIG_STRING, "127.0.0.1", 0, 0, false, "Address of the ports."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL},
};

typedef struct composite {
    instance_t *first;
    instance_t *second;
} composite_t;

static void stop(void *self) {
    composite_t *c = self;
    instance_stop_child(c->second);
    instance_stop_child(c->first);
    memory_free(c);
}

static apr_status_t start(instance_t *i, void **self, qmq_error_t **error) {
    composite_t *c = memory_zalloc(sizeof *c);
    config_t *config = config_current(instance_config(i));
    char *cold = memory_printf("dummy.cold=%s", config_string(config, "composite.cold"));
    char *how = memory_printf("dummy.start=%s", config_string(config, "dummy.start"));
    const char *const first[] = {cold, "dummy.hot=5", "dummy.start=well", "listen.address=127.0.0.1", NULL};
    const char *const second[] = {how, "listen.address=127.0.0.1", NULL};
    apr_status_t status = instance_start_child(i, &dummy_kind, first, &c->first, error);
    if (status == APR_SUCCESS) status = instance_start_child(i, &dummy_kind, second, &c->second, error);
    memory_free(cold);
    memory_free(how);
    config_release(config);
    if (status == APR_SUCCESS) {
        *self = c;
    } else {
        stop(c);
    }
    return status;
}

static apr_status_t serve(void *self, qmq_error_t **error) {
    composite_t *c = self;
    apr_status_t status = instance_serve_child(c->first, error);
    return status == APR_SUCCESS ? instance_serve_child(c->second, error) : status;
}

static void health(void *self, json_t *to) {
    composite_t *c = self;
    json_t *first = json_object();
    json_t *second = json_object();
    dummy_kind.health(instance_self(c->first), first);
    dummy_kind.health(instance_self(c->second), second);
    (void)json_object_set_new(to, "first", first);
    (void)json_object_set_new(to, "second", second);
}

static const config_key_t *const tables[] = {keys, NULL};
static const server_kind_t *const parts[] = {&dummy_kind, NULL};

static const server_kind_t composite_kind = {.name = "composite",
                                             .title = "Two dummies",
                                             .tables = tables,
                                             .start = start,
                                             .serve = serve,
                                             .stop = stop,
                                             .health = health,
                                             .parts = parts};

int main(int argc, char **argv) {
    return host_main(argc, argv, &composite_kind);
}
