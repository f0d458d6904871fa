/* Who listens on a port. */
#include "portability/host.h"

#include "base/status.h"
#include "portability/windows/system.h"

#include <iphlpapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_TABLE_SIZE 16384
#define TABLE_TRIES 5
#define LONGEST_PATH 32768

static apr_status_t find_listener(int port, DWORD *pid) {
    DWORD room = FIRST_TABLE_SIZE, result = ERROR_INSUFFICIENT_BUFFER;
    MIB_TCPTABLE_OWNER_PID *table = NULL;
    for (int i = 0; i < TABLE_TRIES && result == ERROR_INSUFFICIENT_BUFFER; i++) {
        table = system_resize(table, room, 1);
        result = GetExtendedTcpTable(table, &room, FALSE, AF_INET, TCP_TABLE_OWNER_PID_LISTENER, 0);
    }
    apr_status_t status = result == 0 ? APR_ENOENT : windows_status(result);
    for (DWORD i = 0; result == 0 && i < table->dwNumEntries; i++) {
        if (ntohs((uint16_t)table->table[i].dwLocalPort) != port) continue;
        *pid = table->table[i].dwOwningPid;
        status = APR_SUCCESS;
        break;
    }
    free(table);
    return status;
}

/* Name of the program without folder and ".exe"; malloc'ed, NULL when it is hidden from us. */
static char *program_name(DWORD pid) {
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    if (process == NULL) return NULL;
    wchar_t *path = system_resize(NULL, LONGEST_PATH, sizeof *path);
    DWORD size = LONGEST_PATH;
    char *name = QueryFullProcessImageNameW(process, 0, path, &size) ? narrow_path(path) : NULL;
    free(path);
    CloseHandle(process);
    if (name == NULL) return NULL;
    char *slash = strrchr(name, '/');
    if (slash != NULL) memmove(name, slash + 1, strlen(slash));
    size_t length = strlen(name);
    if (length > 4 && _stricmp(name + length - 4, ".exe") == 0) name[length - 4] = 0;
    return name;
}

apr_status_t process_listening(int port, char *to, size_t size) {
    DWORD pid = 0;
    apr_status_t status = find_listener(port, &pid);
    if (status != APR_SUCCESS) return status;
    if (pid == 0) return APR_ENOTIMPL; /* the system does not know */
    char *name = program_name(pid);
    int n = snprintf(to, size, "%s, pid %lu", name == NULL ? "a process" : name, (unsigned long)pid);
    free(name);
    return n >= 0 && (size_t)n < size ? APR_SUCCESS : QMQ_E_TOO_LONG;
}
