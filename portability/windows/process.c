/* Processes that run already: this one and others. A server waits on two named events of its own, see control.c. */
#include "portability/host.h"

#include "base/status.h"
#include "portability/windows/control_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_HANDLES (16 * 1024 * 1024) /* of a process */
#define LONGEST_PATH 32768

int64_t process_id(void) {
    return (int64_t)GetCurrentProcessId();
}

/* Zero is the idle process to the system. */
static bool is_single(int64_t pid) {
    return pid > 0 && pid <= UINT32_MAX;
}

bool process_alive(int64_t pid) {
    if (!is_single(pid)) return false;
    HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, (DWORD)pid);
    if (process == NULL) return GetLastError() == ERROR_ACCESS_DENIED;
    bool alive = WaitForSingleObject(process, 0) == WAIT_TIMEOUT; /* somebody may hold a handle of one that has ended */
    CloseHandle(process);
    return alive;
}

apr_status_t process_executable(char **out) {
    wchar_t *path = system_resize(NULL, LONGEST_PATH, sizeof *path);
    DWORD size = GetModuleFileNameW(NULL, path, LONGEST_PATH);
    apr_status_t status = size == 0 ? system_error() : size == LONGEST_PATH ? QMQ_E_TOO_LONG : APR_SUCCESS;
    if (status == APR_SUCCESS) *out = narrow_path(path);
    free(path);
    return status;
}

HANDLE control_event_create(const wchar_t *what) {
    wchar_t name[CONTROL_NAME_SIZE];
    control_event_name(name, what, GetCurrentProcessId());
    return CreateEventW(NULL, FALSE, FALSE, name);
}

void control_event_name(wchar_t *to, const wchar_t *what, DWORD pid) {
    swprintf(to, CONTROL_NAME_SIZE, L"Global\\qmq-%ls-%lu", what, (unsigned long)pid);
}

static apr_status_t set_event(int64_t pid, const wchar_t *what) {
    wchar_t name[CONTROL_NAME_SIZE];
    if (!is_single(pid)) return APR_EINVAL;
    control_event_name(name, what, (DWORD)pid);
    HANDLE event = OpenEventW(EVENT_MODIFY_STATE, FALSE, name);
    if (event == NULL) return system_error();
    apr_status_t status = SetEvent(event) ? APR_SUCCESS : system_error();
    CloseHandle(event);
    return status;
}

apr_status_t process_ask_stop(int64_t pid) {
    return set_event(pid, CONTROL_STOP_NAME);
}

apr_status_t process_ask_reload(int64_t pid) {
    return set_event(pid, CONTROL_RELOAD_NAME);
}

apr_status_t process_kill(int64_t pid) {
    if (!is_single(pid)) return APR_EINVAL;
    HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, (DWORD)pid);
    if (process == NULL) return system_error();
    apr_status_t status = TerminateProcess(process, 1) ? APR_SUCCESS : system_error();
    CloseHandle(process);
    return status;
}

int64_t process_raise_file_limit(void) {
    return MOST_HANDLES; /* there is no lower limit to raise */
}

bool process_has_terminal(bool error) {
    DWORD mode;
    return GetConsoleMode(GetStdHandle(error ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE), &mode) != 0;
}
