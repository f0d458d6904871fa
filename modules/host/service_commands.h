/* The same commands where the system's service manager runs the servers (portability/service.h), and install and uninstall. */
#ifndef QMQ_HOST_SERVICE_COMMANDS_H
#define QMQ_HOST_SERVICE_COMMANDS_H

#include "host/host.h"

#include <stdbool.h>

/* Name of the service of a kind, "qmq-broker"; memory_free. */
char *service_name_of(const server_kind_t *kind);

/* install or uninstall; the exit code. home, conf, ip and host_name become options of the service, as do those of `arguments`
 * (NULL-terminated). */
int service_install_command(const server_kind_t *kind, const char *home, const char *const *arguments);
int service_uninstall_command(const server_kind_t *kind);

/* start, stop, restart and status of the service; false: there is none, or none that runs where the command needs one, and the instance of
 * the home is meant. */
bool service_command(const char *command, const server_kind_t *kind, int *exit_code);

#endif
