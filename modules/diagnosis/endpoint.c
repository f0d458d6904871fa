#include "diagnosis/endpoint.h"

#include "base/memory.h"
#include "base/status.h"
#include "http/client.h"
#include "net/requester.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/codes.h"

#include <stdio.h>
#include <string.h>

#define PATH "/meta/address"
#define DEFAULT_PORT 8080
#define CONNECT_MS 1000
#define ANSWER_MS 1500
#define MAX_ANSWER 4096
#define SPACE " \r\n\t"

/* Parts of a URL, views into it. */
typedef struct parts {
    view_t authority; /* "host:port" */
    view_t host;
    const char *path; /* "" or "/..." */
} parts_t;

static parts_t take_apart(const char *endpoint) {
    const char *scheme = strstr(endpoint, "://");
    const char *start = scheme == NULL ? endpoint : scheme + 3;
    size_t size = strcspn(start, "/?");
    parts_t p = {.authority = view_make(start, size), .path = start + size};
    const char *colon = size == 0 ? NULL : memchr(start, ':', size);
    p.host = view_make(start, colon == NULL ? size : (size_t)(colon - start));
    return p;
}

char *endpoint_base(const char *endpoint) {
    parts_t p = take_apart(endpoint);
    return memory_strndup(endpoint, (size_t)(p.path - endpoint));
}

char *endpoint_authority(const char *endpoint) {
    parts_t p = take_apart(endpoint);
    return memory_strndup(p.authority.data, p.authority.size);
}

/* The "host:port" in an answer of /meta/address; malloc'ed, NULL when it is something else. */
static char *address_in(const http_answer_t *answer) {
    const char *body = answer->body + strspn(answer->body, SPACE);
    size_t size = strcspn(body, SPACE);
    const char *colon = size == 0 ? NULL : memchr(body, ':', size);
    if (answer->status != 200 || colon == NULL || colon == body || size > 255 || body[size + strspn(body + size, SPACE)] != 0) return NULL;
    size_t digits = strspn(colon + 1, "0123456789");
    return digits > 0 && colon + 1 + digits == body + size ? memory_strndup(body, size) : NULL;
}

static apr_status_t fetch(const char *url, http_answer_t *answer, qmq_error_t **error) {
    http_call_t call = {.url = url, .method = "GET", .connect_timeout_ms = CONNECT_MS, .timeout_ms = ANSWER_MS, .max_body = MAX_ANSWER};
    return http_fetch(&call, answer, error);
}

static bool is_endpoint(const char *url) {
    http_answer_t answer;
    if (fetch(url, &answer, NULL) != APR_SUCCESS) return false;
    char *address = address_in(&answer);
    http_answer_free(&answer);
    memory_free(address);
    return address != NULL;
}

/* The endpoint that was meant: the same port with the right path, or the same host with the usual port. NULL when neither answers. */
static char *find_meant(const char *endpoint) {
    parts_t p = take_apart(endpoint);
    if (p.host.size == 0) return NULL;
    char *same_port = memory_printf("http://%.*s" PATH, VIEW_ARG(p.authority));
    if (strcmp(p.path, PATH) != 0 && is_endpoint(same_port)) return same_port;
    memory_free(same_port);
    char *usual_port = memory_printf("http://%.*s:%d" PATH, VIEW_ARG(p.host), DEFAULT_PORT);
    if (strcmp(usual_port, endpoint) != 0 && is_endpoint(usual_port)) return usual_port;
    memory_free(usual_port);
    return NULL;
}

/* Whether the port speaks the QMQ protocol instead of HTTP: meta.server.port, or a broker's. */
static bool speaks_qmq(const char *endpoint) {
    char *authority = endpoint_authority(endpoint);
    request_options_t o = {.code = REQUEST_BROKER_ACQUIRE_META, .version = VERSION_8, .request_code = -1, .timeout_us = ANSWER_MS * 1000};
    broker_acquire_meta_request_t request = {view_of(""), 0};
    writer_t w;
    writer_init(&w, 16);
    broker_acquire_meta_request_write(&w, &request);
    int16_t code = 0;
    uint8_t *answer = NULL;
    size_t size = 0;
    bool speaks = strchr(authority, ':') != NULL && requester_call(authority, &o, w.data, w.used, &code, &answer, &size) == APR_SUCCESS;
    if (speaks) memory_free(answer);
    writer_free(&w);
    memory_free(authority);
    return speaks;
}

static qmq_error_t *endpoint_error(apr_status_t status, const char *endpoint, const char *origin, const char *server, const char *what) {
    qmq_error_t *e = error_create(status, NULL, "meta.server.endpoint %s%s%s%s %s", endpoint, origin == NULL ? "" : " (",
                                  origin == NULL ? "" : origin, origin == NULL ? "" : ")", what);
    char *meant = find_meant(endpoint);
    if (meant != NULL)
        error_set_remedy(e, "%s answers as a metaserver does: set meta.server.endpoint=%s in conf/%s.properties", meant, meant, server);
    else
        error_set_remedy(
            e,
            "Set meta.server.endpoint in conf/%s.properties to http://<metaserver>:<meta.server.discover.port>" PATH
            " (HTTP, port 8080 unless configured otherwise, not meta.server.port 20880) and see that the metaserver runs: curl "
            "-i %s",
            server, endpoint);
    memory_free(meant);
    return e;
}

static apr_status_t tell_no_answer(const char *endpoint, const char *origin, const char *server, qmq_error_t *cause, qmq_error_t **error) {
    if (speaks_qmq(endpoint)) {
        *error =
            endpoint_error(QMQ_E_REFUSED, endpoint, origin, server,
                           "is not the HTTP management port: this port speaks the QMQ protocol, as meta.server.port and broker.port do");
        qmq_error_free(cause);
        return QMQ_E_REFUSED;
    }
    *error = endpoint_error(QMQ_E_UNREACHABLE, endpoint, origin, server, "cannot be reached");
    if (cause != NULL) *error = error_wrap(*error, "%s", qmq_error_message(cause));
    qmq_error_free(cause);
    return QMQ_E_UNREACHABLE;
}

static apr_status_t tell_other_answer(const char *endpoint, const char *origin, const char *server, const http_answer_t *answer,
                                      qmq_error_t **error) {
    char what[160];
    if (answer->status == 503)
        (void)snprintf(what, sizeof what, "answers HTTP status 503: the metaserver there is starting or stopping");
    else if (answer->status != 200)
        (void)snprintf(what, sizeof what, "answers HTTP status %d: it is not the metaserver's " PATH, answer->status);
    else
        (void)snprintf(what, sizeof what, "answers something that is no host:port: %.*s", (int)strcspn(answer->body, "\r\n") % 60,
                       answer->body);
    *error = endpoint_error(QMQ_E_REFUSED, endpoint, origin, server, what);
    return QMQ_E_REFUSED;
}

apr_status_t endpoint_ask(const char *endpoint, const char *origin, const char *server, char **address, qmq_error_t **error) {
    http_answer_t answer;
    qmq_error_t *cause = NULL;
    *address = NULL;
    if (fetch(endpoint, &answer, &cause) != APR_SUCCESS) return tell_no_answer(endpoint, origin, server, cause, error);
    *address = address_in(&answer);
    apr_status_t rv = *address != NULL ? APR_SUCCESS : tell_other_answer(endpoint, origin, server, &answer, error);
    http_answer_free(&answer);
    return rv;
}
