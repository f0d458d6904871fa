/* The service control manager, from outside the service. */
#include "portability/service.h"

#include "portability/host.h"
#include "portability/windows/command_line.h"
#include "portability/windows/service_private.h"

#include <stdlib.h>
#include <string.h>

#define SHUTDOWN_WAIT_MS 180000
#define FORGET_FAILURES_S 86400
#define EVENT_LOG_KEY L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\"

/* Of systems newer than the oldest that the header may be made for. */
#define OUR_CONFIG_DESCRIPTION 1
#define OUR_CONFIG_FAILURE_ACTIONS 2
#define OUR_CONFIG_DELAYED_START 3
#define OUR_CONFIG_PRESHUTDOWN 7

SC_HANDLE(WINAPI *service_manager_open)(const wchar_t *machine, const wchar_t *database, DWORD access) = OpenSCManagerW;
BOOL(WINAPI *service_change)(SC_HANDLE service, DWORD level, void *what) = ChangeServiceConfig2W;

bool service_is_known(void) {
    return true;
}

static apr_status_t service_error(void) {
    DWORD error = GetLastError();
    return error == ERROR_SERVICE_DOES_NOT_EXIST ? APR_ENOENT : windows_status(error);
}

/* APR_SUCCESS with both handles, or neither. */
static apr_status_t open_service(const char *name, DWORD access, SC_HANDLE *manager, SC_HANDLE *service) {
    wchar_t *wide = wide_text(name);
    if (wide == NULL) return APR_EINVAL;
    apr_status_t status = APR_SUCCESS;
    *manager = service_manager_open(NULL, NULL, SC_MANAGER_CONNECT);
    if (*manager == NULL) status = service_error();
    if (status == APR_SUCCESS) {
        *service = OpenServiceW(*manager, wide, access);
        if (*service == NULL) status = service_error();
        if (status != APR_SUCCESS) CloseServiceHandle(*manager);
    }
    free(wide);
    return status;
}

static void close_service(SC_HANDLE manager, SC_HANDLE service) {
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
}

/* What has a default that does not fit. An older system, or one that imitates it, may not know all: the service works without. */
static void configure(SC_HANDLE service, wchar_t *text) {
    SC_ACTION actions[3] = {{SC_ACTION_RESTART, 5000}, {SC_ACTION_RESTART, 30000}, {SC_ACTION_RESTART, 60000}};
    SERVICE_FAILURE_ACTIONSW failures = {.dwResetPeriod = FORGET_FAILURES_S, .cActions = 3, .lpsaActions = actions};
    SERVICE_DESCRIPTIONW description = {text};
    DWORD shutdown = SHUTDOWN_WAIT_MS;
    BOOL delayed = TRUE;
    (void)service_change(service, OUR_CONFIG_DESCRIPTION, &description);
    (void)service_change(service, OUR_CONFIG_FAILURE_ACTIONS, &failures);
    (void)service_change(service, OUR_CONFIG_DELAYED_START, &delayed);
    (void)service_change(service, OUR_CONFIG_PRESHUTDOWN, &shutdown);
}

static wchar_t *event_log_key(const wchar_t *name) {
    size_t front = wcslen(EVENT_LOG_KEY), size = front + wcslen(name) + 1;
    wchar_t *key = system_alloc(size * sizeof *key);
    memcpy(key, EVENT_LOG_KEY, front * sizeof *key);
    memcpy(key + front, name, (size - front) * sizeof *key);
    return key;
}

/* The viewer takes the words of our lines from a program of the system that has a message "%1" for every number. */
static void register_source(const wchar_t *name) {
    static const wchar_t messages[] = L"%SystemRoot%\\System32\\EventCreate.exe";
    DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    HKEY key = NULL;
    wchar_t *path = event_log_key(name);
    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, path, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL) == ERROR_SUCCESS) {
        (void)RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ, (const BYTE *)messages, sizeof messages);
        (void)RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types, sizeof types);
        RegCloseKey(key);
    }
    free(path);
}

static apr_status_t create_or_change(const wchar_t *name, const wchar_t *title, wchar_t *text, const wchar_t *line, bool *existed) {
    SC_HANDLE manager = service_manager_open(NULL, NULL, SC_MANAGER_CREATE_SERVICE);
    if (manager == NULL) return service_error();
    SC_HANDLE service = CreateServiceW(manager, name, title, SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START,
                                       SERVICE_ERROR_NORMAL, line, NULL, NULL, NULL, NULL, NULL);
    apr_status_t status = service == NULL ? service_error() : APR_SUCCESS;
    *existed = service == NULL && GetLastError() == ERROR_SERVICE_EXISTS;
    if (*existed) {
        service = OpenServiceW(manager, name, SERVICE_ALL_ACCESS);
        /* Start mode and account stay as an administrator may have set them. */
        bool changed = service != NULL && ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_NO_CHANGE, SERVICE_NO_CHANGE,
                                                               line, NULL, NULL, NULL, NULL, NULL, title);
        status = changed ? APR_SUCCESS : service_error();
    }
    if (status == APR_SUCCESS) {
        configure(service, text);
        register_source(name);
    }
    if (service != NULL) CloseServiceHandle(service);
    CloseServiceHandle(manager);
    return status;
}

apr_status_t service_install(const service_plan_t *plan, bool *existed) {
    wchar_t *name = wide_text(plan->name), *title = wide_text(plan->title), *text = wide_text(plan->text);
    wchar_t *line = NULL;
    bool found = false;
    apr_status_t status = name == NULL || title == NULL || text == NULL ? APR_EINVAL : service_line(plan->argv, &line);
    if (status == APR_SUCCESS) status = create_or_change(name, title, text, line, &found);
    if (existed != NULL) *existed = found;
    free(name), free(title), free(text), free(line);
    return status;
}

apr_status_t service_remove(const char *name) {
    SC_HANDLE manager, service;
    apr_status_t status = open_service(name, DELETE, &manager, &service);
    if (status != APR_SUCCESS) return status;
    status = DeleteService(service) ? APR_SUCCESS : service_error();
    close_service(manager, service);
    wchar_t *wide = status == APR_SUCCESS ? wide_text(name) : NULL;
    if (wide != NULL) {
        wchar_t *key = event_log_key(wide);
        (void)RegDeleteKeyW(HKEY_LOCAL_MACHINE, key);
        free(key);
        free(wide);
    }
    return status;
}

static service_phase_t phase_of(DWORD state) {
    switch (state) {
    case SERVICE_START_PENDING:
    case SERVICE_CONTINUE_PENDING:
        return SERVICE_PHASE_STARTING;
    case SERVICE_STOP_PENDING:
        return SERVICE_PHASE_STOPPING;
    case SERVICE_STOPPED:
        return SERVICE_PHASE_STOPPED;
    default:
        return SERVICE_PHASE_RUNNING;
    }
}

apr_status_t service_inspect(const char *name, service_info_t *info) {
    SC_HANDLE manager, service;
    memset(info, 0, sizeof *info);
    apr_status_t status = open_service(name, SERVICE_QUERY_STATUS, &manager, &service);
    if (status == APR_ENOENT) return APR_SUCCESS;
    if (status != APR_SUCCESS) return status;
    SERVICE_STATUS_PROCESS found = {0};
    DWORD size = 0;
    if (QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)&found, sizeof found, &size)) {
        info->phase = phase_of(found.dwCurrentState);
        info->pid = (int64_t)found.dwProcessId;
        info->progress = found.dwCheckPoint;
        info->exit_code = found.dwWin32ExitCode == ERROR_SERVICE_SPECIFIC_ERROR ? found.dwServiceSpecificExitCode : found.dwWin32ExitCode;
    } else {
        status = service_error();
    }
    close_service(manager, service);
    return status;
}

apr_status_t service_start(const char *name) {
    SC_HANDLE manager, service;
    apr_status_t status = open_service(name, SERVICE_START, &manager, &service);
    if (status != APR_SUCCESS) return status;
    if (!StartServiceW(service, 0, NULL) && GetLastError() != ERROR_SERVICE_ALREADY_RUNNING) status = service_error();
    close_service(manager, service);
    return status;
}

/* The manager passes nothing on to a service that starts or stops. */
static apr_status_t ask_itself(const char *name) {
    service_info_t info;
    apr_status_t status = service_inspect(name, &info);
    if (status != APR_SUCCESS || info.phase != SERVICE_PHASE_STARTING) return status;
    return process_ask_stop(info.pid);
}

apr_status_t service_stop(const char *name) {
    SC_HANDLE manager, service;
    SERVICE_STATUS now;
    apr_status_t status = open_service(name, SERVICE_STOP, &manager, &service);
    if (status != APR_SUCCESS) return status;
    DWORD error = ControlService(service, SERVICE_CONTROL_STOP, &now) ? 0 : GetLastError();
    close_service(manager, service);
    if (error == 0 || error == ERROR_SERVICE_NOT_ACTIVE) return APR_SUCCESS;
    return error == ERROR_SERVICE_CANNOT_ACCEPT_CTRL ? ask_itself(name) : windows_status(error);
}

void service_complain(const char *name, const char *line) {
    wchar_t *source = wide_text(name), *text = wide_text(line);
    HANDLE log = source == NULL || text == NULL ? NULL : RegisterEventSourceW(NULL, source);
    if (log != NULL) {
        const wchar_t *texts[1] = {text};
        (void)ReportEventW(log, EVENTLOG_ERROR_TYPE, 0, 1, NULL, 1, 0, texts, NULL);
        DeregisterEventSource(log);
    }
    free(source);
    free(text);
}
