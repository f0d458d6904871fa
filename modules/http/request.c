#include "http/server_internal.h"

#include "base/memory.h"
#include "http/form.h"

#include <stdio.h>

#define FORM_TYPE "application/x-www-form-urlencoded"

static bool same_letters(const char *a, const char *b, size_t size) {
    for (size_t i = 0; i < size; i++) {
        char x = a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] - 'A' + 'a') : a[i];
        char y = b[i] >= 'A' && b[i] <= 'Z' ? (char)(b[i] - 'A' + 'a') : b[i];
        if (x != y) return false;
        if (x == 0) return true;
    }
    return true;
}

static void add_field(http_request_t *r, field_kind_t kind, char *name, char *value) {
    if ((r->field_count & (r->field_count - 1)) == 0) {
        size_t room = r->field_count == 0 ? 1 : 2 * r->field_count;
        r->fields = memory_realloc(r->fields, room * sizeof *r->fields);
    }
    r->fields[r->field_count++] = (field_t){kind, name, value};
}

static enum MHD_Result copy_field(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_size, const char *value,
                                  size_t value_size) {
    add_field(arg, kind == MHD_HEADER_KIND ? FIELD_HEADER : FIELD_QUERY, form_text(view_make(name, name_size)),
              form_text(view_make(value, value == NULL ? 0 : value_size)));
    return MHD_YES;
}

static void read_peer(http_request_t *r) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL || info->client_addr->sa_family != AF_INET) return;
    struct sockaddr_in address;
    memcpy(&address, info->client_addr, sizeof address);
    unsigned char ip[4];
    memcpy(ip, &address.sin_addr, sizeof ip);
    (void)snprintf(r->peer, sizeof r->peer, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

static void request_destroy(shared_t *shared) {
    http_request_t *r = (http_request_t *)shared;
    for (size_t i = 0; i < r->field_count; i++) {
        memory_free(r->fields[i].name);
        memory_free(r->fields[i].value);
    }
    memory_free(r->fields);
    memory_free(r->method);
    memory_free(r->path);
    memory_free(r->allow);
    memory_free(r->warning);
    writer_free(&r->body);
    if (r->response != NULL) MHD_destroy_response(r->response);
    shared_release(&r->server->shared);
    memory_free(r);
}

http_request_t *request_create(http_server_t *s, struct MHD_Connection *connection, const char *method, const char *path) {
    http_request_t *r = memory_zalloc(sizeof *r);
    shared_init(&r->shared, request_destroy);
    shared_retain(&s->shared);
    r->server = s;
    r->connection = connection;
    r->method = memory_strdup(method);
    r->path = form_text(view_of(path));
    writer_init(&r->body, 0);
    read_peer(r);
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, copy_field, r);
    (void)MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, copy_field, r);
    return r;
}

static void add_form_field(void *arg, char *name, char *value) {
    add_field(arg, FIELD_FORM, name, value);
}

void request_read_form(http_request_t *r) {
    const char *type = http_request_header(r, "Content-Type");
    size_t size = sizeof FORM_TYPE - 1;
    if (type == NULL || !same_letters(type, FORM_TYPE, size)) return;
    if (type[size] != 0 && type[size] != ';' && type[size] != ' ') return;
    form_parse(writer_view(&r->body), add_form_field, r);
}

void request_answer(http_request_t *r, int status, const char *content_type, const void *body, size_t size) {
    if (r->answered) return;
    r->answered = true;
    r->status = status;
    r->response = MHD_create_response_from_buffer(size, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
    if (r->response != NULL && content_type != NULL &&
        MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) != MHD_YES) {
        MHD_destroy_response(r->response); /* no memory: the connection is closed without an answer */
        r->response = NULL;
    }
    if (r->response != NULL && r->warning != NULL) (void)MHD_add_response_header(r->response, HTTP_WARNING, r->warning);
    if (r->parked) {
        parked_remove(r);
        MHD_resume_connection(r->connection);
    }
}

const char *status_reason(int status) {
    switch (status) {
    case MHD_HTTP_NOT_FOUND:
        return "404 Not Found";
    case MHD_HTTP_METHOD_NOT_ALLOWED:
        return "405 Method Not Allowed";
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "413 Content Too Large";
    case MHD_HTTP_TOO_MANY_REQUESTS:
        return "429 Too Many Requests";
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return "503 Service Unavailable";
    default:
        return "500 Internal Server Error";
    }
}

void request_answer_status(http_request_t *r, int status) {
    char text[64];
    int size = snprintf(text, sizeof text, "%s\n", status_reason(status));
    request_answer(r, status, "text/plain;charset=utf-8", text, (size_t)size);
}

void http_request_warn(http_request_t *r, const char *text) {
    memory_free(r->warning);
    r->warning = memory_strdup(text);
}

void http_respond(http_request_t *r, int status, const char *content_type, const void *body, size_t size) {
    http_server_t *s = r->server;
    mutex_lock(&s->lock);
    request_answer(r, status, content_type, body, size);
    mutex_unlock(&s->lock);
    shared_release(&r->shared);
}

const char *http_request_method(const http_request_t *r) {
    return r->method;
}

const char *http_request_path(const http_request_t *r) {
    return r->path;
}

const char *http_request_header(const http_request_t *r, const char *name) {
    for (size_t i = 0; i < r->field_count; i++) {
        if (r->fields[i].kind == FIELD_HEADER && same_letters(r->fields[i].name, name, strlen(name) + 1)) return r->fields[i].value;
    }
    return NULL;
}

const char *http_request_parameter(const http_request_t *r, const char *name) {
    /* the query's fields stand before the body's */
    for (size_t i = 0; i < r->field_count; i++) {
        if (r->fields[i].kind != FIELD_HEADER && strcmp(r->fields[i].name, name) == 0) return r->fields[i].value;
    }
    return NULL;
}

const char *http_request_parameter_at(const http_request_t *r, const char *name, int index) {
    for (size_t i = 0; i < r->field_count; i++) {
        if (r->fields[i].kind == FIELD_QUERY && strcmp(r->fields[i].name, name) == 0 && index-- == 0) return r->fields[i].value;
    }
    return NULL;
}

view_t http_request_body(const http_request_t *r) {
    return writer_view(&r->body);
}

const char *http_request_peer(const http_request_t *r) {
    return r->peer;
}
