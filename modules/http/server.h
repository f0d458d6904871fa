/* HTTP server over libmicrohttpd, wrapped once (spec/portability.md 8.5): internal thread, explicit connection limit, requests may be
 * answered later from any thread, with a deadline after which 503 is answered. */
#ifndef QMQ_HTTP_SERVER_H
#define QMQ_HTTP_SERVER_H

#include "base/error.h"
#include "base/log.h"
#include "base/view.h"

#include <apr_errno.h>
#include <stdbool.h>

typedef struct http_server http_server_t;
typedef struct http_request http_request_t;

/* Runs on the HTTP thread and must not block: answer with http_respond now, or keep r and answer later from any thread. */
typedef void (*http_handler_fn)(void *arg, http_request_t *r);

typedef struct http_route {
    const char *method; /* "GET" (HEAD follows), "POST", "PUT", "DELETE"; NULL: all */
    const char *path;   /* exact; ending in '*': prefix */
    http_handler_fn handle;
    void *arg;
} http_route_t;

/* PEM files; the key without a passphrase. */
typedef struct http_tls {
    const char *certificate;
    const char *key;
} http_tls_t;

typedef struct http_server_options {
    const char *name;           /* key the port comes from, for messages */
    const char *address;        /* "0.0.0.0" or one IPv4 address */
    int port;                   /* 0: any free one */
    const http_route_t *routes; /* ends with path NULL; unknown path 404, known path with another method 405 */
    int max_connections;        /* 0: 1000 */
    size_t max_body;            /* bytes of a request body; 0: 1 MiB; more is answered 413 */
    int max_requests;           /* a second and address, more is answered 429; 0: any number */
    const http_tls_t *tls;      /* NULL: plain; needed during the start only */
    int64_t answer_timeout_us;  /* deadline of answers given later; 0: 30 s */
    const log_t *log;
} http_server_options_t;

/* When the port is taken, *error names key, port and owner. Routes are copied. */
apr_status_t http_server_start(http_server_t **out, const http_server_options_t *options, qmq_error_t **error);
int http_server_port(const http_server_t *s);
/* Answers what is open with 503, stops, frees. Not from a handler. */
void http_server_stop(http_server_t *s);

/* Valid until http_respond. */
const char *http_request_method(const http_request_t *r);
const char *http_request_path(const http_request_t *r);
const char *http_request_header(const http_request_t *r, const char *name); /* NULL when absent */
/* Query string first, then a form-encoded body; the first value of a repeated name counts; UTF-8; NULL when absent. */
const char *http_request_parameter(const http_request_t *r, const char *name);
/* All values of a query parameter, index from 0; NULL at the end. */
const char *http_request_parameter_at(const http_request_t *r, const char *name, int index);
view_t http_request_body(const http_request_t *r);
const char *http_request_peer(const http_request_t *r); /* "ip" */

/* What a person should know besides the answer: sent as the header HTTP_WARNING. Before http_respond; nothing when it has line breaks. */
#define HTTP_WARNING "X-Qmq-Warning"
void http_request_warn(http_request_t *r, const char *text);
/* Exactly once a request, any thread; r is gone afterwards. content_type NULL: no header. The body is copied. */
void http_respond(http_request_t *r, int status, const char *content_type, const void *body, size_t size);

#endif
