#include "raw.h"

#include "test.h"

#include "base/memory.h"

#include <apr_network_io.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_US (10 * 1000000LL)

struct raw {
    apr_pool_t *pool;
    apr_socket_t *socket;
    char *data;
    size_t used;
    char *answer;
};

static void must(apr_status_t status, const char *what) {
    if (status == APR_SUCCESS) return;
    char text[120];
    printf("%s: %s\n", what, apr_strerror(status, text, sizeof text));
    exit(2);
}

static raw_t *create(void) {
    raw_t *r = memory_zalloc(sizeof *r);
    must(apr_pool_create(&r->pool, NULL), "pool");
    return r;
}

static apr_sockaddr_t *local(raw_t *r, int port) {
    apr_sockaddr_t *address = NULL;
    must(apr_sockaddr_info_get(&address, "127.0.0.1", APR_INET, (apr_port_t)port, 0, r->pool), "address");
    return address;
}

raw_t *raw_connect(int port) {
    raw_t *r = create();
    must(apr_socket_create(&r->socket, APR_INET, SOCK_STREAM, APR_PROTO_TCP, r->pool), "socket");
    must(apr_socket_timeout_set(r->socket, TIMEOUT_US), "time-out");
    must(apr_socket_connect(r->socket, local(r, port)), "connect");
    return r;
}

raw_t *raw_listen(int *port) {
    raw_t *r = create();
    apr_sockaddr_t *address = NULL;
    must(apr_socket_create(&r->socket, APR_INET, SOCK_STREAM, APR_PROTO_TCP, r->pool), "socket");
    must(apr_socket_bind(r->socket, local(r, 0)), "bind");
    must(apr_socket_listen(r->socket, 1), "listen");
    must(apr_socket_addr_get(&address, APR_LOCAL, r->socket), "own address");
    *port = address->port;
    return r;
}

raw_t *raw_accept(raw_t *listener) {
    raw_t *r = create();
    must(apr_socket_accept(&r->socket, listener->socket, r->pool), "accept");
    must(apr_socket_timeout_set(r->socket, TIMEOUT_US), "time-out");
    return r;
}

void raw_send_bytes(raw_t *r, const void *data, size_t size) {
    const char *from = data;
    while (size > 0) {
        apr_size_t sent = size;
        if (apr_socket_send(r->socket, from, &sent) != APR_SUCCESS) return; /* the test sees it in what comes back */
        from += sent;
        size -= sent;
    }
}

void raw_send(raw_t *r, const char *text) {
    raw_send_bytes(r, text, strlen(text));
}

static bool receive(raw_t *r) {
    r->data = memory_realloc(r->data, r->used + 65536 + 1);
    apr_size_t size = 65536;
    apr_status_t status = apr_socket_recv(r->socket, r->data + r->used, &size);
    if (status != APR_SUCCESS || size == 0) return false;
    r->used += size;
    r->data[r->used] = 0;
    return true;
}

static size_t length_of(const char *head) {
    const char *length = strstr(head, "Content-Length: ");
    return length == NULL ? 0 : (size_t)strtoull(length + strlen("Content-Length: "), NULL, 10);
}

const char *raw_answer(raw_t *r, bool head_only) {
    const char *end = NULL;
    while ((end = r->used == 0 ? NULL : strstr(r->data, "\r\n\r\n")) == NULL) {
        if (!receive(r)) return "";
    }
    size_t head = (size_t)(end - r->data) + 4;
    size_t whole = head + (head_only ? 0 : length_of(r->data));
    while (r->used < whole) {
        if (!receive(r)) return "";
    }
    memory_free(r->answer);
    r->answer = memory_strndup(r->data, whole);
    memmove(r->data, r->data + whole, r->used - whole + 1);
    r->used -= whole;
    return r->answer;
}

bool raw_closed(raw_t *r) {
    while (receive(r)) r->used = 0;
    apr_size_t size = 1;
    char byte;
    return !APR_STATUS_IS_TIMEUP(apr_socket_recv(r->socket, &byte, &size));
}

void raw_close(raw_t *r) {
    (void)apr_socket_close(r->socket);
    apr_pool_destroy(r->pool);
    memory_free(r->data);
    memory_free(r->answer);
    memory_free(r);
}
