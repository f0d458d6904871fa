/* Connection attempts. */
#include "portability/loop.h"

#include "base/status.h"
#include "portability/posix/loop_private.h"
#include "portability/posix/socket_address.h"
#include "portability/posix/system.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct connecting {
    watch_t watch;
    loop_t *loop;
    loop_connect_fn done;
    void *arg;
    loop_timer_t timeout;
    task_t ended; /* for attempts that end inside the call: the callback still comes later */
    apr_status_t status;
    bool watched;
    connecting_t *next, **link;
};

static connecting_t *of_watch(watch_t *w) {
    return (connecting_t *)(void *)w;
}

static connecting_t *of_timeout(loop_timer_t *t) {
    return (connecting_t *)(void *)((char *)t - offsetof(connecting_t, timeout));
}

static connecting_t *of_task(task_t *t) {
    return (connecting_t *)(void *)((char *)t - offsetof(connecting_t, ended));
}

static void enlist(connecting_t *c, connecting_t **list) {
    c->next = *list;
    c->link = list;
    if (*list != NULL) (*list)->link = &c->next;
    *list = c;
}

static void unlist(connecting_t *c) {
    *c->link = c->next;
    if (c->next != NULL) c->next->link = c->link;
}

static void connecting_release(retiree_t *r) {
    free(r); /* the first member of its first member */
}

/* A connection to a free local port can meet itself (simultaneous open): then nobody listens there. */
static bool is_connected_to_itself(int fd) {
    struct sockaddr_in here = {0}, there = {0};
    socklen_t here_size = sizeof here, there_size = sizeof there;
    return getsockname(fd, (struct sockaddr *)(void *)&here, &here_size) == 0 &&
           getpeername(fd, (struct sockaddr *)(void *)&there, &there_size) == 0 && here.sin_port == there.sin_port &&
           here.sin_addr.s_addr == there.sin_addr.s_addr;
}

static void finish(connecting_t *c, apr_status_t status) {
    unlist(c);
    loop_timer_stop(c->loop, &c->timeout);
    if (c->watched) watch_stop(c->loop, &c->watch);
    if (status == APR_SUCCESS && is_connected_to_itself(c->watch.fd)) status = APR_FROM_OS_ERROR(ECONNREFUSED);
    raw_socket_t *s = NULL;
    if (status == APR_SUCCESS) {
        s = raw_socket_wrap(c->watch.fd);
    } else {
        descriptor_close(c->watch.fd);
    }
    watch_retire(c->loop, &c->watch);
    c->done(c->arg, status, s);
}

static void connecting_ready(watch_t *w, uint32_t events) {
    (void)events;
    int error = 0;
    socklen_t size = sizeof error;
    apr_status_t status = APR_SUCCESS;
    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        status = system_error();
    } else if (error != 0) {
        status = APR_FROM_OS_ERROR(error);
    }
    finish(of_watch(w), status);
}

static void connecting_timed_out(loop_timer_t *t) {
    finish(of_timeout(t), APR_TIMEUP);
}

static void connecting_ended(task_t *t) {
    connecting_t *c = of_task(t);
    finish(c, c->status);
}

void connecting_abort(connecting_t *c) {
    finish(c, QMQ_E_CLOSED);
}

static void end_later(connecting_t *c, apr_status_t status) {
    c->status = status;
    loop_defer(c->loop, &c->ended);
}

static void start(connecting_t *c, const struct sockaddr_in *address, int64_t timeout_us) {
    int result = connect(c->watch.fd, (const struct sockaddr *)(const void *)address, sizeof *address);
    if (result == 0 || (errno != EINPROGRESS && errno != EINTR)) {
        end_later(c, result == 0 ? APR_SUCCESS : system_error());
        return;
    }
    apr_status_t status = watch_start(c->loop, &c->watch, EPOLLOUT);
    if (status != APR_SUCCESS) {
        end_later(c, status);
        return;
    }
    c->watched = true;
    if (timeout_us >= 0) loop_timer_start(c->loop, &c->timeout, timeout_us);
}

apr_status_t loop_connect(loop_t *l, const char *address, int port, int64_t timeout_us, loop_connect_fn done, void *arg) {
    struct sockaddr_in parsed;
    int fd = -1;
    connecting_t **list = loop_connecting_list(l);
    if (list == NULL) return QMQ_E_CLOSED;
    apr_status_t status = socket_address_parse(&parsed, address, port);
    if (status == APR_SUCCESS) status = socket_create(&fd);
    if (status != APR_SUCCESS) return status;
    connecting_t *c = system_alloc(sizeof *c);
    c->watch.ready = connecting_ready;
    c->watch.retiree.release = connecting_release;
    c->watch.fd = fd;
    c->loop = l;
    c->done = done;
    c->arg = arg;
    c->timeout.fire = connecting_timed_out;
    c->ended.run = connecting_ended;
    enlist(c, list);
    start(c, &parsed, timeout_us);
    return APR_SUCCESS;
}
