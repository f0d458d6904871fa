/* Connected sockets without a loop. */
#include "portability/loop.h"

#include "portability/posix/loop_private.h"
#include "portability/posix/system.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* Of the limit, this share is kept for files and for connections of our own, but no more than so many. */
#define RESERVED_SHARE 4
#define RESERVED_MOST 256

raw_socket_t *raw_socket_wrap(int fd) {
    int on = 1;
    /* Fails where it has no meaning (socket pairs) or the peer is gone already, which the first read tells. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    raw_socket_t *s = system_alloc(sizeof *s);
    s->fd = fd;
    return s;
}

int raw_socket_unwrap(raw_socket_t *s) {
    int fd = s->fd;
    free(s);
    return fd;
}

apr_status_t raw_socket_pair(raw_socket_t **a, raw_socket_t **b) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return system_error();
    *a = raw_socket_wrap(ends[0]);
    *b = raw_socket_wrap(ends[1]);
    return APR_SUCCESS;
}

apr_status_t raw_socket_peer(raw_socket_t *s, char *to, size_t size) {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_storage room;
    } peer = {.room = {0}};
    socklen_t length = sizeof peer;
    char host[INET_ADDRSTRLEN] = "pair";
    int port = 0;
    if (getpeername(s->fd, &peer.any, &length) != 0) return system_error();
    if (peer.any.sa_family == AF_INET) {
        if (inet_ntop(AF_INET, &peer.in.sin_addr, host, sizeof host) == NULL) return system_error();
        port = ntohs(peer.in.sin_port);
    }
    int n = snprintf(to, size, "%s:%d", host, port);
    return n > 0 && (size_t)n < size ? APR_SUCCESS : APR_EINVAL;
}

/* Descriptors are given out lowest first, so the number tells how many there are. */
bool raw_socket_is_scarce(raw_socket_t *s) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) system_fatal("getrlimit", errno);
    rlim_t reserve = limit.rlim_cur / RESERVED_SHARE;
    if (reserve > RESERVED_MOST) reserve = RESERVED_MOST;
    return (rlim_t)s->fd >= limit.rlim_cur - reserve;
}

void raw_socket_close(raw_socket_t *s) {
    if (s != NULL) descriptor_close(raw_socket_unwrap(s));
}
