#include "client.h"

#include <apr_poll.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL "127.0.0.1"

bool client_open(client_t *c, int port) {
    apr_sockaddr_t *address = NULL;
    memset(c, 0, sizeof *c);
    if (apr_pool_create(&c->pool, NULL) != APR_SUCCESS) return false;
    if (apr_sockaddr_info_get(&address, LOCAL, APR_INET, (apr_port_t)port, 0, c->pool) != APR_SUCCESS) return false;
    if (apr_socket_create(&c->socket, APR_INET, SOCK_STREAM, APR_PROTO_TCP, c->pool) != APR_SUCCESS) return false;
    if (apr_socket_timeout_set(c->socket, apr_time_from_sec(CLIENT_PATIENCE_S)) != APR_SUCCESS) return false;
    if (apr_socket_opt_set(c->socket, APR_TCP_NODELAY, 1) != APR_SUCCESS) return false;
    return apr_socket_connect(c->socket, address) == APR_SUCCESS;
}

bool client_listen(client_t *l, int *port) {
    apr_sockaddr_t *address = NULL;
    memset(l, 0, sizeof *l);
    if (apr_pool_create(&l->pool, NULL) != APR_SUCCESS) return false;
    if (apr_sockaddr_info_get(&address, LOCAL, APR_INET, 0, 0, l->pool) != APR_SUCCESS) return false;
    if (apr_socket_create(&l->socket, APR_INET, SOCK_STREAM, APR_PROTO_TCP, l->pool) != APR_SUCCESS) return false;
    if (apr_socket_timeout_set(l->socket, apr_time_from_sec(CLIENT_PATIENCE_S)) != APR_SUCCESS) return false;
    if (apr_socket_bind(l->socket, address) != APR_SUCCESS || apr_socket_listen(l->socket, 16) != APR_SUCCESS) return false;
    if (apr_socket_addr_get(&address, APR_LOCAL, l->socket) != APR_SUCCESS) return false;
    *port = address->port;
    return true;
}

bool client_accept(client_t *l, client_t *c) {
    memset(c, 0, sizeof *c);
    if (apr_pool_create(&c->pool, NULL) != APR_SUCCESS) return false;
    /* With a time-out accept does not wait by itself. */
    apr_pollfd_t wanted = {.p = l->pool, .desc_type = APR_POLL_SOCKET, .reqevents = APR_POLLIN, .desc.s = l->socket};
    apr_int32_t ready = 0;
    if (apr_poll(&wanted, 1, &ready, apr_time_from_sec(CLIENT_PATIENCE_S)) != APR_SUCCESS) return false;
    if (apr_socket_accept(&c->socket, l->socket, c->pool) != APR_SUCCESS) return false;
    return apr_socket_timeout_set(c->socket, apr_time_from_sec(CLIENT_PATIENCE_S)) == APR_SUCCESS;
}

void client_close(client_t *c) {
    if (c->pool != NULL) apr_pool_destroy(c->pool);
    memset(c, 0, sizeof *c);
}

bool client_write(client_t *c, const void *data, size_t size) {
    const char *at = data;
    while (size > 0) {
        apr_size_t n = size;
        if (apr_socket_send(c->socket, at, &n) != APR_SUCCESS) return false;
        at += n;
        size -= n;
    }
    return true;
}

bool client_read(client_t *c, void *to, size_t size) {
    char *at = to;
    while (size > 0) {
        apr_size_t n = size;
        if (apr_socket_recv(c->socket, at, &n) != APR_SUCCESS || n == 0) return false;
        at += n;
        size -= n;
    }
    return true;
}

bool client_is_closed(client_t *c) {
    char byte;
    apr_size_t n = 1;
    apr_status_t status = apr_socket_recv(c->socket, &byte, &n);
    return status != APR_SUCCESS && !APR_STATUS_IS_TIMEUP(status) && !APR_STATUS_IS_EAGAIN(status);
}

static void put(uint8_t *to, uint64_t value, int bytes) {
    for (int i = 0; i < bytes; i++) to[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint32_t get(const uint8_t *from, int bytes) {
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | from[i];
    return value;
}

size_t request_write(uint8_t *to, int16_t code, int32_t opaque, const void *body, size_t size) {
    put(to, 20 + size, 4);
    put(to + 4, 18, 2);
    put(to + 6, 0xDEC10ADE, 4);
    put(to + 10, (uint16_t)code, 2);
    put(to + 12, 8, 2);
    put(to + 14, (uint32_t)opaque, 4);
    put(to + 18, 0, 4);
    put(to + 22, (uint16_t)code, 2);
    if (size > 0) memcpy(to + 24, body, size);
    return 24 + size;
}

bool client_request(client_t *c, int16_t code, int32_t opaque, const void *body, size_t size) {
    uint8_t *frame = malloc(24 + size);
    if (frame == NULL) return false;
    bool ok = client_write(c, frame, request_write(frame, code, opaque, body, size));
    free(frame);
    return ok;
}

bool client_answer(client_t *c, answer_t *a) {
    uint8_t head[24];
    memset(a, 0, sizeof *a);
    if (!client_read(c, head, sizeof head)) return false;
    a->total = (int32_t)get(head, 4);
    a->header_len = (int16_t)get(head + 4, 2);
    a->magic = get(head + 6, 4);
    a->code = (int16_t)get(head + 10, 2);
    a->version = (int16_t)get(head + 12, 2);
    a->opaque = (int32_t)get(head + 14, 4);
    a->flag = (int32_t)get(head + 18, 4);
    a->request_code = (int16_t)get(head + 22, 2);
    if (a->magic != 0xDEC10ADE || a->header_len != 18 || a->total < 20 || a->flag != 1) return false;
    a->body_size = (size_t)a->total - 20;
    a->body = malloc(a->body_size + 1);
    return a->body != NULL && client_read(c, a->body, a->body_size);
}

void answer_free(answer_t *a) {
    free(a->body);
    a->body = NULL;
}

bool client_expect(client_t *c, int16_t code, int32_t opaque, const void *body, size_t size) {
    answer_t a;
    bool ok = client_answer(c, &a) && a.code == code && a.opaque == opaque && a.body_size == size &&
              (size == 0 || memcmp(a.body, body, size) == 0);
    answer_free(&a);
    return ok;
}
