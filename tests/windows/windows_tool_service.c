#include "windows_tool.h"

#include "portability/service.h"
#include "portability/windows/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <winsvc.h>

#define ROOM 8192
#define TURN_MS 10

#define CONFIG_DESCRIPTION 1
#define CONFIG_FAILURE_ACTIONS 2
#define CONFIG_DELAYED_START 3
#define CONFIG_PRESHUTDOWN 7

static void print_text(const char *key, const wchar_t *value) {
    char *text = value == NULL ? NULL : narrow_text(value);
    printf("%s=%s\n", key, text == NULL ? "" : text);
    free(text);
}

static void print_failure_actions(const SERVICE_FAILURE_ACTIONSW *f) {
    printf("reset=%lu\nactions=", (unsigned long)f->dwResetPeriod);
    for (DWORD i = 0; i < f->cActions; i++)
        printf("%s%d/%lu", i == 0 ? "" : " ", (int)f->lpsaActions[i].Type, (unsigned long)f->lpsaActions[i].Delay);
    printf("\n");
}

/* What the system does not know is left out. */
static void print_more(SC_HANDLE service, void *room) {
    DWORD needed;
    if (QueryServiceConfig2W(service, CONFIG_DESCRIPTION, room, ROOM, &needed)) {
        print_text("description", ((SERVICE_DESCRIPTIONW *)room)->lpDescription);
    }
    if (QueryServiceConfig2W(service, CONFIG_FAILURE_ACTIONS, room, ROOM, &needed)) print_failure_actions(room);
    if (QueryServiceConfig2W(service, CONFIG_DELAYED_START, room, ROOM, &needed)) printf("delayed=%d\n", *(BOOL *)room);
    if (QueryServiceConfig2W(service, CONFIG_PRESHUTDOWN, room, ROOM, &needed)) printf("preshutdown=%lu\n", *(unsigned long *)room);
}

int tool_service(const wchar_t *name) {
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager == NULL ? NULL : OpenServiceW(manager, name, SERVICE_QUERY_CONFIG);
    if (service == NULL) return tool_failed("OpenService");
    QUERY_SERVICE_CONFIGW *config = system_alloc(ROOM);
    DWORD needed;
    if (!QueryServiceConfigW(service, config, ROOM, &needed)) return tool_failed("QueryServiceConfig");
    print_text("path", config->lpBinaryPathName);
    print_text("title", config->lpDisplayName);
    print_text("account", config->lpServiceStartName);
    printf("start=%lu\n", (unsigned long)config->dwStartType);
    print_more(service, config);
    free(config);
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
    return 0;
}

int tool_watch(const wchar_t *name, DWORD until) {
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    SC_HANDLE service = manager == NULL ? NULL : OpenServiceW(manager, name, SERVICE_QUERY_STATUS);
    if (service == NULL) return tool_failed("OpenService");
    SERVICE_STATUS now, before = {0};
    for (;; Sleep(TURN_MS)) {
        if (!QueryServiceStatus(service, &now)) return tool_failed("QueryServiceStatus");
        if (now.dwCurrentState == before.dwCurrentState && now.dwCheckPoint == before.dwCheckPoint) continue;
        before = now;
        printf("%lu %lu\n", (unsigned long)now.dwCurrentState, (unsigned long)now.dwCheckPoint);
        fflush(stdout);
        if (now.dwCurrentState == until) break;
    }
    CloseServiceHandle(service);
    CloseServiceHandle(manager);
    return 0;
}

int tool_complain(const wchar_t *name, const wchar_t *line) {
    char *source = narrow_text(name), *text = narrow_text(line);
    service_complain(source, text);
    free(source);
    free(text);
    return 0;
}
