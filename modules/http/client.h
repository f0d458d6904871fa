/* HTTP client over libcurl, wrapped once. Blocking: executors and command-line tools only. Any thread. */
#ifndef QMQ_HTTP_CLIENT_H
#define QMQ_HTTP_CLIENT_H

#include "base/error.h"
#include "base/view.h"

#include <apr_errno.h>
#include <stdint.h>

typedef struct http_call {
    const char *url;
    const char *method;         /* "GET" or "POST" */
    const char *const *headers; /* NULL-terminated "Name: value", or NULL */
    const char *const
        *form; /* NULL-terminated name, value, name, value...: form-encoded, the body of a POST, the query of others; or NULL */
    int64_t connect_timeout_ms; /* 0: 1000 */
    int64_t timeout_ms;         /* whole call; 0: 5000 */
    size_t max_body;            /* 0: 16 MiB */
    const char *authorities;    /* https: PEM file of those who may have signed the certificate; NULL: the system's */
} http_call_t;

typedef struct http_answer {
    int status;
    char *body; /* zero-terminated, malloc'ed */
    size_t size;
    char *content_type; /* "" when absent */
    char *warning;      /* what the server wants a person to know besides (modules/http/server.h), "" when nothing */
    int64_t date_ms;    /* what the server's clock says (header Date), ms since the epoch; -1: it does not say */
} http_answer_t;

/* APR_SUCCESS whenever the server answered, whatever the status. Otherwise *error (may be NULL) says why: refused, time-out, name unknown.
 */
apr_status_t http_fetch(const http_call_t *call, http_answer_t *answer, qmq_error_t **error);
void http_answer_free(http_answer_t *answer);

#endif
