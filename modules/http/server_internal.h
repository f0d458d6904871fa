/* What the parts of the HTTP server share: server.c (start, stop, routing), listen.c (the daemon of libmicrohttpd), request.c (what a
 * handler sees), parked.c (requests that are answered later). */
#ifndef QMQ_HTTP_SERVER_INTERNAL_H
#define QMQ_HTTP_SERVER_INTERNAL_H

#include "http/rate.h"
#include "http/server.h"

#include "base/shared.h"
#include "base/writer.h"
#include "portability/thread.h"

#include <apr_network_io.h>
#include <microhttpd.h>

typedef enum field_kind { FIELD_HEADER, FIELD_QUERY, FIELD_FORM } field_kind_t;

typedef struct field {
    field_kind_t kind;
    char *name;
    char *value;
} field_t;

/* References: one of libmicrohttpd from the request's head to its completion, one of the handler until http_respond. All texts are copies,
 * because after the deadline the connection goes on without the handler. */
struct http_request {
    shared_t shared; /* first */
    http_server_t *server;
    struct MHD_Connection *connection; /* used on the HTTP thread, and to resume while parked */
    char *method;
    char *path;
    char peer[16];
    field_t *fields;
    size_t field_count;
    writer_t body;
    const http_route_t *route;
    int refusal; /* status the server answers itself, 0: the handler does */
    char *allow; /* of a 405 */
    char *warning;
    bool counted;

    /* guarded by the server's lock */
    bool answered;
    int status;
    struct MHD_Response *response; /* not queued yet */
    bool parked;
    int64_t deadline_us;
    http_request_t *previous;
    http_request_t *next;
};

struct http_server {
    shared_t shared; /* first; held by every request, so that a late http_respond finds the lock */
    struct MHD_Daemon *daemon;
    int port;
    char *name;
    http_route_t *routes; /* ends with path NULL */
    size_t max_body;
    int64_t answer_timeout_us;
    rate_t rate;       /* the HTTP thread's */
    char *certificate; /* of a port that speaks TLS */
    char *key;
    log_t log;
    log_limit_t complaints; /* what strangers send */
    log_limit_t overdue;
    log_limit_t too_many;

    mutex_t why_lock; /* guards the three; innermost */
    bool started;
    char *why; /* before started: why it cannot */
    apr_status_t why_status;

    mutex_t lock;
    condition_t changed;          /* a request was parked or completed, or stopping */
    http_request_t *first_parked; /* in the order of their deadlines */
    http_request_t *last_parked;
    size_t open; /* handed to a handler and not completed */
    bool stopping;
    thread_t *timer; /* started when the first request is parked */
};

/* listen.c: opens the port and starts the HTTP thread. */
apr_status_t listen_start(http_server_t *s, const http_server_options_t *options, MHD_AccessHandlerCallback access,
                          MHD_RequestCompletedCallback completed, qmq_error_t **error);

/* tls.c: certificate and key of the options. */
apr_status_t tls_read(http_server_t *s, const http_server_options_t *o, qmq_error_t **error);
/* Why the port did not open with them. */
qmq_error_t *tls_refused(const http_server_t *s, const http_server_options_t *o);

/* request.c. With one reference, of libmicrohttpd. */
http_request_t *request_create(http_server_t *s, struct MHD_Connection *connection, const char *method, const char *path);
/* Reads the form fields once the body is complete. */
void request_read_form(http_request_t *r);
/* With the server's lock held: keeps the answer, unless there is one already; resumes a parked request. */
void request_answer(http_request_t *r, int status, const char *content_type, const void *body, size_t size);
/* The same with the status as text; the handler's answer is then too late. */
void request_answer_status(http_request_t *r, int status);
const char *status_reason(int status);

/* parked.c, all with the server's lock held. */
void parked_add(http_request_t *r);
void parked_remove(http_request_t *r);
/* Answers everything that is parked with 503. */
void parked_answer_all(http_server_t *s);

#endif
