#include "peer.h"

#include <string.h>

static void peer_readable(void *arg) {
    peer_t *p = arg;
    p->readable_calls++;
    if (p->on_readable != NULL) {
        p->on_readable(p);
    } else {
        peer_drain(p);
    }
}

static void peer_written(void *arg, apr_status_t status) {
    peer_t *p = arg;
    p->written_calls++;
    p->written_status = status;
    if (p->on_written != NULL) p->on_written(p);
}

static void peer_closed(void *arg) {
    peer_t *p = arg;
    p->closed_calls++;
    if (p->on_closed != NULL) {
        p->on_closed(p);
    } else {
        loop_stop(p->loop);
    }
}

static const loop_socket_events_t peer_events = {peer_readable, peer_written, peer_closed};

void peer_open(peer_t *p, loop_t *l, raw_socket_t *s) {
    memset(p, 0, sizeof *p);
    p->loop = l;
    CU_ASSERT_EQUAL_FATAL(loop_socket_open(&p->socket, l, s, &peer_events, p), APR_SUCCESS);
}

void peer_pair(peer_t *a, loop_t *la, peer_t *b, loop_t *lb) {
    raw_socket_t *raw[2];
    CU_ASSERT_EQUAL_FATAL(raw_socket_pair(&raw[0], &raw[1]), APR_SUCCESS);
    peer_open(a, la, raw[0]);
    peer_open(b, lb, raw[1]);
}

void peer_drain(peer_t *p) {
    static _Thread_local unsigned char block[65536];
    size_t got = 0;
    while ((p->read_status = loop_socket_read(p->socket, block, sizeof block, &got)) == APR_SUCCESS) {
        p->received += got;
        if (p->on_bytes != NULL) p->on_bytes(p, block, got);
    }
}
