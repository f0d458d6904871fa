/* Programs that the system's service manager starts and watches: the service control manager of Windows. Where there is none (systemd takes
 * units from the package) every call is APR_ENOTIMPL. Blocking; administrators only, else APR_EACCES. Texts are UTF-8. */
#ifndef QMQ_PORTABILITY_SERVICE_H
#define QMQ_PORTABILITY_SERVICE_H

#include <apr_errno.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum service_phase {
    SERVICE_PHASE_MISSING,
    SERVICE_PHASE_STOPPED,
    SERVICE_PHASE_STARTING,
    SERVICE_PHASE_RUNNING,
    SERVICE_PHASE_STOPPING
} service_phase_t;

typedef struct service_info {
    service_phase_t phase;
    int64_t pid;        /* 0 when it does not run */
    uint32_t progress;  /* a number that grows while it starts or stops */
    uint32_t exit_code; /* of the last run */
} service_info_t;

typedef struct service_plan {
    const char *name;        /* "qmq-broker" */
    const char *title;       /* what lists of services show */
    const char *text;        /* a sentence about it */
    const char *const *argv; /* the program and its arguments, NULL-terminated */
} service_plan_t;

/* True where there is a service manager of this kind. */
bool service_is_known(void);
/* Registers the program: started with the machine, after what the machine itself needs, and again after a crash. A service of that name is
 * changed instead; *existed (may be NULL) tells. Nothing is left behind on failure. QMQ_E_INVALID: the manager would read the path of the
 * program otherwise than it is (it holds %NAME%). */
apr_status_t service_install(const service_plan_t *plan, bool *existed);
/* APR_ENOENT: there is none. Stop it first. */
apr_status_t service_remove(const char *name);
/* A missing service is APR_SUCCESS with SERVICE_PHASE_MISSING. */
apr_status_t service_inspect(const char *name, service_info_t *info);
/* Asks for a start or a stop and does not wait for it; see service_inspect. Success when it runs, or is stopped, already. */
apr_status_t service_start(const char *name);
apr_status_t service_stop(const char *name);

/* Of a process that the service manager started: enters its service, calls run(arg) on another thread, and returns when that has; its
 * result is *exit_code and goes to the service manager. What control.h tells comes from there too, and control_report goes there.
 * APR_EINVAL: the service manager did not start this process. */
apr_status_t service_run(const char *name, int (*run)(void *arg), void *arg, int *exit_code);
/* Leaves a line where administrators look for why a service did not start (the event log). Nothing happens where there is no such place. */
void service_complain(const char *name, const char *line);

#endif
