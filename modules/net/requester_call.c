#include "net/requester.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"

#include <stdio.h>

#define CONNECT_TIMEOUT_US ((int64_t)5 * 1000000)
#define BLOCK_SIZE ((size_t)128 * 1024)
#define ANSWER_MOST ((size_t)256 * 1024 * 1024)

typedef struct blocking_call {
    task_t start;
    loop_t *loop;
    requester_t *requester;
    const char *address;
    const request_options_t *options;
    const void *body;
    size_t body_size;
    apr_status_t status;
    int16_t code;
    uint8_t *answer;
    size_t answer_size;
} blocking_call_t;

static void on_stopped(void *arg) {
    loop_stop(((blocking_call_t *)arg)->loop);
}

static void keep_answer(blocking_call_t *call, const frame_t *response) {
    call->answer = memory_try(response->body.size + 1);
    if (call->answer == NULL) {
        call->status = APR_ENOMEM;
        return;
    }
    if (response->body.size > 0) memcpy(call->answer, response->body.data, response->body.size);
    call->answer_size = response->body.size;
    call->code = response->code;
}

static void on_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    (void)block;
    blocking_call_t *call = arg;
    call->status = status;
    if (status == APR_SUCCESS) keep_answer(call, response);
    requester_destroy(call->requester, on_stopped, call);
}

static void run_start(task_t *task) {
    blocking_call_t *call = (blocking_call_t *)(void *)task;
    chain_t body;
    chain_init(&body);
    chain_append_copy(&body, call->body, call->body_size);
    requester_send(call->requester, call->address, call->options, &body, on_answer, call);
}

static apr_status_t run_call(blocking_call_t *call) {
    apr_status_t status = loop_create(&call->loop, "call");
    if (status != APR_SUCCESS) return status;
    connection_context_t *context = connection_context_create(call->loop, BLOCK_SIZE);
    requester_options_t options = {.context = context, .connect_timeout_us = CONNECT_TIMEOUT_US, .max_frame = ANSWER_MOST};
    status = requester_create(&call->requester, &options);
    if (status == APR_SUCCESS) {
        call->start.run = run_start;
        loop_post(call->loop, &call->start);
        status = loop_run(call->loop);
    }
    connection_context_destroy(context);
    loop_destroy(call->loop);
    return status == APR_SUCCESS ? call->status : status;
}

/* "host:port" with the host's IPv4 address in place of its name; NULL when that cannot be had. */
static char *resolve(const char *address) {
    char ip[64];
    const char *colon = strchr(address, ':');
    if (colon == NULL) return NULL;
    char *host = memory_strndup(address, (size_t)(colon - address));
    apr_status_t status = host_resolve(host, ip, sizeof ip);
    memory_free(host);
    return status == APR_SUCCESS ? memory_printf("%s%s", ip, colon) : NULL;
}

apr_status_t requester_call(const char *address, const request_options_t *options, const void *body, size_t body_size, int16_t *code,
                            uint8_t **answer, size_t *answer_size) {
    char *resolved = resolve(address);
    if (resolved == NULL) return QMQ_E_UNREACHABLE;
    blocking_call_t call = {.address = resolved, .options = options, .body = body, .body_size = body_size, .status = QMQ_E_CLOSED};
    apr_status_t status = run_call(&call);
    memory_free(resolved);
    if (status != APR_SUCCESS) {
        memory_free(call.answer);
        return status;
    }
    *code = call.code;
    *answer = call.answer;
    *answer_size = call.answer_size;
    return APR_SUCCESS;
}
