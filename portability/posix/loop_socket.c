/* Connected sockets on a loop: reads by readiness, writes by completion. */
#include "portability/loop.h"

#include "base/status.h"
#include "portability/posix/file_private.h"
#include "portability/posix/loop_private.h"
#include "portability/posix/system.h"

#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HEAD_SLICES 64                   /* slices of a call that starts inside a slice: those are copied */
#define BYTES_PER_TURN ((size_t)8 << 20) /* a fast reader must not keep the loop for itself */

struct loop_socket {
    watch_t watch;
    loop_t *loop;
    const loop_socket_events_t *events;
    void *arg;
    const io_slice_t *slices; /* what is still to be written, from byte `skip` of the first */
    size_t count;
    size_t skip;
    bool reading;
};

static loop_socket_t *of_watch(watch_t *w) {
    return (loop_socket_t *)(void *)w; /* its first member */
}

static void forget_write(loop_socket_t *s) {
    s->slices = NULL;
    s->count = s->skip = 0;
}

/* Moves on by n written bytes and over empty slices. */
static void advance(loop_socket_t *s, size_t n) {
    n += s->skip;
    while (s->count > 0 && n >= s->slices->size) {
        n -= s->slices->size;
        s->slices++;
        s->count--;
    }
    s->skip = n;
}

/* One call of sendmsg; *taken is the number of bytes, *whole whether the system took all it was offered. */
static apr_status_t send_once(loop_socket_t *s, size_t *taken, bool *whole) {
    struct iovec head[HEAD_SLICES];
    struct msghdr message = {0};
    if (s->skip == 0) {
        message.msg_iov = (struct iovec *)(uintptr_t)s->slices; /* is only read */
        message.msg_iovlen = s->count < IOV_MAX ? s->count : IOV_MAX;
    } else {
        message.msg_iov = head;
        for (; message.msg_iovlen < HEAD_SLICES && message.msg_iovlen < s->count; message.msg_iovlen++) {
            const io_slice_t *slice = &s->slices[message.msg_iovlen];
            head[message.msg_iovlen] = (struct iovec){(void *)(uintptr_t)slice->data, slice->size};
        }
        head[0].iov_base = (char *)head[0].iov_base + s->skip;
        head[0].iov_len -= s->skip;
    }
    const io_slice_t *end = s->slices + message.msg_iovlen;
    ssize_t n;
    do {
        n = sendmsg(s->watch.fd, &message, MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return system_error();
    advance(s, (size_t)n);
    *taken = (size_t)n;
    *whole = s->slices >= end;
    return APR_SUCCESS;
}

/* APR_SUCCESS: all written. APR_EAGAIN: the rest when the socket is writable. */
static apr_status_t send_pending(loop_socket_t *s) {
    size_t turn = 0;
    advance(s, 0);
    while (s->count > 0) {
        size_t taken = 0;
        bool whole = false;
        apr_status_t status = send_once(s, &taken, &whole);
        if (status != APR_SUCCESS) return APR_STATUS_IS_EAGAIN(status) ? APR_EAGAIN : status;
        turn += taken;
        if (s->count > 0 && (!whole || turn >= BYTES_PER_TURN)) return APR_EAGAIN;
    }
    return APR_SUCCESS;
}

static void arm(loop_socket_t *s) {
    uint32_t events = (s->reading ? (uint32_t)EPOLLIN : 0) | (s->count > 0 ? (uint32_t)EPOLLOUT : 0);
    watch_arm(s->loop, &s->watch, events == 0 ? WATCH_NOTHING : events);
}

static void continue_write(loop_socket_t *s) {
    apr_status_t status = send_pending(s);
    if (APR_STATUS_IS_EAGAIN(status)) return;
    forget_write(s);
    arm(s);
    s->events->written(s->arg, status);
}

static void socket_ready(watch_t *w, uint32_t events) {
    loop_socket_t *s = of_watch(w);
    uint32_t always = EPOLLERR | EPOLLHUP;
    if (s->count > 0 && (events & (EPOLLOUT | always))) continue_write(s);
    if (w->retired || !(events & (EPOLLIN | always))) return;
    if (s->reading) {
        s->events->readable(s->arg);
    } else {
        arm(s); /* reading was switched off without telling epoll; it costs a call only if something comes */
    }
}

static void socket_release(retiree_t *r) {
    loop_socket_t *s = (loop_socket_t *)(void *)r;
    void (*closed)(void *arg) = s->events->closed;
    void *arg = s->arg;
    free(s);
    closed(arg);
}

apr_status_t loop_socket_open(loop_socket_t **out, loop_t *l, raw_socket_t *raw, const loop_socket_events_t *events, void *arg) {
    loop_socket_t *s = system_alloc(sizeof *s);
    s->watch.ready = socket_ready;
    s->watch.retiree.release = socket_release;
    s->watch.fd = raw_socket_unwrap(raw);
    s->loop = l;
    s->events = events;
    s->arg = arg;
    apr_status_t status = watch_start(l, &s->watch, EPOLLIN); /* as if reading: it mostly follows at once */
    if (status != APR_SUCCESS) {
        descriptor_close(s->watch.fd);
        free(s);
        return status;
    }
    *out = s;
    return APR_SUCCESS;
}

void loop_socket_read_on(loop_socket_t *s, bool on) {
    s->reading = on;
    if (on && !s->watch.retired) arm(s);
}

apr_status_t loop_socket_read(loop_socket_t *s, void *to, size_t size, size_t *got) {
    *got = 0;
    if (s->watch.retired) return QMQ_E_CLOSED;
    ssize_t n;
    do {
        n = recv(s->watch.fd, to, size, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return errno == EWOULDBLOCK ? APR_EAGAIN : system_error();
    if (n == 0 && size > 0) return APR_EOF;
    *got = (size_t)n;
    return APR_SUCCESS;
}

apr_status_t loop_socket_write(loop_socket_t *s, const io_slice_t *slices, size_t count) {
    if (s->watch.retired) return QMQ_E_CLOSED;
    if (s->count > 0) return QMQ_E_INVALID;
    s->slices = slices;
    s->count = count;
    s->skip = 0;
    apr_status_t status = send_pending(s);
    if (APR_STATUS_IS_EAGAIN(status)) {
        arm(s);
        return QMQ_E_PENDING;
    }
    forget_write(s);
    return status;
}

void loop_socket_close(loop_socket_t *s) {
    if (s->watch.retired) return;
    forget_write(s);
    watch_stop(s->loop, &s->watch);
    descriptor_close(s->watch.fd);
    watch_retire(s->loop, &s->watch);
}

apr_status_t loop_socket_keepalive(loop_socket_t *s, bool on) {
    int value = on, idle = LOOP_KEEPALIVE_IDLE_SECONDS, interval = LOOP_KEEPALIVE_INTERVAL_SECONDS, probes = LOOP_KEEPALIVE_PROBES;
    if (s->watch.retired) return QMQ_E_CLOSED;
    if (setsockopt(s->watch.fd, SOL_SOCKET, SO_KEEPALIVE, &value, sizeof value) != 0) return system_error();
    /* Fail where they have no meaning (socket pairs). */
    (void)setsockopt(s->watch.fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(s->watch.fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(s->watch.fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    return APR_SUCCESS;
}
