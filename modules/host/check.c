#include "host/host_internal.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static void print_settings(const instance_t *i) {
    config_t *config = config_current(i->config);
    for (const config_key_t **t = i->tables; *t != NULL; t++) {
        for (const config_key_t *k = *t; k->name != NULL; k++) {
            if (!config_is_set(config, k->name)) continue;
            bool secret = strstr(k->name, "password") != NULL || strstr(k->name, "token") != NULL;
            (void)printf("  %s=%s (%s)\n", k->name, secret ? "***" : config_string(config, k->name), config_origin(config, k->name));
        }
    }
    config_release(config);
}

static qmq_error_t *check_part(host_t *h, const server_kind_t *kind) {
    config_key_t *common = NULL;
    const config_key_t **tables = NULL;
    keys_gather(kind, &common, &tables);
    config_options_t o = {.directory = h->conf, .tables = tables, .path_base = h->home, .log = &h->root->log};
    qmq_error_t *error = NULL;
    config_source_t *source = config_open(&o, &error);
    config_close(source);
    memory_free(tables);
    memory_free(common);
    return error;
}

int host_check(host_t *h) {
    qmq_error_t *error = host_open_root(h);
    if (error == NULL) error = host_set_log_level(h);
    for (const server_kind_t *const *part = h->kind->parts; error == NULL && part != NULL && *part != NULL; part++)
        error = check_part(h, *part);
    if (error == NULL) error = monitor_check(h);
    if (error != NULL) return host_fail(h, error);
    (void)printf("qmq-%s: the configuration in %s is good.\n  home %s, address %s, host name %s (%s)\n", h->kind->name, h->conf, h->home,
                 h->root->address, h->root->host_name, h->root->host_name_origin);
    print_settings(h->root);
    return 0;
}
