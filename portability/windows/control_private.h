/* What control.c, service.c and process.c share: how a server is asked. */
#ifndef QMQ_PORTABILITY_WINDOWS_CONTROL_PRIVATE_H
#define QMQ_PORTABILITY_WINDOWS_CONTROL_PRIVATE_H

#include "portability/control.h"
#include "portability/windows/system.h"

#include <stdbool.h>

#define CONTROL_STOP_NAME L"stop"
#define CONTROL_RELOAD_NAME L"reload"
#define CONTROL_NAME_SIZE 64

/* Name of the event by which the process is asked: Global, so that a service of another session is reached. */
void control_event_name(wchar_t *to, const wchar_t *what, DWORD pid);
/* Ours, set by one who asks and taken by one wait; NULL: see system_error. */
HANDLE control_event_create(const wchar_t *what);

/* Somebody wants the stop, or the configuration read again. Any thread; before control_install too. */
void control_note(control_event_t event);
/* Watches for log-off and shutdown; once, for a process that is no service. */
apr_status_t session_end_watch(void);
/* What the service manager says, and the answer to it: for its handler, and for tests. */
DWORD service_take_control(DWORD control);
/* Tells the service manager, if it runs us. */
void service_report(control_state_t state);
/* True when the service manager runs us: log-off and console do not concern us then. */
bool service_is_one(void);

#endif
