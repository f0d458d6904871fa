#include "broker/look_internal.h"

#include "base/cursor.h"
#include "base/memory.h"
#include "base/properties.h"
#include "base/writer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Requests that wait for a thread; further ones are answered 503. */
#define WAITING_MOST 100
#define TOKEN_HEADER "X-Api-Token"
#define JSON_TYPE "application/json"

struct look {
    broker_t *broker;
    executor_t *threads;
    char *token;
    char *tokens_path;
};

typedef struct ask {
    job_t job; /* first */
    look_t *look;
    http_request_t *request;
    const struct look_kind *kind;
} ask_t;

typedef struct look_kind {
    const char *method;
    const char *path;
    void (*answer)(broker_t *b, http_request_t *r, look_answer_t *a);
} look_kind_t;

static const look_kind_t kinds[] = {{"GET", "/subjects", look_subjects},
                                    {"GET", "/groups", look_groups},
                                    {"GET", "/messages", look_messages},
                                    {"POST", "/reset", look_reset}};

void look_refuse(look_answer_t *a, int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    json_t *text = json_vsprintf(format, arguments);
    va_end(arguments);
    json_decref(a->body);
    a->status = status;
    a->body = json_object();
    (void)json_object_set_new(a->body, "error", text != NULL ? text : json_string("the request cannot be answered"));
}

bool look_number(http_request_t *r, const char *name, int64_t fallback, int64_t least, int64_t most, int64_t *value, look_answer_t *a) {
    const char *text = http_request_parameter(r, name);
    *value = fallback;
    if (text == NULL || *text == 0) return true;
    char *end = NULL;
    long long number = strtoll(text, &end, 10);
    if (*end == 0 && number >= least && number <= most) {
        *value = number;
        return true;
    }
    look_refuse(a, 400, "%s is no whole number from %lld to %lld", name, (long long)least, (long long)most);
    return false;
}

store_group_t *look_group(broker_t *b, http_request_t *r, look_answer_t *a) {
    const char *subject = http_request_parameter(r, "subject"), *group = http_request_parameter(r, "group");
    if (subject == NULL || group == NULL) {
        look_refuse(a, 400, "name a subject and a group");
        return NULL;
    }
    store_group_t *g = store_group_find(b->store, view_of(subject), view_of(group));
    int64_t pulled;
    if (g != NULL && store_group_pulled(g, &pulled)) return g;
    look_refuse(a, 404, "this broker knows no such group of that subject");
    return NULL;
}

/* Bytes of a well-formed UTF-8 character at the start, 0 when there is none. */
static size_t character(const uint8_t *p, size_t left) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = p[0] < 0x80 ? 1 : (p[0] & 0xe0) == 0xc0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (size == 0 || size > left) return 0;
    uint32_t code = size == 1 ? p[0] : p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (p[i] & 0x3fu);
    }
    return code < least[size] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : size;
}

json_t *look_string(view_t v) {
    json_t *plain = json_stringn(v.data, v.size);
    if (plain != NULL) return plain;
    writer_t w;
    writer_init(&w, v.size + 16);
    for (size_t i = 0; i < v.size;) {
        size_t size = character((const uint8_t *)v.data + i, v.size - i);
        writer_bytes(&w, size == 0 ? "\xef\xbf\xbd" : v.data + i, size == 0 ? 3 : size);
        i += size == 0 ? 1 : size;
    }
    json_t *mended = json_stringn((const char *)w.data, w.used);
    writer_free(&w);
    return mended;
}

/* Takes as long whatever is wrong with it. */
static bool same_token(const char *given, const char *valid) {
    size_t size = strlen(valid), given_size = strlen(given);
    unsigned difference = size != given_size;
    for (size_t i = 0; i < given_size; i++) difference |= (unsigned)(given[i] ^ valid[i < size ? i : 0]);
    return difference == 0 && size > 0;
}

static bool token_is_valid(const look_t *l, const char *given) {
    if (given == NULL || *given == 0) return false;
    bool valid = l->token != NULL && same_token(given, l->token);
    qmq_error_t *error = NULL;
    properties_t *file = properties_read(l->tokens_path, &error);
    const char *key, *value;
    for (size_t i = 0; file != NULL && properties_at(file, i, &key, &value); i++) valid = same_token(given, key) || valid;
    if (file == NULL) qmq_error_free(error);
    if (file != NULL) properties_free(file);
    return valid;
}

static void respond(http_request_t *r, look_answer_t *a) {
    char *text = json_dumps(a->body, JSON_COMPACT);
    char *line = memory_printf("%s\n", text == NULL ? "{}" : text);
    http_respond(r, a->status, JSON_TYPE, line, strlen(line));
    memory_free(line);
    free(text);
    json_decref(a->body);
}

static void refuse_now(http_request_t *r, int status, const char *text) {
    look_answer_t a = {200, NULL};
    look_refuse(&a, status, "%s", text);
    respond(r, &a);
}

static void run(job_t *job) {
    ask_t *ask = (ask_t *)job;
    look_answer_t a = {200, json_object()};
    const char *given = http_request_header(ask->request, TOKEN_HEADER);
    if (!token_is_valid(ask->look, given))
        look_refuse(&a, 403, "send a token of conf/valid-api-tokens.properties, or of the key look.token, in the header " TOKEN_HEADER);
    else
        ask->kind->answer(ask->look->broker, ask->request, &a);
    respond(ask->request, &a);
    memory_free(ask);
}

bool look_takes(look_t *l, http_request_t *r) {
    const look_kind_t *kind = NULL;
    for (size_t i = 0; kind == NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(http_request_path(r), kinds[i].path) == 0) kind = &kinds[i];
    if (kind == NULL) return false;
    if (strcmp(http_request_method(r), kind->method) != 0) {
        refuse_now(r, 405, "another method is wanted");
        return true;
    }
    ask_t *ask = memory_zalloc(sizeof *ask);
    ask->job.run = run;
    ask->look = l;
    ask->request = r;
    ask->kind = kind;
    if (executor_submit(l->threads, &ask->job) == APR_SUCCESS) return true;
    memory_free(ask);
    refuse_now(r, 503, "too many look at this broker at a time; try again");
    return true;
}

apr_status_t look_start(look_t **out, broker_t *b, int threads, const char *token, const char *tokens_path) {
    look_t *l = memory_zalloc(sizeof *l);
    l->broker = b;
    l->token = token == NULL ? NULL : memory_strdup(token);
    l->tokens_path = memory_strdup(tokens_path);
    apr_status_t status = executor_create(&l->threads, "broker-look", (size_t)threads, WAITING_MOST);
    if (status == APR_SUCCESS)
        *out = l;
    else
        look_stop(l);
    return status;
}

void look_stop(look_t *l) {
    if (l == NULL) return;
    executor_destroy(l->threads);
    memory_free(l->token);
    memory_free(l->tokens_path);
    memory_free(l);
}
