/* The command line of a server executable (design sections 8 (16) and 9). */
#ifndef QMQ_HOST_ARGUMENTS_H
#define QMQ_HOST_ARGUMENTS_H

#include "host/host.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct arguments {
    const char *home;
    const char *conf;
    const char *ip;
    const char *host_name;
    const char *log_file;
    const char *logs;
    const char *run;
    const char *command;    /* start, stop, ...; NULL: run in the foreground */
    const char **sets;      /* "key=value", NULL-terminated */
    const char **passed_on; /* options of `start` for the server it starts, NULL-terminated */
    bool check;
    bool service; /* the service manager started this process */
    bool help;
    bool version;
} arguments_t;

/* False: the line is wrong, and standard error has been told how. The texts are argv's. */
bool arguments_parse(arguments_t *a, int argc, char **argv, const server_kind_t *kind);
void arguments_free(arguments_t *a);

/* --help: how to call it, and every key of the property files. */
void help_print(const server_kind_t *kind);
/* The lines about the options, for --help. */
void arguments_print_options(void);

#endif
