#include "dummy.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/file.h"
#include "portability/thread.h"

#include <stdatomic.h>
#include <string.h>

#define FILE_NAME "dummy.properties"
#define POLL_US 1000

static const config_key_t keys[] = {
    {FILE_NAME, "dummy.hot", CONFIG_INT, "1", 0, 1000, true, "A number that is shown as a port."},
    {FILE_NAME, "dummy.cold", CONFIG_STRING, "ice", 0, 0, false, "A text that is read at the start."},
    {FILE_NAME, "dummy.start", CONFIG_STRING, "well", 0, 0, false, "well, fail, unreachable, serve-fails, or wait until a file is there."},
    {FILE_NAME, "dummy.file", CONFIG_PATH, "go", 0, 0, false, "The file that is waited for."},
    {FILE_NAME, "dummy.stop", CONFIG_STRING, "well", 0, 0, false,
     "well, hang, wait until the file is gone, or fail by itself once it serves."},
    {FILE_NAME, "dummy.token", CONFIG_STRING, NULL, 0, 0, false, "A secret."},
    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, false, NULL},
};

typedef struct dummy {
    instance_t *instance;
    bool hangs;
    bool waits;
    bool fails;
    _Atomic int reloads;
    char cold[64];
} dummy_t;

static void wait_for(const char *path, bool there) {
    path_info_t info;
    while (path_inspect(path, &info) == APR_SUCCESS && (info.kind != PATH_MISSING) != there) thread_sleep_us(POLL_US);
}

static void show(dummy_t *d, const config_t *config) {
    instance_port(d->instance, "dummy.hot", (int)config_int(config, "dummy.hot"));
}

static double seven(void *arg) {
    (void)arg;
    return 7;
}

static apr_status_t begin(dummy_t *d, const config_t *config, qmq_error_t **error) {
    const char *how = config_string(config, "dummy.start");
    if (strcmp(how, "fail") == 0) {
        *error = error_create(APR_EGENERAL, "Set it to well", "dummy.start=%s (%s)", how, config_origin(config, "dummy.start"));
        return APR_EGENERAL;
    }
    if (strcmp(how, "unreachable") == 0) {
        *error = error_create(QMQ_E_UNREACHABLE, "Start the peer", "the peer does not answer");
        return QMQ_E_UNREACHABLE;
    }
    if (strcmp(how, "wait") == 0) {
        instance_state(d->instance, SERVER_RECOVERING, "waiting for a file");
        wait_for(config_string(config, "dummy.file"), true);
    }
    return APR_SUCCESS;
}

static apr_status_t start(instance_t *i, void **self, qmq_error_t **error) {
    dummy_t *d = memory_zalloc(sizeof *d);
    d->instance = i;
    config_t *config = config_current(instance_config(i));
    d->hangs = strcmp(config_string(config, "dummy.stop"), "hang") == 0;
    d->waits = strcmp(config_string(config, "dummy.stop"), "wait") == 0;
    d->fails = strcmp(config_string(config, "dummy.stop"), "fail") == 0;
    strncpy(d->cold, config_string(config, "dummy.cold"), sizeof d->cold - 1);
    metric_add(metrics_counter(instance_metrics(i), "dummyStarts", METRIC_NO_LABELS), 1);
    metrics_gauge(instance_metrics(i), "dummySeven", METRIC_NO_LABELS, seven, d);
    show(d, config);
    apr_status_t status = begin(d, config, error);
    config_release(config);
    if (status == APR_SUCCESS) {
        *self = d;
        return APR_SUCCESS;
    }
    metrics_remove_gauges(instance_metrics(i), d);
    memory_free(d);
    return status;
}

static apr_status_t serve(void *self, qmq_error_t **error) {
    dummy_t *d = self;
    config_t *config = config_current(instance_config(d->instance));
    bool fails = strcmp(config_string(config, "dummy.start"), "serve-fails") == 0;
    config_release(config);
    if (fails) {
        *error = error_create(APR_EGENERAL, "Let it serve", "it does not serve");
        return APR_EGENERAL;
    }
    instance_state(d->instance, SERVER_SERVING, NULL);
    if (d->fails) instance_fail(d->instance, error_create(APR_EGENERAL, "Start it again", "it gave up"));
    return APR_SUCCESS;
}

static void stop(void *self) {
    dummy_t *d = self;
    while (d->hangs) thread_sleep_us(POLL_US);
    if (d->waits) {
        config_t *config = config_current(instance_config(d->instance));
        wait_for(config_string(config, "dummy.file"), false);
        config_release(config);
    }
    metrics_remove_gauges(instance_metrics(d->instance), d);
    memory_free(d);
}

static void reload(void *self, const config_t *config) {
    dummy_t *d = self;
    atomic_fetch_add(&d->reloads, 1);
    show(d, config);
}

static void health(void *self, json_t *to) {
    dummy_t *d = self;
    (void)json_object_set_new(to, "address", json_string(instance_address(d->instance)));
    (void)json_object_set_new(to, "host", json_string(instance_host_name(d->instance)));
    (void)json_object_set_new(to, "origin", json_string(instance_host_name_origin(d->instance)));
    (void)json_object_set_new(to, "home", json_string(instance_home(d->instance)));
    (void)json_object_set_new(to, "conf", json_string(instance_conf(d->instance)));
    (void)json_object_set_new(to, "log", json_string(instance_log(d->instance)->name));
    (void)json_object_set_new(to, "cold", json_string(d->cold));
    (void)json_object_set_new(to, "reloads", json_integer(atomic_load(&d->reloads)));
    (void)json_object_set_new(to, "hot", json_integer(instance_port_of(d->instance, "dummy.hot")));
}

static const config_key_t *const tables[] = {keys, NULL};
static const char *const mandatory[] = {FILE_NAME, NULL};

const server_kind_t dummy_kind = {.name = "dummy",
                                  .title = "A dummy",
                                  .tables = tables,
                                  .mandatory = mandatory,
                                  .start = start,
                                  .serve = serve,
                                  .stop = stop,
                                  .reload = reload,
                                  .health = health};
