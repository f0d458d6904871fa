/* Names and addresses of this machine. */
#include "portability/host.h"

#include "base/status.h"
#include "portability/posix/system.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static apr_status_t copy_text(char *to, size_t size, const char *text) {
    size_t length = strlen(text);
    if (length >= size) return QMQ_E_TOO_LONG;
    memcpy(to, text, length + 1);
    return APR_SUCCESS;
}

apr_status_t host_name(char *to, size_t size) {
    char name[HOST_NAME_MAX + 1] = "";
    if (gethostname(name, sizeof name) != 0) return system_error();
    name[HOST_NAME_MAX] = 0;
    return copy_text(to, size, name);
}

/* The IPv4 text of an interface that may be told to peers. An alias ("eth0:1") is what the original calls virtual. */
static bool read_candidate(const struct ifaddrs *i, char *text, size_t size) {
    if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET) return false;
    if (!(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK) || strchr(i->ifa_name, ':') != NULL) return false;
    struct sockaddr_in address;
    memcpy(&address, i->ifa_addr, sizeof address);
    return inet_ntop(AF_INET, &address.sin_addr, text, (socklen_t)size) != NULL;
}

static apr_status_t find_candidate(char *text, size_t size) {
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0) return system_error();
    apr_status_t status = QMQ_E_NOT_FOUND;
    for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
        if (!read_candidate(i, text, size)) continue;
        status = APR_SUCCESS;
        if (strncmp(text, "127.0.", 6) != 0) break;
    }
    freeifaddrs(all);
    return status;
}

apr_status_t host_address(char *to, size_t size) {
    char text[INET_ADDRSTRLEN], name[HOST_NAME_MAX + 1];
    apr_status_t status = find_candidate(text, sizeof text);
    if (status == QMQ_E_NOT_FOUND) {
        status = host_name(name, sizeof name);
        if (status == APR_SUCCESS) status = host_resolve(name, text, sizeof text);
    }
    return status == APR_SUCCESS ? copy_text(to, size, text) : status;
}

static apr_status_t resolver_status(int error) {
    switch (error) {
    case 0:
        return APR_SUCCESS;
    case EAI_SYSTEM:
        return system_error();
    case EAI_MEMORY:
        return APR_ENOMEM;
    case EAI_AGAIN:
        return QMQ_E_UNREACHABLE;
    default:
        return QMQ_E_NOT_FOUND;
    }
}

apr_status_t host_resolve(const char *name, char *to, size_t size) {
    struct in_addr parsed;
    if (inet_pton(AF_INET, name, &parsed) == 1) return copy_text(to, size, name);
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    apr_status_t status = resolver_status(getaddrinfo(name, NULL, &hints, &found));
    if (status != APR_SUCCESS) return status;
    char text[INET_ADDRSTRLEN] = "";
    struct sockaddr_in address;
    memcpy(&address, found->ai_addr, sizeof address);
    freeaddrinfo(found);
    if (inet_ntop(AF_INET, &address.sin_addr, text, sizeof text) == NULL) return system_error();
    return copy_text(to, size, text);
}
