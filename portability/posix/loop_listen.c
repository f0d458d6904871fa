/* Listening sockets. */
#include "portability/loop.h"

#include "portability/posix/loop_private.h"
#include "portability/posix/socket_address.h"
#include "portability/posix/system.h"

#include <stdlib.h>
#include <sys/socket.h>

#define ACCEPTS_PER_ROUND 256
#define ACCEPT_PAUSE_US 100000

struct loop_listener {
    watch_t watch;
    loop_t *loop;
    loop_accept_fn accept;
    void *arg;
    loop_timer_t pause;
};

static loop_listener_t *of_watch(watch_t *w) {
    return (loop_listener_t *)(void *)w;
}

static loop_listener_t *of_pause(loop_timer_t *t) {
    return (loop_listener_t *)(void *)((char *)t - offsetof(loop_listener_t, pause));
}

static void end_pause(loop_timer_t *t) {
    loop_listener_t *l = of_pause(t);
    watch_arm(l->loop, &l->watch, EPOLLIN);
}

/* Descriptors or memory ran out: the connection stays in the backlog, and looking at it again at once would spin. */
static void start_pause(loop_listener_t *l) {
    watch_arm(l->loop, &l->watch, WATCH_NOTHING);
    loop_timer_start(l->loop, &l->pause, ACCEPT_PAUSE_US);
}

/* Errors that belong to the one connection that was to be accepted (accept(2): those of the network too). */
static bool is_lost_connection(int error) {
    static const int lost[] = {ECONNABORTED, EPROTO,     ENETDOWN,     ENOPROTOOPT, EHOSTDOWN,
                               ENONET,       EOPNOTSUPP, EHOSTUNREACH, ENETUNREACH, EPERM};
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        if (error == lost[i]) return true;
    }
    return false;
}

static void listener_ready(watch_t *w, uint32_t events) {
    (void)events;
    loop_listener_t *l = of_watch(w);
    for (int i = 0; i < ACCEPTS_PER_ROUND && !w->retired; i++) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            l->accept(l->arg, raw_socket_wrap(fd));
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (errno != EINTR && !is_lost_connection(errno)) {
            start_pause(l);
            return;
        }
    }
}

static void listener_release(retiree_t *r) {
    free(r); /* the first member of its first member */
}

static apr_status_t bind_and_listen(int fd, const struct sockaddr_in *address, int *bound_port) {
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return system_error();
    if (bind(fd, (const struct sockaddr *)(const void *)address, sizeof *address) != 0) return system_error();
    if (listen(fd, SOMAXCONN) != 0) return system_error();
    struct sockaddr_in bound = {0};
    socklen_t length = sizeof bound;
    if (getsockname(fd, (struct sockaddr *)(void *)&bound, &length) != 0) return system_error();
    if (bound_port != NULL) *bound_port = ntohs(bound.sin_port);
    return APR_SUCCESS;
}

apr_status_t loop_listen(loop_listener_t **out, loop_t *l, const char *address, int port, loop_accept_fn accept, void *arg,
                         int *bound_port) {
    struct sockaddr_in parsed;
    int fd = -1;
    apr_status_t status = socket_address_parse(&parsed, address, port);
    if (status == APR_SUCCESS) status = socket_create(&fd);
    if (status != APR_SUCCESS) return status;
    loop_listener_t *listener = system_alloc(sizeof *listener);
    listener->watch.ready = listener_ready;
    listener->watch.retiree.release = listener_release;
    listener->watch.fd = fd;
    listener->loop = l;
    listener->accept = accept;
    listener->arg = arg;
    listener->pause.fire = end_pause;
    status = bind_and_listen(fd, &parsed, bound_port);
    if (status == APR_SUCCESS) status = watch_start(l, &listener->watch, EPOLLIN);
    if (status != APR_SUCCESS) {
        descriptor_close(fd);
        free(listener);
        return status;
    }
    *out = listener;
    return APR_SUCCESS;
}

void loop_listener_close(loop_listener_t *l) {
    if (l == NULL || l->watch.retired) return;
    loop_timer_stop(l->loop, &l->pause);
    watch_stop(l->loop, &l->watch);
    descriptor_close(l->watch.fd);
    watch_retire(l->loop, &l->watch);
}
