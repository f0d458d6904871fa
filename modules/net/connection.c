#include "net/connection_impl.h"

#include "base/memory.h"
#include "base/status.h"

static void connection_free(shared_t *shared) {
    connection_t *c = CONTAINER_OF(shared, connection_t, shared);
    shared_release(&c->context->shared);
    memory_free(c->reason);
    memory_free(c);
}

static void on_readable(void *arg) {
    connection_receive(arg);
}

static void on_written(void *arg, apr_status_t status) {
    connection_written(arg, status);
}

static void on_closed(void *arg) {
    connection_t *c = arg;
    c->state = CONNECTION_GONE;
    c->socket = NULL;
    connection_drop_unsent(c);
    c->events->gone(c->arg, c, c->reason);
    connection_release(c);
}

static const loop_socket_events_t socket_events = {on_readable, on_written, on_closed};

apr_status_t connection_open(connection_t **out, connection_context_t *x, raw_socket_t *s, const connection_options_t *options) {
    connection_t *c = memory_zalloc(sizeof *c);
    shared_init(&c->shared, connection_free);
    c->context = x;
    shared_retain(&x->shared);
    c->events = options->events;
    c->arg = options->arg;
    c->max_frame = options->max_frame;
    c->max_unsent = options->max_unsent;
    c->state = CONNECTION_OPEN;
    c->needed = FRAME_HEAD;
    c->moved_us = loop_now_us(x->loop);
    chain_init(&c->out);
    if (raw_socket_peer(s, c->peer, sizeof c->peer) != APR_SUCCESS) memcpy(c->peer, "unknown", sizeof "unknown");
    apr_status_t status = loop_socket_open(&c->socket, x->loop, s, &socket_events, c);
    if (status != APR_SUCCESS) {
        connection_release(c);
        return status;
    }
    /* A connection without probes works too: a vanished peer is then found at the next write. */
    if (options->keepalive) (void)loop_socket_keepalive(c->socket, true);
    connection_update_reading(c);
    *out = c;
    return APR_SUCCESS;
}

void connection_update_reading(connection_t *c) {
    bool want = c->state == CONNECTION_OPEN && !c->held && !c->starving && !c->paused;
    if (want == c->reading || c->state >= CONNECTION_CLOSING) return;
    c->reading = want;
    loop_socket_read_on(c->socket, want);
}

void connection_pause(connection_t *c, bool paused) {
    c->paused = paused;
    connection_update_reading(c);
}

static void give_reason(connection_t *c, const char *reason) {
    if (c->reason == NULL) c->reason = memory_strdup(reason);
}

void connection_fail(connection_t *c, const char *reason) {
    if (c->state >= CONNECTION_CLOSING) return;
    give_reason(c, reason);
    c->state = CONNECTION_CLOSING;
    c->reading = false;
    connection_drop_received(c);
    loop_socket_close(c->socket);
}

void connection_close(connection_t *c, bool flush, const char *reason) {
    if (!flush || (c->state == CONNECTION_OPEN && c->out.bytes == 0)) {
        connection_fail(c, reason);
        return;
    }
    if (c->state != CONNECTION_OPEN) return;
    give_reason(c, reason);
    c->state = CONNECTION_FLUSHING;
    connection_drop_received(c);
    connection_update_reading(c);
    connection_queue_flush(c);
}

bool connection_is_open(const connection_t *c) {
    return c->state == CONNECTION_OPEN;
}

bool connection_broke_protocol(const connection_t *c) {
    return c->broke_protocol;
}

size_t connection_unsent(const connection_t *c) {
    return c->out.bytes;
}

int64_t connection_moved_us(const connection_t *c) {
    return c->moved_us;
}

const char *connection_peer(const connection_t *c) {
    return c->peer;
}

loop_t *connection_loop(const connection_t *c) {
    return c->context->loop;
}

connection_context_t *connection_context_of(const connection_t *c) {
    return c->context;
}

void connection_set_user(connection_t *c, void *user) {
    c->user = user;
}

void *connection_user(const connection_t *c) {
    return c->user;
}

void connection_retain(connection_t *c) {
    shared_retain(&c->shared);
}

void connection_release(connection_t *c) {
    if (c != NULL) shared_release(&c->shared);
}
