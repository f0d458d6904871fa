#include "raw.h"
#include "suites.h"

#include "base/memory.h"
#include "http/server.h"
#include "portability/clock.h"
#include "portability/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MOST 256
#define SHORT_US (200 * 1000)

/* Requests a handler has kept, answered by the test or by a thread of it. */
typedef struct desk {
    http_server_t *server;
    mutex_t lock;
    condition_t came;
    http_request_t *kept[MOST];
    int count;
    int wanted; /* the answering thread takes so many and ends */
} desk_t;

static void keep(void *arg, http_request_t *r) {
    desk_t *d = arg;
    mutex_lock(&d->lock);
    d->kept[d->count++] = r;
    condition_signal(&d->came);
    mutex_unlock(&d->lock);
}

static http_request_t *take(desk_t *d) {
    mutex_lock(&d->lock);
    while (d->count == 0) condition_wait(&d->came, &d->lock);
    http_request_t *r = d->kept[--d->count];
    mutex_unlock(&d->lock);
    return r;
}

static void open_desk(desk_t *d, int64_t timeout_us) {
    memset(d, 0, sizeof *d);
    mutex_init(&d->lock);
    condition_init(&d->came);
    const http_route_t routes[] = {{"GET", "/wait", keep, d}, {NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "test.port", .address = "127.0.0.1", .routes = routes, .answer_timeout_us = timeout_us};
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(http_server_start(&d->server, &o, &error), APR_SUCCESS);
}

static void close_desk(desk_t *d) {
    if (d->server != NULL) http_server_stop(d->server);
    mutex_destroy(&d->lock);
    condition_destroy(&d->came);
}

static raw_t *ask(desk_t *d, const char *query) {
    raw_t *c = raw_connect(http_server_port(d->server));
    char request[200];
    (void)snprintf(request, sizeof request, "GET /wait?n=%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
    raw_send(c, request);
    return c;
}

static void answer(http_request_t *r) {
    const char *n = http_request_parameter(r, "n");
    char text[64];
    (void)snprintf(text, sizeof text, "number %s", n);
    http_respond(r, 200, "text/plain", text, strlen(text));
}

static void answered_from_another_thread(void) {
    desk_t d;
    open_desk(&d, 0);
    raw_t *c = ask(&d, "1");
    answer(take(&d));
    CU_ASSERT(strstr(raw_answer(c, false), "number 1") != NULL);
    raw_send(c, "GET /wait?n=2 HTTP/1.1\r\nHost: x\r\n\r\n"); /* the connection lives on */
    answer(take(&d));
    CU_ASSERT(strstr(raw_answer(c, false), "number 2") != NULL);
    raw_close(c);
    close_desk(&d);
}

static void answer_all(void *arg) {
    desk_t *d = arg;
    for (int i = 0; i < d->wanted; i++) answer(take(d));
}

/* Answers race with the handlers that have just kept their requests. */
static void many_are_answered_by_two_threads(void) {
    desk_t d;
    open_desk(&d, 0);
    enum { CLIENTS = 50, ROUNDS = 20 };
    raw_t *clients[CLIENTS];
    thread_t *threads[2];
    d.wanted = CLIENTS * ROUNDS / 2;
    for (int i = 0; i < 2; i++) CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "answerer", answer_all, &d), APR_SUCCESS);
    for (int i = 0; i < CLIENTS; i++) clients[i] = raw_connect(http_server_port(d.server));
    for (int round = 0; round < ROUNDS; round++) {
        char text[80];
        for (int i = 0; i < CLIENTS; i++) {
            (void)snprintf(text, sizeof text, "GET /wait?n=%d-%d HTTP/1.1\r\nHost: x\r\n\r\n", i, round);
            raw_send(clients[i], text);
        }
        for (int i = 0; i < CLIENTS; i++) {
            (void)snprintf(text, sizeof text, "number %d-%d", i, round);
            CU_ASSERT_FATAL(strstr(raw_answer(clients[i], false), text) != NULL);
        }
    }
    for (int i = 0; i < 2; i++) thread_join(threads[i]);
    for (int i = 0; i < CLIENTS; i++) raw_close(clients[i]);
    close_desk(&d);
}

static void the_deadline_answers_503(void) {
    desk_t d;
    open_desk(&d, SHORT_US);
    int64_t start = clock_mono_us();
    raw_t *first = ask(&d, "1");
    raw_t *second = ask(&d, "2");
    CU_ASSERT(strstr(raw_answer(first, false), "HTTP/1.1 503") != NULL);
    CU_ASSERT(strstr(raw_answer(second, false), "HTTP/1.1 503") != NULL);
    CU_ASSERT(clock_mono_us() - start >= SHORT_US);
    raw_close(first);
    raw_close(second);
    http_request_t *late = take(&d);
    CU_ASSERT_STRING_EQUAL(http_request_path(late), "/wait"); /* still whole, although nobody waits for it */
    answer(late);
    answer(take(&d));
    raw_t *third = ask(&d, "3");
    answer(take(&d));
    CU_ASSERT(strstr(raw_answer(third, false), "number 3") != NULL);
    raw_close(third);
    close_desk(&d);
}

static void a_client_that_left_is_forgotten(void) {
    desk_t d;
    open_desk(&d, SHORT_US);
    raw_close(ask(&d, "1"));
    answer(take(&d)); /* to nobody */
    raw_close(ask(&d, "2"));
    http_request_t *r = take(&d);
    raw_t *c = ask(&d, "3"); /* its deadline is the later one */
    CU_ASSERT(strstr(raw_answer(c, false), "HTTP/1.1 503") != NULL);
    raw_close(c);
    answer(r);
    answer(take(&d));
    close_desk(&d);
}

static void stop_answers_what_is_parked(void) {
    desk_t d;
    open_desk(&d, 0);
    raw_t *clients[3];
    http_request_t *kept[3];
    for (int i = 0; i < 3; i++) {
        clients[i] = ask(&d, "x");
        kept[i] = take(&d);
    }
    http_server_stop(d.server);
    d.server = NULL;
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(strstr(raw_answer(clients[i], false), "HTTP/1.1 503") != NULL);
        CU_ASSERT(raw_closed(clients[i]));
        raw_close(clients[i]);
        answer(kept[i]); /* after the server is gone */
    }
    close_desk(&d);
}

const test_case_t parked_cases[] = {
    TEST(answered_from_another_thread),    TEST(many_are_answered_by_two_threads), TEST(the_deadline_answers_503),
    TEST(a_client_that_left_is_forgotten), TEST(stop_answers_what_is_parked),      TEST_END,
};
