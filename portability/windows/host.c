/* Names and addresses of this machine. */
#include "portability/host.h"

#include "base/status.h"
#include "portability/windows/system.h"

#include <iphlpapi.h>
#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

#define FIRST_ADAPTERS_SIZE 16384
#define ADAPTER_TRIES 5

static apr_status_t copy_text(char *to, size_t size, const char *text) {
    size_t length = strlen(text);
    if (length >= size) return QMQ_E_TOO_LONG;
    memcpy(to, text, length + 1);
    return APR_SUCCESS;
}

apr_status_t host_name(char *to, size_t size) {
    wchar_t wide[256];
    DWORD length = sizeof wide / sizeof wide[0];
    if (!GetComputerNameExW(ComputerNameDnsHostname, wide, &length)) return system_error();
    char *name = narrow_text(wide);
    apr_status_t status = copy_text(to, size, name);
    free(name);
    return status;
}

static apr_status_t address_text(const SOCKADDR *address, char *to, size_t size) {
    SOCKADDR_IN in;
    char text[INET_ADDRSTRLEN];
    memcpy(&in, address, sizeof in);
    if (inet_ntop(AF_INET, &in.sin_addr, text, sizeof text) == NULL) return windows_status((DWORD)WSAGetLastError());
    return copy_text(to, size, text);
}

/* The first address that is up and no loopback; one of 127.0.* only when there is no other. */
static apr_status_t choose(const IP_ADAPTER_ADDRESSES *all, char *text, size_t size) {
    apr_status_t status = QMQ_E_NOT_FOUND;
    for (const IP_ADAPTER_ADDRESSES *a = all; a != NULL; a = a->Next) {
        if (a->OperStatus != IfOperStatusUp || a->IfType == IF_TYPE_SOFTWARE_LOOPBACK || a->FirstUnicastAddress == NULL) continue;
        status = address_text(a->FirstUnicastAddress->Address.lpSockaddr, text, size);
        if (status != APR_SUCCESS || strncmp(text, "127.0.", 6) != 0) break;
    }
    return status;
}

static apr_status_t find_candidate(char *text, size_t size) {
    const ULONG flags = GAA_FLAG_SKIP_ANYCAST | GAA_FLAG_SKIP_MULTICAST | GAA_FLAG_SKIP_DNS_SERVER;
    ULONG room = FIRST_ADAPTERS_SIZE, result = ERROR_BUFFER_OVERFLOW;
    IP_ADAPTER_ADDRESSES *all = NULL;
    for (int i = 0; i < ADAPTER_TRIES && result == ERROR_BUFFER_OVERFLOW; i++) { /* they may become more meanwhile */
        all = system_resize(all, room, 1);
        result = GetAdaptersAddresses(AF_INET, flags, NULL, all, &room);
    }
    apr_status_t status = result == 0 ? choose(all, text, size) : result == ERROR_NO_DATA ? QMQ_E_NOT_FOUND : windows_status(result);
    free(all);
    return status;
}

apr_status_t host_address(char *to, size_t size) {
    char text[INET_ADDRSTRLEN], name[256];
    apr_status_t status = sockets_start();
    if (status == APR_SUCCESS) status = find_candidate(text, sizeof text);
    if (status == QMQ_E_NOT_FOUND) {
        status = host_name(name, sizeof name);
        if (status == APR_SUCCESS) status = host_resolve(name, text, sizeof text);
    }
    return status == APR_SUCCESS ? copy_text(to, size, text) : status;
}

static apr_status_t resolver_status(int error) {
    if (error == 0) return APR_SUCCESS;
    if (error == WSATRY_AGAIN) return QMQ_E_UNREACHABLE;
    return error == WSA_NOT_ENOUGH_MEMORY ? APR_ENOMEM : QMQ_E_NOT_FOUND;
}

apr_status_t host_resolve(const char *name, char *to, size_t size) {
    struct in_addr parsed;
    apr_status_t status = sockets_start();
    if (status != APR_SUCCESS) return status;
    if (inet_pton(AF_INET, name, &parsed) == 1) return copy_text(to, size, name);
    if (*name == 0) return QMQ_E_NOT_FOUND; /* would mean this machine */
    wchar_t *wide = wide_text(name);
    if (wide == NULL) return QMQ_E_NOT_FOUND;
    ADDRINFOW hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    status = resolver_status(GetAddrInfoW(wide, NULL, &hints, &found));
    free(wide);
    if (status != APR_SUCCESS) return status;
    status = address_text(found->ai_addr, to, size);
    FreeAddrInfoW(found);
    return status;
}
