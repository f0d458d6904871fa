#include "host/host_internal.h"

#include "base/memory.h"

#include <stdio.h>

static void print_default(const config_key_t *k) {
    static const char *const types[] = {"text", "whole number", "true or false", "number", "path"};
    (void)printf("      %s", types[k->type]);
    if (k->min != 0 || k->max != 0) (void)printf(" from %lld to %lld", (long long)k->min, (long long)k->max);
    if (k->fallback != NULL)
        (void)printf(", default %s", k->fallback);
    else
        (void)printf(", no default");
    (void)printf("%s\n", k->hot ? ", acts without restart" : "");
}

static void print_keys(const server_kind_t *kind) {
    config_key_t *common = NULL;
    const config_key_t **tables = NULL;
    keys_gather(kind, &common, &tables);
    const char *file = "";
    for (const config_key_t **t = tables; *t != NULL; t++) {
        for (const config_key_t *k = *t; k->name != NULL; k++) {
            if (strcmp(file, k->file) != 0) (void)printf("\n%s\n", k->file);
            file = k->file;
            (void)printf("  %s\n      %s\n", k->name, k->text);
            print_default(k);
        }
    }
    memory_free(tables);
    memory_free(common);
}

void help_print(const server_kind_t *kind) {
    (void)printf("%s, version %s\n\n", kind->title, QMQ_VERSION);
    (void)printf("qmq-%s [start-foreground | start | stop | restart | status | reload | install | uninstall] [OPTION]...\n", kind->name);
    (void)printf("Without a command it runs in the foreground until SIGTERM or SIGINT; SIGHUP re-reads the configuration.\n");
    (void)printf("On Windows: until Ctrl+C; install registers it as the service qmq-%s, which start, stop and status then mean unless "
                 "--home or QMQ_HOME "
                 "is given.\n\n",
                 kind->name);
    arguments_print_options();
    (void)printf(
        "\nExit codes: 0 stopped as asked, 1 the start failed, 2 wrong usage, 3 a peer needed at the start is unreachable or refuses,\n"
        "4 cut off by the stop deadline or a second stop request.\n\nKeys of the property files (directory conf), each to be "
        "overridden by --set:\n");
    print_keys(kind);
    for (const server_kind_t *const *part = kind->parts; part != NULL && *part != NULL; part++) {
        (void)printf("\nOf its part %s:\n", (*part)->name);
        print_keys(*part);
    }
}
