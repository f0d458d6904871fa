#include "client/discovery.h"

#include "base/id.h"
#include "base/memory.h"
#include "client/client.h"
#include "http/client.h"

#define FRESH_US (60 * SECOND_US)
#define FIRST_TRIES 3
#define CONNECT_MS 1000
#define ANSWER_MS 1500
#define MOST_ANSWER 4096
#define MOST_PORT 65535
#define BLANKS " \t\r\n"

char *discovery_url(const char *metaserver, bool *port_is_implied) {
    *port_is_implied = false;
    if (strstr(metaserver, "://") != NULL) return memory_strdup(metaserver);
    size_t host = strcspn(metaserver, "/");
    *port_is_implied = memchr(metaserver, ':', host) == NULL;
    if (metaserver[host] != 0) return memory_printf("http://%s", metaserver);
    return memory_printf("http://%s/meta/address", metaserver);
}

char *discovery_read_answer(const char *body) {
    const char *start = body + strspn(body, BLANKS);
    size_t size = strlen(start);
    while (size > 0 && strchr(BLANKS, start[size - 1]) != NULL) size--;
    const char *colon = size == 0 ? NULL : memchr(start, ':', size);
    if (colon == NULL || colon == start) return NULL;
    const char *port = colon + 1;
    size_t left = size - (size_t)(port - start);
    const char *end = memchr(port, ':', left);
    int32_t number = 0;
    if (!id_parse_i32(view_make(port, end == NULL ? left : (size_t)(end - port)), &number) || number < 0 || number > MOST_PORT) return NULL;
    return memory_strndup(start, size);
}

static qmq_error_t *unusable(const discovery_t *d, const http_answer_t *answer) {
    if (answer->status != 200)
        return error_create(QMQ_UNREACHABLE, "Check that this is the metaserver's HTTP port, 8080 by default", "%s answered with status %d",
                            d->url, answer->status);
    return error_create(QMQ_UNREACHABLE, "Check that this is the metaserver's HTTP port, 8080 by default",
                        "%s answered \"%.60s\", which is not host:port", d->url, answer->body);
}

static void look_up_once(discovery_t *d) {
    http_call_t call = {.url = d->url, .method = "GET", .connect_timeout_ms = CONNECT_MS, .timeout_ms = ANSWER_MS, .max_body = MOST_ANSWER};
    http_answer_t answer = {0};
    qmq_error_free(d->problem);
    d->problem = NULL;
    if (http_fetch(&call, &answer, &d->problem) != APR_SUCCESS) {
        if (d->port_is_implied) error_set_remedy(d->problem, "Name the port, 8080 by default: without one it is 80");
        return;
    }
    if (answer.status == 200) d->found = discovery_read_answer(answer.body);
    if (d->found == NULL) d->problem = unusable(d, &answer);
    http_answer_free(&answer);
}

/* On a thread of the executor. While it runs nobody else touches found and problem. */
static void run_look_up(job_t *job) {
    discovery_t *d = (discovery_t *)(void *)((char *)job - offsetof(discovery_t, job));
    int tries = d->address == NULL ? FIRST_TRIES : 1;
    for (int i = 0; i < tries && d->found == NULL; i++) look_up_once(d);
    loop_post(d->client->loop, &d->ended);
}

static void on_ended(task_t *task) {
    discovery_t *d = (discovery_t *)(void *)((char *)task - offsetof(discovery_t, ended));
    d->running = false;
    if (d->found != NULL) {
        memory_free(d->address);
        d->address = d->found;
        d->found = NULL;
        d->found_us = loop_now_us(d->client->loop);
        d->stale = false;
        d->told = false;
    } else if (!d->told) {
        d->told = true;
        client_log(d->client, QMQ_LOG_WARN, "%s. %s", qmq_error_message(d->problem), qmq_error_remedy(d->problem));
    }
    routes_discovered(&d->client->routes);
}

void discovery_init(discovery_t *d, qmq_client_t *client, const char *metaserver) {
    d->client = client;
    d->url = discovery_url(metaserver, &d->port_is_implied);
    d->job.run = run_look_up;
    d->ended.run = on_ended;
}

void discovery_free(discovery_t *d) {
    memory_free(d->url);
    memory_free(d->address);
    memory_free(d->found);
    qmq_error_free(d->problem);
}

const char *discovery_address(discovery_t *d) {
    if (d->running) return NULL;
    int64_t now = loop_now_us(d->client->loop);
    if (d->address != NULL && !d->stale && now - d->found_us < FRESH_US) return d->address;
    d->running = executor_submit(d->client->background, &d->job) == APR_SUCCESS;
    return NULL;
}

void discovery_doubt(discovery_t *d) {
    d->stale = true;
}
