/* The inside of a service: what the service control manager tells it, and what it is told. Pending states must advance their check point,
 * so the one who starts or stops reports again and again. */
#include "portability/service.h"

#include "portability/control.h"
#include "portability/windows/control_private.h"

#include <stdlib.h>
#include <winsvc.h>

#define WAIT_HINT_MS 30000
#define ACCEPTED (SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE)
#define OUR_CODE_OF_ABANDON 4 /* the exit code of a server that is cut off */

static struct service {
    SRWLOCK lock; /* status, handle */
    bool is_one;
    SERVICE_STATUS_HANDLE handle;
    SERVICE_STATUS status;
    int (*run)(void *arg);
    void *arg;
    int exit_code;
} self = {.lock = SRWLOCK_INIT};

bool service_is_one(void) {
    return self.is_one;
}

/* With the lock held. */
static void tell(DWORD state, DWORD code) {
    bool pending = state == SERVICE_START_PENDING || state == SERVICE_STOP_PENDING;
    self.status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    self.status.dwControlsAccepted = state == SERVICE_STOPPED || state == SERVICE_STOP_PENDING ? 0 : ACCEPTED;
    self.status.dwCheckPoint = !pending ? 0 : state == self.status.dwCurrentState ? self.status.dwCheckPoint + 1 : 1;
    self.status.dwWaitHint = pending ? WAIT_HINT_MS : 0;
    self.status.dwCurrentState = state;
    self.status.dwWin32ExitCode = code == 0 ? NO_ERROR : ERROR_SERVICE_SPECIFIC_ERROR;
    self.status.dwServiceSpecificExitCode = code;
    if (self.handle != NULL) (void)SetServiceStatus(self.handle, &self.status); /* it is told again soon */
}

static void report(DWORD state, DWORD code) {
    AcquireSRWLockExclusive(&self.lock);
    bool ended = self.status.dwCurrentState == SERVICE_STOPPED && self.handle != NULL;
    bool backwards = self.status.dwCurrentState == SERVICE_STOP_PENDING && state != SERVICE_STOP_PENDING && state != SERVICE_STOPPED;
    if (!ended && !backwards) tell(state, code);
    ReleaseSRWLockExclusive(&self.lock);
}

void service_report(control_state_t state) {
    static const DWORD states[] = {
        [CONTROL_STARTING] = SERVICE_START_PENDING, [CONTROL_SERVING] = SERVICE_RUNNING, [CONTROL_STOPPING] = SERVICE_STOP_PENDING};
    if (!self.is_one) return;
    if (state == CONTROL_STOPPED) {
        report(SERVICE_STOPPED, OUR_CODE_OF_ABANDON); /* the orderly end is told by on_start, with its code */
    } else {
        report(states[state], 0);
    }
}

/* A stop is told once, however often the manager and the end of the machine ask for it: the second request of a person cuts a stop off. */
DWORD service_take_control(DWORD control) {
    switch (control) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
    case SERVICE_CONTROL_PRESHUTDOWN:
        report(SERVICE_STOP_PENDING, 0);
        control_request_stop();
        return NO_ERROR;
    case SERVICE_CONTROL_PARAMCHANGE:
        control_note(CONTROL_RELOAD);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        AcquireSRWLockExclusive(&self.lock);
        if (self.handle != NULL) (void)SetServiceStatus(self.handle, &self.status);
        ReleaseSRWLockExclusive(&self.lock);
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static DWORD WINAPI on_control(DWORD control, DWORD type, void *data, void *context) {
    (void)type, (void)data, (void)context;
    return service_take_control(control);
}

static void WINAPI on_start(DWORD count, wchar_t **names) {
    SERVICE_STATUS_HANDLE handle = RegisterServiceCtrlHandlerExW(count > 0 ? names[0] : L"", on_control, NULL);
    if (handle == NULL) system_fatal("RegisterServiceCtrlHandlerEx", (int)GetLastError());
    AcquireSRWLockExclusive(&self.lock);
    self.handle = handle;
    tell(SERVICE_START_PENDING, 0);
    ReleaseSRWLockExclusive(&self.lock);
    self.exit_code = self.run(self.arg);
    report(SERVICE_STOPPED, (DWORD)self.exit_code);
}

apr_status_t service_run(const char *name, int (*run)(void *arg), void *arg, int *exit_code) {
    wchar_t *wide = wide_text(name);
    if (wide == NULL) return APR_EINVAL;
    self.is_one = true;
    self.run = run;
    self.arg = arg;
    const SERVICE_TABLE_ENTRYW table[2] = {{wide, on_start}, {NULL, NULL}};
    apr_status_t status = APR_SUCCESS;
    if (!StartServiceCtrlDispatcherW(table)) {
        self.is_one = false;
        status = GetLastError() == ERROR_FAILED_SERVICE_CONTROLLER_CONNECT ? APR_EINVAL : system_error();
    }
    free(wide);
    *exit_code = self.exit_code;
    return status;
}
