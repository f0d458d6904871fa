/* Listening sockets: a number of accepts is always under way. */
#include "portability/loop.h"

#include "portability/windows/loop_private.h"

#include <stdlib.h>

#define ACCEPTS 16
#define ACCEPT_PAUSE_US 100000
#define ADDRESS_ROOM (sizeof(SOCKADDR_IN) + 16)

typedef struct acceptance {
    operation_t operation;
    SOCKET fd; /* INVALID_SOCKET: not under way */
    unsigned char addresses[2 * ADDRESS_ROOM];
} acceptance_t;

struct loop_listener {
    endpoint_t end;
    LPFN_ACCEPTEX accept_ex;
    loop_accept_fn accept;
    void *arg;
    loop_timer_t pause;
    acceptance_t acceptances[ACCEPTS];
};

static loop_listener_t *of_pause(loop_timer_t *t) {
    return (loop_listener_t *)(void *)((char *)t - offsetof(loop_listener_t, pause));
}

static void start_all(loop_listener_t *l);

static void end_pause(loop_timer_t *t) {
    start_all(of_pause(t));
}

static void close_socket(SOCKET *fd) {
    if (*fd != INVALID_SOCKET) (void)closesocket(*fd);
    *fd = INVALID_SOCKET;
}

/* A connected socket is given out; false: that connection is lost. */
static void hand_over(loop_listener_t *l, acceptance_t *a, apr_status_t status) {
    SOCKET fd = a->fd;
    a->fd = INVALID_SOCKET;
    if (status == APR_SUCCESS) {
        const char *listening = (const char *)&l->end.fd;
        if (setsockopt(fd, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, listening, sizeof l->end.fd) != 0) status = socket_error();
    }
    if (status == APR_SUCCESS) {
        l->accept(l->arg, raw_socket_wrap(fd));
    } else {
        close_socket(&fd);
    }
}

/* Sockets or memory ran out: connections stay in the backlog, and trying again at once would spin. */
static void start_pause(loop_listener_t *l, acceptance_t *a) {
    close_socket(&a->fd);
    if (!loop_timer_active(&l->pause)) loop_timer_start(l->end.loop, &l->pause, ACCEPT_PAUSE_US);
}

/* Puts an accept under way. */
static void start(loop_listener_t *l, acceptance_t *a) {
    DWORD bytes = 0;
    for (int inline_ends = 0; !l->end.retired && inline_ends < ACCEPTS; inline_ends++) {
        apr_status_t status = socket_create(&a->fd);
        if (status != APR_SUCCESS) {
            start_pause(l, a);
            return;
        }
        operation_begin(&a->operation);
        bool ended = l->accept_ex(l->end.fd, a->fd, a->addresses, 0, ADDRESS_ROOM, ADDRESS_ROOM, &bytes, &a->operation.place) != 0;
        if (operation_started(&a->operation, ended, &status)) return;
        if (status != APR_SUCCESS && status != APR_FROM_OS_ERROR(WSAECONNRESET)) {
            start_pause(l, a);
            return;
        }
        hand_over(l, a, status);
    }
    if (!l->end.retired) start_pause(l, a); /* a flood: others have their turn */
}

static void start_all(loop_listener_t *l) {
    for (int i = 0; i < ACCEPTS && !l->end.retired; i++) {
        if (l->acceptances[i].fd == INVALID_SOCKET) start(l, &l->acceptances[i]);
    }
}

static void accepted(operation_t *o, DWORD bytes) {
    (void)bytes;
    acceptance_t *a = (acceptance_t *)(void *)o; /* its first member */
    loop_listener_t *l = (loop_listener_t *)(void *)o->owner;
    hand_over(l, a, operation_status(o));
    if (!l->end.retired) start(l, a);
}

static void listener_release(retiree_t *r) {
    loop_listener_t *l = (loop_listener_t *)(void *)r;
    for (int i = 0; i < ACCEPTS; i++) close_socket(&l->acceptances[i].fd);
    free(l);
}

/* A port of somebody else is told as "no permission" when he has it for himself. */
static apr_status_t bind_error(void) {
    apr_status_t status = socket_error();
    return status == windows_status(WSAEACCES) ? APR_FROM_OS_ERROR(EADDRINUSE) : status;
}

static apr_status_t bind_and_listen(SOCKET fd, const SOCKADDR_IN *address, int *bound_port) {
    BOOL on = TRUE;
    SOCKADDR_IN bound = {0};
    int length = sizeof bound;
    if (setsockopt(fd, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&on, sizeof on) != 0) return socket_error();
    if (bind(fd, (const SOCKADDR *)(const void *)address, sizeof *address) != 0) return bind_error();
    if (listen(fd, SOMAXCONN) != 0) return bind_error();
    if (getsockname(fd, (SOCKADDR *)(void *)&bound, &length) != 0) return socket_error();
    if (bound_port != NULL) *bound_port = ntohs(bound.sin_port);
    return APR_SUCCESS;
}

static apr_status_t prepare(loop_listener_t *l) {
    static const GUID accept_id = WSAID_ACCEPTEX;
    l->accept_ex = (LPFN_ACCEPTEX)socket_function(l->end.fd, &accept_id);
    return l->accept_ex == NULL ? socket_error() : endpoint_attach(&l->end);
}

apr_status_t loop_listen(loop_listener_t **out, loop_t *l, const char *address, int port, loop_accept_fn accept, void *arg,
                         int *bound_port) {
    SOCKADDR_IN parsed;
    SOCKET fd = INVALID_SOCKET;
    apr_status_t status = socket_address_parse(&parsed, address, port);
    if (status == APR_SUCCESS) status = socket_create(&fd);
    if (status != APR_SUCCESS) return status;
    loop_listener_t *listener = system_alloc(sizeof *listener);
    listener->end.retiree.release = listener_release;
    listener->end.loop = l;
    listener->end.fd = fd;
    listener->accept = accept;
    listener->arg = arg;
    listener->pause.fire = end_pause;
    for (int i = 0; i < ACCEPTS; i++) {
        listener->acceptances[i].fd = INVALID_SOCKET;
        listener->acceptances[i].operation.owner = &listener->end;
        listener->acceptances[i].operation.ended = accepted;
    }
    status = bind_and_listen(fd, &parsed, bound_port);
    if (status == APR_SUCCESS) status = prepare(listener);
    if (status != APR_SUCCESS) {
        (void)closesocket(fd);
        free(listener);
        return status;
    }
    *out = listener;
    loop_timer_start(l, &listener->pause, 0); /* accepts start in the loop's next round: no callback comes inside this call */
    return APR_SUCCESS;
}

void loop_listener_close(loop_listener_t *l) {
    if (l == NULL || l->end.retired) return;
    loop_timer_stop(l->end.loop, &l->pause);
    endpoint_retire(&l->end);
}
