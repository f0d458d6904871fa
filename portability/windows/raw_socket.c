/* Connected sockets without a loop, and what all sockets need. */
#include "portability/loop.h"

#include "portability/windows/loop_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ws2tcpip.h>

apr_status_t socket_error(void) {
    return windows_status((DWORD)WSAGetLastError());
}

void *socket_function(SOCKET fd, const GUID *id) {
    void *function = NULL;
    GUID copy = *id;
    DWORD size = 0;
    int result = WSAIoctl(fd, SIO_GET_EXTENSION_FUNCTION_POINTER, &copy, sizeof copy, &function, sizeof function, &size, NULL, NULL);
    return result == 0 ? function : NULL;
}

apr_status_t socket_create(SOCKET *fd) {
    apr_status_t status = sockets_start();
    if (status != APR_SUCCESS) return status;
    *fd = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    return *fd == INVALID_SOCKET ? socket_error() : APR_SUCCESS;
}

apr_status_t socket_address_parse(SOCKADDR_IN *to, const char *address, int port) {
    memset(to, 0, sizeof *to);
    to->sin_family = AF_INET;
    if (sockets_start() != APR_SUCCESS) return socket_error();
    if (port < 0 || port > 65535 || inet_pton(AF_INET, address, &to->sin_addr) != 1) return APR_EINVAL;
    to->sin_port = htons((uint16_t)port);
    return APR_SUCCESS;
}

raw_socket_t *raw_socket_wrap(SOCKET fd) {
    BOOL on = TRUE;
    u_long non_blocking = 1;
    /* Both fail only where the peer is gone already, which the first read tells. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof on);
    (void)ioctlsocket(fd, (long)FIONBIO, &non_blocking);
    raw_socket_t *s = system_alloc(sizeof *s);
    s->fd = fd;
    return s;
}

SOCKET raw_socket_unwrap(raw_socket_t *s) {
    SOCKET fd = s->fd;
    free(s);
    return fd;
}

static bool have_same_port(const SOCKADDR_IN *a, const SOCKADDR_IN *b) {
    return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* Connects `from` to `listener` and accepts; a connection of somebody else to the port is not ours. */
static apr_status_t join(SOCKET listener, SOCKET from, SOCKET *to) {
    SOCKADDR_IN address = {0}, own = {0}, peer = {0};
    int size = sizeof address, own_size = sizeof own, peer_size = sizeof peer;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (const SOCKADDR *)(const void *)&address, sizeof address) != 0 || listen(listener, 1) != 0) return socket_error();
    if (getsockname(listener, (SOCKADDR *)(void *)&address, &size) != 0) return socket_error();
    if (connect(from, (const SOCKADDR *)(const void *)&address, sizeof address) != 0) return socket_error();
    *to = accept(listener, (SOCKADDR *)(void *)&peer, &peer_size);
    if (*to == INVALID_SOCKET || getsockname(from, (SOCKADDR *)(void *)&own, &own_size) != 0) return socket_error();
    return have_same_port(&own, &peer) ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t raw_socket_pair(raw_socket_t **a, raw_socket_t **b) {
    SOCKET listener = INVALID_SOCKET, from = INVALID_SOCKET, to = INVALID_SOCKET;
    apr_status_t status = socket_create(&listener);
    if (status == APR_SUCCESS) status = socket_create(&from);
    if (status == APR_SUCCESS) status = join(listener, from, &to);
    if (listener != INVALID_SOCKET) (void)closesocket(listener);
    if (status != APR_SUCCESS) {
        if (from != INVALID_SOCKET) (void)closesocket(from);
        if (to != INVALID_SOCKET) (void)closesocket(to);
        return status;
    }
    *a = raw_socket_wrap(from);
    *b = raw_socket_wrap(to);
    return APR_SUCCESS;
}

bool raw_socket_is_scarce(raw_socket_t *s) {
    (void)s; /* handles have no limit but memory */
    return false;
}

apr_status_t raw_socket_peer(raw_socket_t *s, char *to, size_t size) {
    SOCKADDR_IN peer = {0};
    int length = sizeof peer;
    char host[INET_ADDRSTRLEN];
    if (getpeername(s->fd, (SOCKADDR *)(void *)&peer, &length) != 0) return socket_error();
    if (inet_ntop(AF_INET, &peer.sin_addr, host, sizeof host) == NULL) return socket_error();
    int n = snprintf(to, size, "%s:%d", host, ntohs(peer.sin_port));
    return n > 0 && (size_t)n < size ? APR_SUCCESS : APR_EINVAL;
}

void raw_socket_close(raw_socket_t *s) {
    if (s != NULL) (void)closesocket(raw_socket_unwrap(s));
}
