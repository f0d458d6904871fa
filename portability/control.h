/* How the outside tells a server to stop or to re-read its configuration: signals on POSIX; console events, the service manager
 * and named events on Windows. Once per process, only servers' main uses it (libqmq never does). */
#ifndef QMQ_PORTABILITY_CONTROL_H
#define QMQ_PORTABILITY_CONTROL_H

#include <apr_errno.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum control_event { CONTROL_NONE, CONTROL_STOP, CONTROL_RELOAD, CONTROL_STOP_NOW } control_event_t;

/* Installs the handlers; before any thread is started. SIGPIPE is ignored from here on. */
apr_status_t control_install(void);
/* Waits for the next event, at most timeout_us (< 0: for ever). The second stop request is CONTROL_STOP_NOW. */
control_event_t control_wait(int64_t timeout_us);
/* Makes control_wait return CONTROL_STOP; any thread. */
void control_request_stop(void);

typedef enum control_state { CONTROL_STARTING, CONTROL_SERVING, CONTROL_STOPPING, CONTROL_STOPPED } control_state_t;
/* Tells the service manager (sd_notify where NOTIFY_SOCKET is set, nothing else needed). text: one line of status. */
void control_report(control_state_t state, const char *text);

#endif
