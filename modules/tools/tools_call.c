#include "base/error.h"
#include "base/memory.h"
#include "base/status.h"
#include "http/client.h"
#include "tools/tools.h"

#include <jansson.h>
#include <string.h>

#define TIMEOUT_MS 2000 /* as the original */
#define SLOW_TIMEOUT_MS 30000
/* ListSubjectRoutes of 100 000 subjects has some 10 MB. */
#define MAX_BODY ((size_t)1024 * 1024 * 1024)

/* Whether the body, which is printed either way, says no: "status" below 0, an "error" member, or no JSON at all. */
static bool is_refusal(const http_answer_t *answer) {
    json_t *body = json_loadb(answer->body, answer->size, 0, NULL);
    const json_t *status = json_object_get(body, "status"); /* NULL when body is an array */
    bool refused = body == NULL || json_object_get(body, "error") != NULL || (json_is_integer(status) && json_integer_value(status) != 0);
    json_decref(body);
    return refused;
}

static void print_trimmed(const http_answer_t *answer, FILE *out) {
    const char *start = answer->body;
    const char *end = answer->body + answer->size;
    while (start < end && (unsigned char)*start <= ' ') start++;
    while (end > start && (unsigned char)end[-1] <= ' ') end--;
    (void)fprintf(out, "%.*s\n", (int)(end - start), start);
}

static bool has_port(const char *metaserver) {
    return strchr(metaserver, ':') != NULL;
}

static int tell_unreachable(const qmq_error_t *error, const char *metaserver, FILE *err) {
    char *line = error_line(error);
    if (has_port(metaserver))
        (void)fprintf(err, "send request meta server failed: %s\n", line);
    else
        (void)fprintf(
            err,
            "send request meta server failed: %s. Without a port 80 is used; the metaserver's discovery port is 8080 unless configured "
            "otherwise: --metaserver=%s:8080\n",
            qmq_error_message(error), metaserver);
    memory_free(line);
    return TOOLS_UNREACHABLE;
}

/* The first line of what was answered, when it is meant for people. */
static view_t said_by(const http_answer_t *answer) {
    bool plain = strncmp(answer->content_type, "text/plain", 10) == 0;
    size_t size = 0;
    while (plain && size < answer->size && (unsigned char)answer->body[size] >= ' ' && answer->body[size] != 0x7f) size++;
    return view_make(answer->body, size);
}

static int tell_status(const http_answer_t *answer, const char *url, const char *metaserver, FILE *err) {
    view_t said = said_by(answer);
    (void)fprintf(
        err, "send request meta server failed: %s answers HTTP status %d%s%.*s. %s%s%s\n", url, answer->status, said.size == 0 ? "" : ": ",
        VIEW_ARG(said),
        answer->status == 404 || answer->status == 405 ? "Check that this is the metaserver's discovery port"
                                                       : "Look at the metaserver's log",
        has_port(metaserver) ? "" : "; without a port 80 is used, usual is --metaserver=<host>:", has_port(metaserver) ? "" : "8080");
    return TOOLS_REFUSED;
}

/* On standard error, so that the answer stays what it is. */
static void tell_warning(const char *warning, FILE *err) {
    if (*warning == 0) return;
    (void)fputs("Warning: ", err);
    for (; *warning != 0; warning++) (void)fputc((unsigned char)*warning < ' ' || *warning == 0x7f ? '?' : *warning, err);
    (void)fputc('\n', err);
}

static int take_answer(const http_answer_t *answer, const char *url, const char *metaserver, bool raw, tool_output_t *to) {
    tell_warning(answer->warning, to->err);
    if (answer->status != 200) return tell_status(answer, url, metaserver, to->err);
    if (to->human && !raw)
        tool_print_human(answer->body, answer->size, to);
    else
        print_trimmed(answer, to->out);
    return is_refusal(answer) ? TOOLS_REFUSED : TOOLS_DONE;
}

/* Names and values of the request, action first. */
static void make_form(const tool_command_t *command, const tool_values_t *v, const char **form) {
    size_t used = 0;
    if (*command->action != '/') {
        form[used++] = "action";
        form[used++] = command->action;
    }
    const tool_option_t *o;
    for (size_t i = 0; (o = tool_option_at(command, i)) != NULL; i++) {
        const char *value = v->values[i] == NULL ? o->fallback : v->values[i];
        if (o->parameter == NULL || value == NULL) continue;
        form[used++] = o->parameter;
        form[used++] = value;
    }
    form[used] = NULL;
}

static bool is_header_text(const char *text) {
    for (; *text != 0; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f) return false;
    }
    return true;
}

#define HTTPS "https://"

bool tool_check_values(const char *metaserver, const char *token, FILE *err) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";
    if (strncmp(metaserver, HTTPS, strlen(HTTPS)) == 0) metaserver += strlen(HTTPS);
    if (*metaserver == 0 || metaserver[strspn(metaserver, allowed)] != 0) {
        (void)fprintf(err, "Invalid value for option '--metaserver': '%s' is not host:port\n", metaserver);
        return false;
    }
    if (token == NULL || is_header_text(token)) return true;
    (void)fprintf(err, "Invalid value for option '--token': it has a control character\n");
    return false;
}

int tool_call(const tool_command_t *command, const tool_values_t *v, tool_output_t *to) {
    const char *metaserver = tool_values_of(v, command, tool_option_metaserver.name);
    const char *token = tool_values_of(v, command, tool_option_token.name);
    if (!tool_check_values(metaserver, token, to->err)) return TOOLS_USAGE;
    const char *form[2 * (TOOL_MAX_OPTIONS + 1) + 1];
    make_form(command, v, form);
    bool gets = *command->action == '/';
    bool secure = strncmp(metaserver, HTTPS, strlen(HTTPS)) == 0;
    char *url = memory_printf("%s%s%s", secure ? "" : "http://", metaserver, gets ? command->action : "/management");
    /* "Name;" is how a header with an empty value is asked for. */
    char *header = token == NULL || *token == 0 ? memory_strdup("X-Api-Token;") : memory_printf("X-Api-Token: %s", token);
    const char *headers[] = {header, NULL};
    http_call_t call = {.url = url,
                        .method = gets ? "GET" : "POST",
                        .headers = headers,
                        .form = form,
                        .connect_timeout_ms = TIMEOUT_MS,
                        .timeout_ms = command->slow ? SLOW_TIMEOUT_MS : 2 * TIMEOUT_MS,
                        .max_body = MAX_BODY,
                        .authorities = getenv("QMQ_CA_FILE")};
    http_answer_t answer;
    qmq_error_t *error = NULL;
    int code;
    if (http_fetch(&call, &answer, &error) != APR_SUCCESS) {
        code = tell_unreachable(error, metaserver, to->err);
        qmq_error_free(error);
    } else {
        code = take_answer(&answer, url, metaserver, v->raw, to);
        http_answer_free(&answer);
    }
    memory_free(header);
    memory_free(url);
    return code;
}
