#include "asking.h"

#include "base/status.h"
#include "portability/clock.h"

#include <stdio.h>

typedef struct create_call {
    asking_t *a;
    const requester_options_t *options;
} create_call_t;

static void create_here(void *arg) {
    create_call_t *call = arg;
    asking_t *a = call->a;
    requester_options_t options = {.context = loops_context(a->loops, 0),
                                   .resolver = call->options == NULL ? NULL : call->options->resolver,
                                   .connect_timeout_us = 5000000,
                                   .idle_close_us = call->options == NULL ? 0 : call->options->idle_close_us,
                                   .max_frame = FIXTURE_MAX_FRAME,
                                   .log = &a->f.log};
    CU_ASSERT_FATAL(requester_create(&a->requester, &options) == APR_SUCCESS);
}

void asking_start(asking_t *a, const requester_options_t *options) {
    memset(a, 0, sizeof *a);
    fixture_start(&a->f, 2, NULL);
    asking_point_to(a, a->f.port);
    CU_ASSERT_FATAL(loops_start(&a->loops, "ask", 1) == APR_SUCCESS);
    if (options != NULL) a->resolver = options->resolver;
    create_call_t call = {a, options};
    loops_call(a->loops, 0, create_here, &call);
}

void asking_point_to(asking_t *a, int port) {
    (void)snprintf(a->address, sizeof a->address, "127.0.0.1:%d", port);
}

static void on_stopped(void *arg) {
    ((asking_t *)arg)->stopped++;
}

static void destroy_here(void *arg) {
    asking_t *a = arg;
    if (a->destroyed) return;
    a->destroyed = true;
    requester_destroy(a->requester, on_stopped, a);
}

static void on_answer(void *arg, apr_status_t status, const frame_t *response, block_t *block) {
    ask_t *q = arg;
    q->ended_us = clock_mono_us();
    q->status = status;
    q->inside_send = q->inside_send || q->asking->in_send;
    CU_ASSERT_EQUAL(status == APR_SUCCESS, response != NULL);
    CU_ASSERT_EQUAL(response != NULL, block != NULL);
    if (response != NULL) {
        cursor_t body = cursor_of(response->body);
        q->code = response->code;
        q->opaque = response->opaque;
        q->tag = cursor_i32(&body);
    }
    if (q->again > 0) {
        q->again--;
        asking_send_here(q->asking, q, q->request, q->tag, q->timeout_us);
        return;
    }
    if (q->destroys) destroy_here(q->asking);
    q->ends++;
}

void asking_send_here(asking_t *a, ask_t *q, int16_t code, int32_t tag, int64_t timeout_us) {
    uint8_t bytes[4] = {(uint8_t)((uint32_t)tag >> 24), (uint8_t)((uint32_t)tag >> 16), (uint8_t)((uint32_t)tag >> 8), (uint8_t)tag};
    request_options_t options = {.code = code, .version = 8, .request_code = -1, .timeout_us = timeout_us, .separate = q->separate};
    chain_t body;
    q->asking = a;
    q->request = code;
    q->timeout_us = timeout_us;
    q->opaque = -1;
    chain_init(&body);
    chain_append_copy(&body, bytes, sizeof bytes);
    q->sent_us = clock_mono_us();
    a->in_send = true;
    requester_send(a->requester, a->address, &options, &body, on_answer, q);
    a->in_send = false;
    CU_ASSERT_EQUAL(body.bytes, 0);
}

typedef struct send_call {
    asking_t *a;
    ask_t *q;
    int16_t code;
    int32_t tag;
    int64_t timeout_us;
} send_call_t;

static void send_here(void *arg) {
    send_call_t *call = arg;
    asking_send_here(call->a, call->q, call->code, call->tag, call->timeout_us);
}

void asking_send(asking_t *a, ask_t *q, int16_t code, int32_t tag, int64_t timeout_us) {
    send_call_t call = {a, q, code, tag, timeout_us};
    q->ends = 0;
    loops_call(a->loops, 0, send_here, &call);
}

bool ask_wait(ask_t *q) {
    return wait_for_int(&q->ends, 1) && q->ends == 1;
}

void asking_stop(asking_t *a) {
    loops_call(a->loops, 0, destroy_here, a);
    CU_ASSERT_FATAL(wait_for_int(&a->stopped, 1));
    if (a->resolver != NULL) {
        executor_stop(a->resolver);
        executor_destroy(a->resolver);
    }
    loops_stop(a->loops);
    CU_ASSERT_EQUAL(a->stopped, 1);
    fixture_stop(&a->f);
}
