/* peek and reset: what a broker's monitor port tells and does about a subject (broker.md, modules/broker/look.h). */
#include "cli.h"

#include "base/memory.h"
#include "base/writer.h"
#include "http/client.h"
#include "portability/host.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BROKER "127.0.0.1:3333"
#define TOKEN_VARIABLE "QMQ_TOKEN"
#define ANSWER_MS 40000

static void put_text(writer_t *w, const char *text) {
    writer_bytes(w, text, strlen(text));
}

/* "&name=value", percent-encoded. */
static void put_parameter(writer_t *w, const char *name, const char *value) {
    static const char digits[] = "0123456789ABCDEF";
    if (value == NULL) return;
    put_text(w, "&");
    put_text(w, name);
    put_text(w, "=");
    for (const unsigned char *c = (const unsigned char *)value; *c != 0; c++) {
        bool plain = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || strchr("-_.~", *c) != NULL;
        if (plain)
            writer_u8(w, *c);
        else
            writer_bytes(w, (char[]){'%', digits[*c >> 4], digits[*c & 15]}, 3);
    }
}

static void put_number(writer_t *w, const char *name, int64_t value) {
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    if (value > 0) put_parameter(w, name, text);
}

/* The request's answer, parsed; NULL after a line on standard error, *code is what to end with. */
static json_t *fetch(const cli_options_t *o, const char *method, const char *path, writer_t *query, int *code) {
    writer_u8(query, 0);
    const char *token = o->token != NULL ? o->token : process_environment(TOKEN_VARIABLE);
    char *url = memory_printf("http://%s%s?%s", o->broker != NULL ? o->broker : DEFAULT_BROKER, path, (const char *)query->data + 1);
    char *header = memory_printf("X-Api-Token: %s", token == NULL ? "" : token);
    const char *headers[] = {header, NULL};
    http_call_t call = {.url = url, .method = method, .headers = headers, .timeout_ms = ANSWER_MS};
    http_answer_t answer = {0};
    qmq_error_t *error = NULL;
    json_t *body = NULL;
    *code = EXIT_UNREACHABLE;
    if (http_fetch(&call, &answer, &error) != APR_SUCCESS) {
        cli_say("%s. Name the broker's monitor port with --broker HOST:PORT (monitor.port in run/broker.json)", qmq_error_message(error));
        qmq_error_free(error);
    } else {
        body = json_loadb(answer.body, answer.size, 0, NULL);
        *code = answer.status == 200 && body != NULL ? EXIT_DONE : EXIT_REFUSED;
    }
    if (*code == EXIT_REFUSED) {
        const char *why = json_string_value(json_object_get(body, "error"));
        cli_say("%s: %s", url, why != NULL ? why : "this is no monitor port of a broker, or one of an older version");
        json_decref(body);
        body = NULL;
    }
    http_answer_free(&answer);
    memory_free(header);
    memory_free(url);
    writer_free(query);
    return body;
}

static void print_line(const json_t *value, const char *name) {
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (name != NULL) (void)printf("%s ", name);
    (void)puts(text == NULL ? "" : text);
    free(text);
}

static void print_message(const json_t *m) {
    (void)printf("%lld  %s  ", (long long)json_integer_value(json_object_get(m, "sequence")), json_string_value(json_object_get(m, "id")));
    const json_t *consumer = json_object_get(m, "consumer");
    if (consumer != NULL) (void)printf("(%s)  ", json_string_value(consumer));
    const json_t *tags = json_object_get(m, "tags");
    if (json_array_size(tags) > 0) {
        char *text = json_dumps(tags, JSON_COMPACT);
        (void)printf("%s  ", text);
        free(text);
    }
    print_line(json_object_get(m, "attrs"), NULL);
}

int peek_command(const cli_options_t *o) {
    writer_t query;
    writer_init(&query, 256);
    put_parameter(&query, "subject", o->subject);
    put_parameter(&query, "group", o->group);
    put_parameter(&query, "state", o->state);
    put_parameter(&query, "from", o->from);
    put_number(&query, "count", o->count);
    int code;
    json_t *body = fetch(o, "GET", "/messages", &query, &code);
    if (body == NULL) return code;
    size_t i;
    const json_t *m;
    json_array_foreach(json_object_get(body, "messages"), i, m) {
        if (o->json)
            print_line(m, NULL);
        else
            print_message(m);
    }
    json_decref(body);
    return EXIT_DONE;
}

int reset_command(const cli_options_t *o) {
    writer_t query;
    writer_init(&query, 256);
    put_parameter(&query, "subject", o->subject);
    put_parameter(&query, "group", o->group);
    put_parameter(&query, "to", o->to);
    put_parameter(&query, "dry-run", o->dry_run ? "true" : "false");
    int code;
    json_t *body = fetch(o, "POST", "/reset", &query, &code);
    if (body == NULL) return code;
    if (o->json) {
        print_line(body, NULL);
    } else {
        (void)printf("%s %s from message %lld to %lld: %lld messages %s repeated, %lld skipped\n", o->group,
                     o->dry_run ? "would move" : "was moved", (long long)json_integer_value(json_object_get(body, "position")),
                     (long long)json_integer_value(json_object_get(body, "target")),
                     (long long)json_integer_value(json_object_get(body, "repeated")), o->dry_run ? "would be" : "are",
                     (long long)json_integer_value(json_object_get(body, "skipped")));
    }
    json_decref(body);
    return EXIT_DONE;
}
