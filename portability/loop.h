/* The event loop: one thread owns one loop, its sockets and its timers. Reads are by readiness, accepts and writes by
 * completion (design section 5, spec/portability.md 8.6), so that a pollset and a completion port both fulfil it without waste.
 * Every call is for the loop's own thread unless it says "any thread". Callbacks run on the loop's thread and may call
 * everything here, destruction of their own object included. SIGPIPE is never raised. */
#ifndef QMQ_PORTABILITY_LOOP_H
#define QMQ_PORTABILITY_LOOP_H

#include "portability/file.h"

#include <apr_errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct loop loop_t;

/* A piece of work for the loop, embedded in the caller's object, which must live until run was called. A task is queued at most
 * once at a time. */
typedef struct task {
    struct task *next;
    void (*run)(struct task *self);
} task_t;

apr_status_t loop_create(loop_t **out, const char *name);
/* Runs in the calling thread until loop_stop; tasks posted before the stop are still run. */
apr_status_t loop_run(loop_t *l);
/* Any thread. */
void loop_stop(loop_t *l);
/* After loop_run returned, when nobody posts any more. Sockets and listeners must be closed; tasks still queued are run once, what
 * is due to be called back is (connection attempts under way with QMQ_E_CLOSED). */
void loop_destroy(loop_t *l);
/* True in the thread that runs the loop. Any thread. */
bool loop_is_current(const loop_t *l);

/* Runs the task on the loop's thread, in the order posted. Lock-free or a short lock; wakes the loop only when it sleeps. Any thread. */
void loop_post(loop_t *l, task_t *task);
/* Runs the task at the end of this round, after all sockets that were ready had their turn and before the loop waits; in the
 * order deferred, those deferred meanwhile too. This is where batches are closed. */
void loop_defer(loop_t *l, task_t *task);
/* Runs the task in the same round when no deferred task is left, those that came of it included: what gathers from all of them runs once.
 * The youngest first: its peer has waited for what the others set off. */
void loop_defer_last(loop_t *l, task_t *task);
/* Monotonic time in microseconds, read once a round: cheap. */
int64_t loop_now_us(const loop_t *l);

/* Timers: a heap or wheel, millisecond grain, never early. */
typedef struct loop_timer {
    void *private_[4]; /* zero before first use */
    int64_t due_us;
    void (*fire)(struct loop_timer *self);
} loop_timer_t;

/* (Re)arms the timer to fire once in delay_us. The struct must live until it fired or was stopped. */
void loop_timer_start(loop_t *l, loop_timer_t *t, int64_t delay_us);
void loop_timer_stop(loop_t *l, loop_timer_t *t);
bool loop_timer_active(const loop_timer_t *t);

/* A connected stream socket on its loop. TCP_NODELAY is set on accepted and connected sockets. */
typedef struct loop_socket loop_socket_t;

/* Socket accepted or connected but not yet bound to a loop; may be handed to another loop's thread. */
typedef struct raw_socket raw_socket_t;

typedef struct loop_listener loop_listener_t;
/* Takes over a new connection; on overload it may close it with raw_socket_close. */
typedef void (*loop_accept_fn)(void *arg, raw_socket_t *s);

/* Listens on address (IPv4 text, "0.0.0.0" for all) and port (0 = any free one; *bound_port tells). Fails with
 * APR_FROM_OS_ERROR(EADDRINUSE) when taken. When the descriptor limit is reached, accepting pauses for a while instead of spinning. */
apr_status_t loop_listen(loop_listener_t **out, loop_t *l, const char *address, int port, loop_accept_fn accept, void *arg,
                         int *bound_port);
void loop_listener_close(loop_listener_t *l);

typedef void (*loop_connect_fn)(void *arg, apr_status_t status, raw_socket_t *s);
/* Connects to an IPv4 address text; the callback comes exactly once, later, with the socket or the reason (APR_TIMEUP when timeout_us
 * ran out; < 0: the system's limit). When this call fails (no descriptor, not an address) no callback follows. Names are resolved
 * beforehand, see host_resolve. */
apr_status_t loop_connect(loop_t *l, const char *address, int port, int64_t timeout_us, loop_connect_fn done, void *arg);

/* Sends an already connected socket pair's end into a loop; for tests. */
apr_status_t raw_socket_pair(raw_socket_t **a, raw_socket_t **b);
/* True when so few descriptors are left with it that files should have the rest: it had better be closed. Any thread that owns s. */
bool raw_socket_is_scarce(raw_socket_t *s);
/* "host:port" of the peer, written to `to` (APR_EINVAL when it does not fit). Any thread that owns s. */
apr_status_t raw_socket_peer(raw_socket_t *s, char *to, size_t size);
void raw_socket_close(raw_socket_t *s);

typedef struct loop_socket_events {
    /* Bytes, the end of the stream or an error can be read. Level-triggered: comes again until it is read to APR_EAGAIN, or
     * reading is switched off. */
    void (*readable)(void *arg);
    /* A write that was pending has ended. status APR_SUCCESS: all bytes were taken over by the system. */
    void (*written)(void *arg, apr_status_t status);
    /* After loop_socket_close: the last callback; no operation is pending any more, memory may be freed. */
    void (*closed)(void *arg);
} loop_socket_events_t;

/* Binds s to the loop (takes it over, also on failure). Reading is off until loop_socket_read_on. *events must outlive the socket. */
apr_status_t loop_socket_open(loop_socket_t **out, loop_t *l, raw_socket_t *s, const loop_socket_events_t *events, void *arg);
void loop_socket_read_on(loop_socket_t *s, bool on);
/* Never waits. APR_EAGAIN: nothing now. APR_EOF: the peer closed. */
apr_status_t loop_socket_read(loop_socket_t *s, void *to, size_t size, size_t *got);
/* Writes the slices in order. APR_SUCCESS: all taken, no callback follows. QMQ_E_PENDING: the slices array and the bytes must stay
 * unchanged until `written` is called; one write at a time. Other: the connection is dead, no callback follows. */
apr_status_t loop_socket_write(loop_socket_t *s, const io_slice_t *slices, size_t count);
/* Cancels what is pending and closes; `closed` follows, never inside this call. */
void loop_socket_close(loop_socket_t *s);
/* Keep-alive probes: a peer that vanished without a word is noticed within a few minutes. */
#define LOOP_KEEPALIVE_IDLE_SECONDS 60
#define LOOP_KEEPALIVE_INTERVAL_SECONDS 15
#define LOOP_KEEPALIVE_PROBES 4 /* where the system lets choose */
apr_status_t loop_socket_keepalive(loop_socket_t *s, bool on);

#endif
