#include "http/client.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/writer.h"
#include "http/curl_once.h"
#include "http/server.h"

#include <string.h>

#define DEFAULT_CONNECT_MS 1000
#define DEFAULT_TIMEOUT_MS 5000
#define DEFAULT_MAX_BODY (16 * 1024 * 1024)

typedef struct exchange {
    CURL *curl;
    struct curl_slist *headers;
    writer_t form;
    char *url; /* with the query */
    writer_t body;
    size_t max_body;
    bool too_long;
    long connect_ms;
    long timeout_ms;
    int64_t date_ms;
    char *warning;
    char said[CURL_ERROR_SIZE];
} exchange_t;

/* What follows "name:" in a line of the head, without blanks and the line's end (memory_free); NULL when it is another line. */
static char *header_value(const char *data, size_t size, const char *name) {
    size_t skip = strlen(name) + 1;
    if (size < skip || data[skip - 1] != ':' || !curl_strnequal(data, name, skip - 1)) return NULL;
    while (skip < size && data[skip] == ' ') skip++;
    while (size > skip && (data[size - 1] == '\n' || data[size - 1] == '\r' || data[size - 1] == ' ')) size--;
    return memory_strndup(data + skip, size - skip);
}

static size_t on_header(char *data, size_t one, size_t size, void *arg) {
    exchange_t *x = arg;
    (void)one; /* always 1 */
    char *date = header_value(data, size, "Date");
    if (date != NULL) {
        time_t seconds = curl_getdate(date, NULL);
        x->date_ms = seconds < 0 ? -1 : (int64_t)seconds * 1000;
    }
    memory_free(date);
    char *warning = header_value(data, size, HTTP_WARNING);
    if (warning == NULL) return size;
    memory_free(x->warning);
    x->warning = warning;
    return size;
}

static size_t on_body(char *data, size_t one, size_t size, void *arg) {
    exchange_t *x = arg;
    (void)one; /* always 1 */
    if (size > x->max_body - x->body.used) {
        x->too_long = true;
        return 0;
    }
    writer_bytes(&x->body, data, size);
    return x->body.failed ? 0 : size;
}

static bool add_header(exchange_t *x, const char *line) {
    struct curl_slist *longer = curl_slist_append(x->headers, line);
    if (longer == NULL) return false;
    x->headers = longer;
    return true;
}

static bool add_encoded(exchange_t *x, const char *text) {
    char *encoded = curl_easy_escape(x->curl, text, (int)strlen(text));
    if (encoded == NULL) return false;
    writer_bytes(&x->form, encoded, strlen(encoded));
    curl_free(encoded);
    return !x->form.failed;
}

static bool make_form(exchange_t *x, const char *const *form) {
    for (const char *const *f = form; f != NULL && f[0] != NULL; f += 2) {
        if (f != form) writer_u8(&x->form, '&');
        if (!add_encoded(x, f[0])) return false;
        writer_u8(&x->form, '=');
        if (!add_encoded(x, f[1])) return false;
    }
    return true;
}

#define SET(option, value)                                                                                                                 \
    if (code == CURLE_OK) code = curl_easy_setopt(x->curl, option, value)

static CURLcode set_method(exchange_t *x, const http_call_t *call) {
    CURLcode code = CURLE_OK;
    if (!make_form(x, call->form)) return CURLE_OUT_OF_MEMORY;
    bool posts = strcmp(call->method, "POST") == 0;
    x->url = posts || x->form.used == 0 ? memory_strdup(call->url)
                                        : memory_printf("%s?%.*s", call->url, (int)x->form.used, (const char *)x->form.data);
    if (posts) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->form.used);
        SET(CURLOPT_POSTFIELDS, x->form.used == 0 ? "" : (const char *)x->form.data);
    } else if (strcmp(call->method, "GET") == 0) {
        SET(CURLOPT_HTTPGET, 1L);
    } else {
        SET(CURLOPT_CUSTOMREQUEST, call->method);
    }
    return code;
}

static CURLcode prepare(exchange_t *x, const http_call_t *call) {
    /* no wait for a "100 Continue" that old servers do not send */
    bool fits = add_header(x, "Expect:");
    for (const char *const *h = call->headers; fits && h != NULL && *h != NULL; h++) fits = add_header(x, *h);
    if (!fits) return CURLE_OUT_OF_MEMORY;
    CURLcode code = set_method(x, call);
    SET(CURLOPT_URL, x->url);
    SET(CURLOPT_HTTPHEADER, x->headers);
    SET(CURLOPT_USERAGENT, "qmq/" QMQ_VERSION);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, ""); /* whatever the environment says: these are calls between our own servers */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    if (call->authorities != NULL) {
        SET(CURLOPT_CAINFO, call->authorities);
    }
    SET(CURLOPT_CONNECTTIMEOUT_MS, x->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, x->timeout_ms);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, x);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, x);
    SET(CURLOPT_ERRORBUFFER, x->said);
    return code;
}

static const char *system_reason(exchange_t *x, char *text, size_t size) {
    long number = 0;
    if (curl_easy_getinfo(x->curl, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number != 0)
        return status_text(APR_FROM_OS_ERROR((apr_status_t)number), text, size);
    return x->said[0] != 0 ? x->said : "no connection";
}

static qmq_error_t *timed_out(exchange_t *x, const char *url) {
    curl_off_t connected = 0;
    if (curl_easy_getinfo(x->curl, CURLINFO_CONNECT_TIME_T, &connected) == CURLE_OK && connected == 0) {
        return error_create(QMQ_E_UNREACHABLE, "Check host and port, that the server runs, and that no firewall drops the connection",
                            "%s: no connection within %ld ms", url, x->connect_ms);
    }
    return error_create(APR_TIMEUP, "Look at the server's log and load, or allow more time", "%s: no answer within %ld ms", url,
                        x->timeout_ms);
}

static qmq_error_t *explain(exchange_t *x, const char *url, CURLcode code) {
    char text[160];
    const char *said = x->said[0] != 0 ? x->said : curl_easy_strerror(code);
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return error_create(QMQ_E_INVALID, "Write http://host:port/path or https://host:port/path", "%s is no URL that can be called: %s",
                            url, said);
    case CURLE_COULDNT_RESOLVE_HOST:
        return error_create(QMQ_E_UNREACHABLE, "Check the spelling of the host and the name service of this machine",
                            "%s: unknown host: %s", url, said);
    case CURLE_COULDNT_CONNECT:
        return error_create(QMQ_E_UNREACHABLE, "Check host and port, and that the server runs", "%s: cannot connect: %s", url,
                            system_reason(x, text, sizeof text));
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(x, url);
    case CURLE_OUT_OF_MEMORY:
        return error_create(APR_ENOMEM, "Free memory of this machine", "%s: no memory for the call", url);
    case CURLE_WRITE_ERROR:
        if (x->too_long) {
            return error_create(QMQ_E_TOO_LONG, "Check that this is the server that is meant", "%s: the answer is longer than %zu bytes",
                                url, x->max_body);
        }
        return error_create(APR_ENOMEM, "Free memory of this machine", "%s: no memory for the answer", url);
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
        return error_create(QMQ_E_REFUSED, "Check the server's certificate and that the port speaks TLS", "%s: %s", url, said);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
        return error_create(QMQ_E_UNREACHABLE, "Check that this port speaks HTTP, and look at the server's log",
                            "%s: the connection broke: %s", url, said);
    default:
        return error_create(QMQ_E_MALFORMED, "Check that host and port are those of an HTTP server", "%s: %s", url, said);
    }
}

static CURLcode take_answer(exchange_t *x, http_answer_t *answer) {
    long status = 0;
    const char *type = NULL;
    CURLcode code = curl_easy_getinfo(x->curl, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) code = curl_easy_getinfo(x->curl, CURLINFO_CONTENT_TYPE, &type);
    if (code != CURLE_OK) return code;
    writer_u8(&x->body, 0);
    size_t size = 0;
    uint8_t *body = writer_take(&x->body, &size);
    if (body == NULL) return CURLE_OUT_OF_MEMORY;
    *answer = (http_answer_t){.status = (int)status,
                              .body = (char *)body,
                              .size = size - 1,
                              .content_type = memory_strdup(type == NULL ? "" : type),
                              .warning = memory_strdup(x->warning == NULL ? "" : x->warning),
                              .date_ms = x->date_ms};
    return CURLE_OK;
}

static void exchange_free(exchange_t *x) {
    curl_slist_free_all(x->headers);
    writer_free(&x->form);
    memory_free(x->url);
    memory_free(x->warning);
    writer_free(&x->body);
    if (x->curl != NULL) curl_easy_cleanup(x->curl);
}

apr_status_t http_fetch(const http_call_t *call, http_answer_t *answer, qmq_error_t **error) {
    exchange_t x = {.date_ms = -1,
                    .max_body = call->max_body == 0 ? DEFAULT_MAX_BODY : call->max_body,
                    .connect_ms = call->connect_timeout_ms == 0 ? DEFAULT_CONNECT_MS : (long)call->connect_timeout_ms,
                    .timeout_ms = call->timeout_ms == 0 ? DEFAULT_TIMEOUT_MS : (long)call->timeout_ms};
    *answer = (http_answer_t){.date_ms = -1};
    writer_init(&x.form, 0);
    writer_init(&x.body, 0);
    CURLcode code = curl_once();
    if (code == CURLE_OK) {
        x.curl = curl_easy_init();
        if (x.curl == NULL) code = CURLE_OUT_OF_MEMORY;
    }
    if (code == CURLE_OK) code = prepare(&x, call);
    if (code == CURLE_OK) code = curl_easy_perform(x.curl);
    if (code == CURLE_OK) code = take_answer(&x, answer);
    apr_status_t status = APR_SUCCESS;
    if (code != CURLE_OK) {
        qmq_error_t *e = explain(&x, call->url, code);
        status = (apr_status_t)qmq_error_status(e);
        if (error != NULL) {
            *error = e;
        } else {
            qmq_error_free(e);
        }
    }
    exchange_free(&x);
    return status;
}

void http_answer_free(http_answer_t *answer) {
    memory_free(answer->body);
    memory_free(answer->content_type);
    memory_free(answer->warning);
    *answer = (http_answer_t){.date_ms = -1};
}
