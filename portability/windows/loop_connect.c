/* Connection attempts. Their sockets are not bound to the loop's port, because that could not be undone when another loop takes the
 * connection over: the end of an attempt is an event, which a thread of the system's pool posts to the loop. */
#include "portability/loop.h"

#include "base/status.h"
#include "portability/windows/loop_private.h"

#include <stdlib.h>
#include <string.h>

struct connecting {
    endpoint_t end;
    operation_t attempt;
    HANDLE event;
    HANDLE wait;
    loop_connect_fn done;
    void *arg;
    loop_timer_t timeout;
    task_t ended; /* for attempts that end inside the call: the callback still comes later */
    apr_status_t status;
    connecting_t *next, **link;
};

static connecting_t *of_timeout(loop_timer_t *t) {
    return (connecting_t *)(void *)((char *)t - offsetof(connecting_t, timeout));
}

static connecting_t *of_task(task_t *t) {
    return (connecting_t *)(void *)((char *)t - offsetof(connecting_t, ended));
}

static connecting_t *of_attempt(operation_t *o) {
    return (connecting_t *)(void *)((char *)o - offsetof(connecting_t, attempt));
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
    connecting_t *c = (connecting_t *)(void *)r;
    if (c->wait != NULL && !UnregisterWaitEx(c->wait, INVALID_HANDLE_VALUE)) system_fatal("UnregisterWait", (int)GetLastError());
    if (c->event != NULL) CloseHandle(c->event);
    free(c);
}

/* A connection to a free local port can meet itself (simultaneous open): then nobody listens there. */
static bool is_connected_to_itself(SOCKET fd) {
    SOCKADDR_IN here = {0}, there = {0};
    int here_size = sizeof here, there_size = sizeof there;
    return getsockname(fd, (SOCKADDR *)(void *)&here, &here_size) == 0 && getpeername(fd, (SOCKADDR *)(void *)&there, &there_size) == 0 &&
           here.sin_port == there.sin_port && here.sin_addr.s_addr == there.sin_addr.s_addr;
}

static void finish(connecting_t *c, apr_status_t status) {
    unlist(c);
    loop_timer_stop(c->end.loop, &c->timeout);
    if (status == APR_SUCCESS && setsockopt(c->end.fd, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0) != 0) status = socket_error();
    if (status == APR_SUCCESS && is_connected_to_itself(c->end.fd)) status = windows_status(WSAECONNREFUSED);
    raw_socket_t *s = NULL;
    if (status == APR_SUCCESS) {
        s = raw_socket_wrap(c->end.fd);
        c->end.fd = INVALID_SOCKET;
    }
    endpoint_retire(&c->end);
    c->done(c->arg, status, s);
}

static void attempt_ended(operation_t *o, DWORD bytes) {
    (void)bytes;
    finish(of_attempt(o), operation_status(o));
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

/* On a thread of the system; once. */
static void CALLBACK post_end(void *arg, BOOLEAN timed_out) {
    (void)timed_out;
    connecting_t *c = arg;
    operation_post(&c->attempt);
}

static apr_status_t watch_event(connecting_t *c) {
    c->event = CreateEventW(NULL, TRUE, FALSE, NULL);
    if (c->event == NULL) return system_error();
    if (RegisterWaitForSingleObject(&c->wait, c->event, post_end, c, INFINITE, WT_EXECUTEONLYONCE)) return APR_SUCCESS;
    c->wait = NULL;
    return system_error();
}

static void end_later(connecting_t *c, apr_status_t status) {
    c->status = status;
    loop_defer(c->end.loop, &c->ended);
}

static apr_status_t bind_any(SOCKET fd) {
    SOCKADDR_IN any = {.sin_family = AF_INET};
    return bind(fd, (const SOCKADDR *)(const void *)&any, sizeof any) == 0 ? APR_SUCCESS : socket_error();
}

static void start(connecting_t *c, const SOCKADDR_IN *address, int64_t timeout_us) {
    static const GUID connect_id = WSAID_CONNECTEX;
    LPFN_CONNECTEX connect_ex = (LPFN_CONNECTEX)socket_function(c->end.fd, &connect_id);
    apr_status_t status = connect_ex == NULL ? socket_error() : bind_any(c->end.fd);
    if (status == APR_SUCCESS) status = watch_event(c);
    if (status != APR_SUCCESS) {
        end_later(c, status);
        return;
    }
    c->attempt.place.hEvent = c->event;
    operation_begin(&c->attempt);
    bool ended = connect_ex(c->end.fd, (const SOCKADDR *)(const void *)address, sizeof *address, NULL, 0, NULL, &c->attempt.place) != 0;
    if (!ended && WSAGetLastError() != WSA_IO_PENDING) {
        c->end.pending--; /* the event is not set then, and the wait is taken back at the end */
        end_later(c, socket_error());
    } else if (timeout_us >= 0) {
        loop_timer_start(c->end.loop, &c->timeout, timeout_us);
    }
}

apr_status_t loop_connect(loop_t *l, const char *address, int port, int64_t timeout_us, loop_connect_fn done, void *arg) {
    SOCKADDR_IN parsed;
    SOCKET fd = INVALID_SOCKET;
    connecting_t **list = loop_connecting_list(l);
    if (list == NULL) return QMQ_E_CLOSED;
    apr_status_t status = socket_address_parse(&parsed, address, port);
    if (status == APR_SUCCESS) status = socket_create(&fd);
    if (status != APR_SUCCESS) return status;
    connecting_t *c = system_alloc(sizeof *c);
    c->end.retiree.release = connecting_release;
    c->end.loop = l;
    c->end.fd = fd;
    c->attempt.owner = &c->end;
    c->attempt.ended = attempt_ended;
    c->done = done;
    c->arg = arg;
    c->timeout.fire = connecting_timed_out;
    c->ended.run = connecting_ended;
    enlist(c, list);
    start(c, &parsed, timeout_us);
    return APR_SUCCESS;
}
