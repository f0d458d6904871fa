#include "wire_client.h"

#include "base/memory.h"

#include <apr_network_io.h>
#include <apr_pools.h>

#define RECEIVE_BYTES 65536

struct wire_client {
    apr_pool_t *pool;
    apr_socket_t *socket;
    uint8_t *data;
    size_t used;
    size_t capacity;
};

wire_client_t *wire_client_open(int port) {
    wire_client_t *w = memory_zalloc(sizeof *w);
    apr_sockaddr_t *address = NULL;
    bool good = apr_pool_create(&w->pool, NULL) == APR_SUCCESS &&
                apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, (apr_port_t)port, 0, w->pool) == APR_SUCCESS &&
                apr_socket_create(&w->socket, APR_INET, SOCK_STREAM, APR_PROTO_TCP, w->pool) == APR_SUCCESS &&
                apr_socket_connect(w->socket, address) == APR_SUCCESS;
    if (good) return w;
    wire_client_close(w);
    return NULL;
}

void wire_client_close(wire_client_t *w) {
    if (w == NULL) return;
    if (w->socket != NULL) (void)apr_socket_close(w->socket);
    if (w->pool != NULL) apr_pool_destroy(w->pool);
    memory_free(w->data);
    memory_free(w);
}

bool wire_client_send_bytes(wire_client_t *w, const void *bytes, size_t size) {
    const char *at = bytes;
    while (size > 0) {
        apr_size_t n = size;
        if (apr_socket_send(w->socket, at, &n) != APR_SUCCESS) return false;
        at += n;
        size -= n;
    }
    return true;
}

bool wire_client_send(wire_client_t *w, int16_t code, int16_t version, int32_t opaque, int32_t flag, view_t body) {
    uint8_t *frame = memory_alloc(FRAME_HEAD + body.size);
    frame_write_head(frame, code, version, opaque, flag, code, body.size);
    if (body.size > 0) memcpy(frame + FRAME_HEAD, body.data, body.size);
    bool sent = wire_client_send_bytes(w, frame, FRAME_HEAD + body.size);
    memory_free(frame);
    return sent;
}

static bool fill(wire_client_t *w, double seconds) {
    if (w->capacity - w->used < RECEIVE_BYTES) {
        w->capacity = w->used + 2 * RECEIVE_BYTES;
        w->data = memory_realloc(w->data, w->capacity);
    }
    apr_size_t n = RECEIVE_BYTES;
    (void)apr_socket_timeout_set(w->socket, (apr_interval_time_t)(seconds * 1e6));
    if (apr_socket_recv(w->socket, (char *)w->data + w->used, &n) != APR_SUCCESS || n == 0) return false;
    w->used += n;
    return true;
}

bool wire_client_receive(wire_client_t *w, wire_answer_t *a, double seconds) {
    for (;;) {
        frame_t frame;
        size_t needed;
        const char *reason;
        if (frame_parse(w->data, w->used, SIZE_MAX / 2, &frame, &needed, &reason) == APR_SUCCESS) {
            a->bytes = memory_dup(w->data, frame.size);
            size_t behind = w->used - frame.size;
            memmove(w->data, w->data + frame.size, behind);
            w->used = behind;
            return frame_parse(a->bytes, frame.size, SIZE_MAX / 2, &a->frame, &needed, &reason) == APR_SUCCESS;
        }
        if (!fill(w, seconds)) return false;
    }
}
