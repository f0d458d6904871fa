#include "host/host_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/writer.h"
#include "portability/clock.h"

#include <apr_network_io.h>
#include <stdio.h>
#include <string.h>

#define TIMEOUT_US (10 * 1000000LL)

static bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static void put(writer_t *to, char c) {
    writer_u8(to, (uint8_t)(is_plain(c) ? c : '_'));
}

/* name="value",... up to the brace, as .name.value; returns what follows the brace. */
static const char *put_labels(writer_t *to, const char *c) {
    while (*c != '}' && *c != '\n' && *c != 0) {
        writer_u8(to, '.');
        for (; *c != '=' && *c != '\n' && *c != 0; c++) put(to, *c);
        if (*c == '=') c++;
        if (*c == '"') c++;
        writer_u8(to, '.');
        for (; *c != '"' && *c != '\n' && *c != 0; c++) {
            if (*c == '\\' && c[1] != 0) c++;
            put(to, *c);
        }
        if (*c == '"') c++;
        if (*c == ',') c++;
    }
    return *c == '}' ? c + 1 : c;
}

static void put_sample(writer_t *to, const char *line, size_t size, int64_t seconds) {
    const char *c = line;
    for (; *c != '{' && *c != ' ' && *c != '\n' && *c != 0; c++) put(to, *c);
    if (*c == '{') c = put_labels(to, c + 1);
    if (c < line + size) writer_bytes(to, c, (size_t)(line + size - c)); /* blank and value */
    char end[32];
    int length = snprintf(end, sizeof end, " %lld\n", (long long)seconds);
    writer_bytes(to, end, (size_t)length);
}

char *graphite_lines(const char *page, int64_t seconds) {
    writer_t to;
    writer_init(&to, strlen(page));
    while (*page != 0) {
        size_t size = strcspn(page, "\n");
        if (size > 0 && *page != '#') put_sample(&to, page, size, seconds);
        page += size + (page[size] == '\n');
    }
    writer_u8(&to, 0);
    size_t size = 0;
    return (char *)writer_take(&to, &size);
}

static apr_status_t send_all(apr_socket_t *socket, const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        apr_size_t size = left;
        apr_status_t status = apr_socket_send(socket, text, &size);
        if (status != APR_SUCCESS) return status;
        text += size;
        left -= size;
    }
    return apr_socket_shutdown(socket, APR_SHUTDOWN_WRITE);
}

static apr_status_t deliver(const char *host, int port, const char *lines, apr_pool_t *pool) {
    apr_sockaddr_t *address = NULL;
    apr_socket_t *socket = NULL;
    apr_status_t status = apr_sockaddr_info_get(&address, host, APR_UNSPEC, (apr_port_t)port, 0, pool);
    if (status == APR_SUCCESS) status = apr_socket_create(&socket, address->family, SOCK_STREAM, APR_PROTO_TCP, pool);
    if (status == APR_SUCCESS) status = apr_socket_timeout_set(socket, TIMEOUT_US);
    if (status == APR_SUCCESS) status = apr_socket_connect(socket, address);
    if (status == APR_SUCCESS) status = send_all(socket, lines);
    return status;
}

bool graphite_push(const log_t *log, const char *host, int port, const char *page) {
    char *lines = graphite_lines(page, clock_wall_ms() / 1000);
    apr_pool_t *pool = NULL;
    apr_status_t status = lines == NULL ? APR_ENOMEM : apr_pool_create(&pool, NULL);
    if (status == APR_SUCCESS) {
        status = deliver(host, port, lines, pool);
        apr_pool_destroy(pool);
    }
    memory_free(lines);
    if (status == APR_SUCCESS) return true;
    char text[120];
    log_warn(log, "cannot push metrics to Graphite at %s:%d: %s. Check graphite.host and graphite.port", host, port,
             status_text(status, text, sizeof text));
    return false;
}
