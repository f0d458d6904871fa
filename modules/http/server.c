#include "http/server_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_MAX_BODY (1024 * 1024)
#define DEFAULT_ANSWER_US (30 * 1000000LL)
#define TOO_MANY_LINE_US (10 * 1000000LL)
#define FLUSH_US (1 * 1000000LL) /* for answers on their way when the server stops */
/* Of a body that is too long so much is still read, so that a client that writes before it reads sees the 413. */
#define DISCARD_LIMIT (64 * 1024 * 1024)

static bool method_fits(const http_route_t *route, const char *method) {
    if (route->method == NULL || strcmp(route->method, method) == 0) return true;
    return strcmp(method, "HEAD") == 0 && strcmp(route->method, "GET") == 0;
}

/* How closely the route's path is the request's: 0 not at all. An exact path beats every prefix, a longer prefix a shorter one. */
static size_t path_fit(const http_route_t *route, const char *path) {
    size_t size = strlen(route->path);
    if (size > 0 && route->path[size - 1] == '*') return strncmp(route->path, path, size - 1) == 0 ? size : 0;
    return strcmp(route->path, path) == 0 ? SIZE_MAX : 0;
}

static void allow(http_request_t *r, const char *method) {
    char *longer = r->allow == NULL ? memory_strdup(method) : memory_printf("%s, %s", r->allow, method);
    memory_free(r->allow);
    r->allow = longer;
}

static void find_route(http_request_t *r) {
    size_t best = 0;
    for (const http_route_t *route = r->server->routes; route->path != NULL; route++) {
        size_t fit = path_fit(route, r->path);
        if (fit == 0) continue;
        if (!method_fits(route, r->method)) {
            allow(r, route->method);
        } else if (fit > best) {
            best = fit;
            r->route = route;
        }
    }
    if (r->route == NULL) r->refusal = r->allow == NULL ? MHD_HTTP_NOT_FOUND : MHD_HTTP_METHOD_NOT_ALLOWED;
}

static enum MHD_Result queue_answer(http_request_t *r) {
    struct MHD_Response *response = r->response;
    r->response = NULL;
    if (response == NULL) return MHD_NO;
    enum MHD_Result done = MHD_queue_response(r->connection, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return done;
}

static enum MHD_Result refuse(http_request_t *r) {
    request_answer_status(r, r->refusal);
    if (r->response != NULL && r->refusal == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(r->response, MHD_HTTP_HEADER_ALLOW, r->allow);
    return queue_answer(r);
}

static void refuse_too_many(http_request_t *r) {
    int64_t left_out = 0;
    r->refusal = MHD_HTTP_TOO_MANY_REQUESTS;
    if (log_permit(&r->server->too_many, TOO_MANY_LINE_US, &left_out))
        log_warn(&r->server->log, "%s: %s sends more requests than it may; they are answered 429 (%lld such lines left out)",
                 r->server->name, r->peer, (long long)left_out);
}

/* The head has come. Refuses at once what would send a body in vain; else the body is read first. */
static enum MHD_Result on_head(http_request_t *r) {
    find_route(r);
    const char *text = http_request_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned long long length = text == NULL ? 0 : strtoull(text, NULL, 10); /* libmicrohttpd has checked it */
    if (r->refusal == 0 && !rate_permit(&r->server->rate, view_of(r->peer), clock_mono_us())) refuse_too_many(r);
    if (r->refusal == 0 && length > r->server->max_body) r->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    bool asks = http_request_header(r, MHD_HTTP_HEADER_EXPECT) != NULL;
    if (r->refusal != 0 && (asks || length > DISCARD_LIMIT)) return refuse(r);
    return MHD_YES;
}

static void on_body(http_request_t *r, const char *data, size_t size) {
    if (r->refusal != 0) return;
    if (size > r->server->max_body - r->body.used) {
        r->refusal = MHD_HTTP_CONTENT_TOO_LARGE;
    } else {
        writer_bytes(&r->body, data, size);
        if (r->body.failed) r->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
    }
    if (r->refusal != 0) writer_free(&r->body);
}

/* Counts the request and gives the handler its reference; false: the server stops. */
static bool admit(http_request_t *r) {
    http_server_t *s = r->server;
    mutex_lock(&s->lock);
    bool takes = !s->stopping;
    if (takes) {
        s->open++;
        r->counted = true;
        shared_retain(&r->shared);
    }
    mutex_unlock(&s->lock);
    return takes;
}

static enum MHD_Result on_complete_request(http_request_t *r) {
    http_server_t *s = r->server;
    if (r->refusal == 0 && !admit(r)) r->refusal = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (r->refusal != 0) return refuse(r);
    request_read_form(r);
    r->route->handle(r->route->arg, r);
    mutex_lock(&s->lock);
    if (!r->answered && s->stopping) request_answer_status(r, MHD_HTTP_SERVICE_UNAVAILABLE);
    if (!r->answered) parked_add(r);
    enum MHD_Result done = r->answered ? queue_answer(r) : MHD_YES;
    mutex_unlock(&s->lock);
    return done;
}

static enum MHD_Result on_resumed(http_request_t *r) {
    mutex_lock(&r->server->lock);
    enum MHD_Result done = queue_answer(r);
    mutex_unlock(&r->server->lock);
    return done;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                 const char *data, size_t *size, void **slot) {
    (void)version;
    http_request_t *r = *slot;
    if (r == NULL) {
        r = request_create(arg, connection, method, url);
        *slot = r;
        return on_head(r);
    }
    if (*size > 0) {
        on_body(r, data, *size);
        *size = 0;
        return MHD_YES;
    }
    return r->counted ? on_resumed(r) : on_complete_request(r);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code) {
    (void)connection;
    (void)code;
    http_server_t *s = arg;
    http_request_t *r = *slot;
    *slot = NULL;
    if (r == NULL) return;
    mutex_lock(&s->lock);
    r->connection = NULL;
    r->answered = true; /* a handler that still has it answers nobody */
    if (r->counted) s->open--;
    condition_broadcast(&s->changed);
    mutex_unlock(&s->lock);
    shared_release(&r->shared);
}

static http_route_t *copy_routes(const http_route_t *routes) {
    size_t count = 0;
    while (routes[count].path != NULL) count++;
    http_route_t *copy = memory_zalloc((count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = routes[i];
        copy[i].method = routes[i].method == NULL ? NULL : memory_strdup(routes[i].method);
        copy[i].path = memory_strdup(routes[i].path);
    }
    return copy;
}

static void server_destroy(shared_t *shared) {
    http_server_t *s = (http_server_t *)shared;
    for (http_route_t *route = s->routes; route->path != NULL; route++) {
        memory_free((void *)(uintptr_t)route->method);
        memory_free((void *)(uintptr_t)route->path);
    }
    memory_free(s->routes);
    memory_free(s->name);
    memory_free(s->why);
    memory_free(s->certificate);
    memory_free(s->key);
    condition_destroy(&s->changed);
    mutex_destroy(&s->lock);
    mutex_destroy(&s->why_lock);
    memory_free(s);
}

apr_status_t http_server_start(http_server_t **out, const http_server_options_t *options, qmq_error_t **error) {
    http_server_t *s = memory_zalloc(sizeof *s);
    shared_init(&s->shared, server_destroy);
    s->name = memory_strdup(options->name);
    s->routes = copy_routes(options->routes);
    s->max_body = options->max_body == 0 ? DEFAULT_MAX_BODY : options->max_body;
    s->answer_timeout_us = options->answer_timeout_us == 0 ? DEFAULT_ANSWER_US : options->answer_timeout_us;
    if (options->log != NULL) {
        s->log = *options->log;
    } else {
        log_init(&s->log, "http");
    }
    mutex_init(&s->lock);
    mutex_init(&s->why_lock);
    condition_init(&s->changed);
    rate_init(&s->rate, options->max_requests);
    apr_status_t status = options->tls == NULL ? APR_SUCCESS : tls_read(s, options, error);
    if (status == APR_SUCCESS) status = listen_start(s, options, on_access, on_completed, error);
    if (status != APR_SUCCESS) {
        shared_release(&s->shared);
        return status;
    }
    *out = s;
    return APR_SUCCESS;
}

int http_server_port(const http_server_t *s) {
    return s->port;
}

/* The answers of what was open go out before the connections are closed; a client that does not read is not waited for. */
static void flush(http_server_t *s) {
    int64_t deadline = clock_mono_us() + FLUSH_US;
    for (int64_t left = FLUSH_US; s->open > 0 && left > 0; left = deadline - clock_mono_us()) {
        if (condition_wait_us(&s->changed, &s->lock, left) == APR_TIMEUP) break;
    }
}

void http_server_stop(http_server_t *s) {
    if (s == NULL) return;
    mutex_lock(&s->lock);
    s->stopping = true;
    parked_answer_all(s);
    condition_broadcast(&s->changed);
    thread_t *timer = s->timer;
    flush(s);
    mutex_unlock(&s->lock);
    if (timer != NULL) thread_join(timer);
    MHD_stop_daemon(s->daemon);
    shared_release(&s->shared);
}
