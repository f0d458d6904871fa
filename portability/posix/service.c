/* systemd is told by control.c and configured by files of the package. */
#include "portability/service.h"

bool service_is_known(void) {
    return false;
}

apr_status_t service_install(const service_plan_t *plan, bool *existed) {
    (void)plan, (void)existed;
    return APR_ENOTIMPL;
}

apr_status_t service_remove(const char *name) {
    (void)name;
    return APR_ENOTIMPL;
}

apr_status_t service_inspect(const char *name, service_info_t *info) {
    (void)name, (void)info;
    return APR_ENOTIMPL;
}

apr_status_t service_start(const char *name) {
    (void)name;
    return APR_ENOTIMPL;
}

apr_status_t service_stop(const char *name) {
    (void)name;
    return APR_ENOTIMPL;
}

apr_status_t service_run(const char *name, int (*run)(void *arg), void *arg, int *exit_code) {
    (void)name, (void)run, (void)arg, (void)exit_code;
    return APR_ENOTIMPL;
}

void service_complain(const char *name, const char *line) {
    (void)name, (void)line; /* standard error goes to the journal */
}
