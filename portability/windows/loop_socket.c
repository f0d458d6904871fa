/* Connected sockets on a loop: reads by readiness, writes by completion. */
#include "portability/loop.h"

#include "base/status.h"
#include "portability/windows/loop_private.h"

#include <limits.h>
#include <mstcpip.h>
#include <stdlib.h>

#define SLICES_PER_CALL 64
#define BYTES_PER_CALL ((size_t)1 << 20) /* the system takes over what it is given, and memory for it, at any length */
#define BYTES_PER_TURN ((size_t)8 << 20) /* a fast reader must not keep the loop for itself */

struct loop_socket {
    endpoint_t end;
    turn_t turn;
    const loop_socket_events_t *events;
    void *arg;
    operation_t arrival; /* a read of no bytes: ends when there is something */
    operation_t departure;
    const io_slice_t *slices; /* what is still to be written, from byte `skip` of the first */
    size_t count;
    size_t skip;
    bool reading;
    bool waiting;  /* `arrival` is under way */
    bool drained;  /* the last read left nothing */
    bool departed; /* `departure` is a mere turn: no bytes were given to the system */
};

static loop_socket_t *of_arrival(operation_t *o) {
    return (loop_socket_t *)(void *)((char *)o - offsetof(loop_socket_t, arrival));
}

static loop_socket_t *of_departure(operation_t *o) {
    return (loop_socket_t *)(void *)((char *)o - offsetof(loop_socket_t, departure));
}

static poller_t *poller_of(const loop_socket_t *s) {
    return loop_poller(s->end.loop);
}

/* Reading */

/* Waits for something to read, or finds that it is there. A failure is there to be read too. */
static void wait_for_arrival(loop_socket_t *s) {
    WSABUF nothing = {0, NULL};
    DWORD flags = 0;
    apr_status_t status = APR_SUCCESS;
    if (s->waiting) return;
    operation_begin(&s->arrival);
    bool ended = WSARecv(s->end.fd, &nothing, 1, NULL, &flags, &s->arrival.place, NULL) == 0;
    s->waiting = operation_started(&s->arrival, ended, &status);
    s->drained = s->waiting;
    if (!s->waiting) poller_queue(poller_of(s), &s->turn);
}

static void arrived(operation_t *o, DWORD bytes) {
    (void)bytes;
    loop_socket_t *s = of_arrival(o);
    s->waiting = s->drained = false;
    if (s->reading) poller_queue(poller_of(s), &s->turn);
}

static void go_on_reading(loop_socket_t *s) {
    if (s->drained) {
        wait_for_arrival(s);
    } else {
        poller_queue(poller_of(s), &s->turn);
    }
}

void socket_take_turn(turn_t *t) {
    loop_socket_t *s = (loop_socket_t *)(void *)((char *)t - offsetof(loop_socket_t, turn));
    if (s->end.retired || !s->reading) return;
    s->events->readable(s->arg);
    if (!s->end.retired && s->reading) go_on_reading(s);
}

void loop_socket_read_on(loop_socket_t *s, bool on) {
    if (s->end.retired) return;
    s->reading = on;
    if (on && !s->waiting) {
        go_on_reading(s);
    } else if (!on) {
        poller_unqueue(&s->turn);
    }
}

apr_status_t loop_socket_read(loop_socket_t *s, void *to, size_t size, size_t *got) {
    *got = 0;
    if (s->end.retired) return QMQ_E_CLOSED;
    int n = recv(s->end.fd, to, size < INT_MAX ? (int)size : INT_MAX, 0);
    if (n == SOCKET_ERROR) {
        int error = WSAGetLastError();
        if (error != WSAEWOULDBLOCK) return windows_status((DWORD)error);
        s->drained = true;
        return APR_EAGAIN;
    }
    if (n == 0 && size > 0) return APR_EOF;
    *got = (size_t)n;
    return APR_SUCCESS;
}

/* Writing */

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

/* The next buffers; their number, *size their bytes. */
static DWORD fill(const loop_socket_t *s, WSABUF *buffers, size_t *size) {
    DWORD used = 0;
    size_t skip = s->skip;
    *size = 0;
    for (size_t i = 0; i < s->count && used < SLICES_PER_CALL && *size < BYTES_PER_CALL; i++, skip = 0) {
        size_t part = s->slices[i].size - skip, room = BYTES_PER_CALL - *size;
        if (part == 0) continue;
        if (part > room) part = room;
        buffers[used++] = (WSABUF){(ULONG)part, (char *)(uintptr_t)s->slices[i].data + skip};
        *size += part;
    }
    return used;
}

/* Offers bytes without waiting. APR_SUCCESS: all taken. APR_EAGAIN: the rest by completion. */
static apr_status_t send_now(loop_socket_t *s) {
    WSABUF buffers[SLICES_PER_CALL];
    size_t turn = 0, size;
    advance(s, 0);
    while (s->count > 0) {
        DWORD taken = 0, count = fill(s, buffers, &size);
        if (WSASend(s->end.fd, buffers, count, &taken, 0, NULL, NULL) != 0) {
            int error = WSAGetLastError();
            return error == WSAEWOULDBLOCK ? APR_EAGAIN : windows_status((DWORD)error);
        }
        advance(s, taken);
        turn += taken;
        if (s->count > 0 && (taken < size || turn >= BYTES_PER_TURN)) return APR_EAGAIN;
    }
    return APR_SUCCESS;
}

static void end_write(loop_socket_t *s, apr_status_t status) {
    forget_write(s);
    s->events->written(s->arg, status);
}

/* Gives the next part to the system. True: its end will come. False: all is done, or it failed. */
static bool send_rest(loop_socket_t *s, apr_status_t *status) {
    WSABUF buffers[SLICES_PER_CALL];
    size_t turn = 0, size;
    *status = APR_SUCCESS;
    while (s->count > 0) {
        DWORD taken = 0, count = fill(s, buffers, &size);
        operation_begin(&s->departure);
        s->departed = turn >= BYTES_PER_TURN;
        if (s->departed) {
            operation_post(&s->departure);
            return true;
        }
        bool ended = WSASend(s->end.fd, buffers, count, &taken, 0, &s->departure.place, NULL) == 0;
        if (operation_started(&s->departure, ended, status)) return true;
        if (*status != APR_SUCCESS) return false;
        advance(s, taken);
        turn += taken;
    }
    return false;
}

static void departed(operation_t *o, DWORD bytes) {
    loop_socket_t *s = of_departure(o);
    apr_status_t status = s->departed ? APR_SUCCESS : operation_status(o);
    if (status == APR_SUCCESS) {
        advance(s, bytes);
        if (send_rest(s, &status)) return;
    }
    end_write(s, status);
}

apr_status_t loop_socket_write(loop_socket_t *s, const io_slice_t *slices, size_t count) {
    if (s->end.retired) return QMQ_E_CLOSED;
    if (s->count > 0) return QMQ_E_INVALID;
    s->slices = slices;
    s->count = count;
    s->skip = 0;
    apr_status_t status = send_now(s);
    if (status == APR_EAGAIN && send_rest(s, &status)) return QMQ_E_PENDING;
    forget_write(s);
    return status;
}

/* Life */

static void socket_release(retiree_t *r) {
    loop_socket_t *s = (loop_socket_t *)(void *)r; /* the first member of its first member */
    void (*closed)(void *arg) = s->events->closed;
    void *arg = s->arg;
    free(s);
    closed(arg);
}

apr_status_t loop_socket_open(loop_socket_t **out, loop_t *l, raw_socket_t *raw, const loop_socket_events_t *events, void *arg) {
    loop_socket_t *s = system_alloc(sizeof *s);
    s->end.retiree.release = socket_release;
    s->end.loop = l;
    s->end.fd = raw_socket_unwrap(raw);
    s->arrival.owner = s->departure.owner = &s->end;
    s->arrival.ended = arrived;
    s->departure.ended = departed;
    s->events = events;
    s->arg = arg;
    s->drained = true;
    apr_status_t status = endpoint_attach(&s->end);
    if (status != APR_SUCCESS) {
        (void)closesocket(s->end.fd);
        free(s);
        return status;
    }
    *out = s;
    return APR_SUCCESS;
}

void loop_socket_close(loop_socket_t *s) {
    if (s->end.retired) return;
    forget_write(s);
    poller_unqueue(&s->turn);
    endpoint_retire(&s->end);
}

apr_status_t loop_socket_keepalive(loop_socket_t *s, bool on) {
    struct tcp_keepalive times = {on, LOOP_KEEPALIVE_IDLE_SECONDS * 1000, LOOP_KEEPALIVE_INTERVAL_SECONDS * 1000};
    BOOL value = on;
    DWORD got = 0;
    if (s->end.retired) return QMQ_E_CLOSED;
    if (setsockopt(s->end.fd, SOL_SOCKET, SO_KEEPALIVE, (const char *)&value, sizeof value) != 0) return socket_error();
    /* Fails where it has no meaning (socket pairs). */
    (void)WSAIoctl(s->end.fd, SIO_KEEPALIVE_VALS, &times, sizeof times, NULL, 0, &got, NULL, NULL);
    return APR_SUCCESS;
}
