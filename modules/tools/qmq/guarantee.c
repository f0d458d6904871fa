/* What was promised for the messages that were sent. The answer to a SEND has no field for it; the broker's /health says it. */
#include "cli.h"

#include "base/memory.h"
#include "http/client.h"

#include <jansson.h>
#include <string.h>

#define DEFAULT_BROKER "127.0.0.1:3333"
#define ANSWER_MS 2000
#define GENERAL "send.sync"

static const char *in_words(const char *mode) {
    if (strcmp(mode, "disk") == 0) return "disk: every confirmed message survives a power loss";
    if (strcmp(mode, "none") == 0)
        return "none: a confirmed message survives the broker's death at once, a power loss after the next data sync (500 ms)";
    return mode;
}

/* Of a broker's own answer, or of the one inside standalone's. */
static const char *mode_of(const json_t *health, const char *subject) {
    const json_t *durability = json_object_get(health, "durability");
    if (durability == NULL) durability = json_object_get(json_object_get(health, "broker"), "durability");
    const char *special = json_string_value(json_object_get(json_object_get(durability, "subjects"), subject));
    return special != NULL ? special : json_string_value(json_object_get(durability, GENERAL));
}

void cli_say_guarantee(const cli_options_t *o) {
    const char *broker = o->broker != NULL ? o->broker : DEFAULT_BROKER;
    char *url = memory_printf("http://%s/health", broker);
    http_call_t call = {.url = url, .method = "GET", .timeout_ms = ANSWER_MS};
    http_answer_t answer = {0};
    qmq_error_t *error = NULL;
    json_t *health = NULL;
    if (http_fetch(&call, &answer, &error) == APR_SUCCESS)
        health = json_loadb(answer.body, answer.size, 0, NULL);
    else
        qmq_error_free(error);
    const char *mode = mode_of(health, o->subject);
    if (mode != NULL)
        cli_say("guarantee %s, says the broker at %s", in_words(mode), broker);
    else
        cli_say("guarantee not known: no broker tells it at %s; name the monitor port of the one that got them with --broker HOST:PORT",
                broker);
    json_decref(health);
    http_answer_free(&answer);
    memory_free(url);
}
