/* What bin/<server>.sh asks of the executable besides running in the foreground: start | stop | restart | status | reload (design decision
 * 8, metaserver.md 2.9). */
#ifndef QMQ_HOST_COMMANDS_H
#define QMQ_HOST_COMMANDS_H

#include "host/host.h"

#include <stdbool.h>

/* True for the words above; "start-foreground" is not one: it is what the server does itself. */
bool host_is_command(const char *word);

/* An instance: absolute directories of the home, the logs, the run file and the pid file. */
typedef struct places {
    const server_kind_t *kind;
    const char *home;
    const char *logs;
    const char *run;
    const char *pid;
    bool home_is_given; /* the instance of this home is meant, not the service */
} places_t;

/* Carries a command out for the instance and returns the exit code. arguments: NULL-terminated options that `start` and `restart`
 * pass on to the server. Blocks until the server serves or is gone. */
int host_command(const char *command, const places_t *places, const char *const *arguments);

#endif
