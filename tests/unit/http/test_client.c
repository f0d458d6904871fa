#include "raw.h"
#include "suites.h"

#include "base/memory.h"
#include "base/status.h"
#include "http/client.h"
#include "http/server.h"
#include "portability/clock.h"
#include "portability/thread.h"

#include <apr_env.h>
#include <apr_pools.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void echo(void *arg, http_request_t *r) {
    (void)arg;
    const char *token = http_request_header(r, "X-Api-Token");
    const char *agent = http_request_header(r, "User-Agent");
    const char *name = http_request_parameter(r, "name");
    view_t body = http_request_body(r);
    if (name != NULL && strncmp(name, "warn", 4) == 0) http_request_warn(r, name);
    char *text = memory_printf("%s|%s|%s|%.*s|%s", http_request_method(r), token == NULL ? "" : token, name == NULL ? "" : name,
                               VIEW_ARG(body), agent == NULL ? "" : agent);
    http_respond(r, 202, "text/plain;charset=utf-8", text, strlen(text));
    memory_free(text);
}

static void zeros(void *arg, http_request_t *r) {
    (void)arg;
    static const char bytes[5000] = {'a', 0, 'b'};
    http_respond(r, 200, NULL, bytes, sizeof bytes);
}

static http_server_t *start(char *base, size_t size) {
    static const http_route_t routes[] = {{NULL, "/echo", echo, NULL}, {"GET", "/zeros", zeros, NULL}, {NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "test.port", .address = "127.0.0.1", .routes = routes};
    http_server_t *s = NULL;
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(http_server_start(&s, &o, &error), APR_SUCCESS);
    (void)snprintf(base, size, "http://127.0.0.1:%d", http_server_port(s));
    return s;
}

/* The call must fail with this status, and the message must hold url and text. */
static void fails(const http_call_t *call, apr_status_t status, const char *text) {
    http_answer_t answer;
    qmq_error_t *error = NULL;
    apr_status_t got = http_fetch(call, &answer, &error);
    CU_ASSERT_EQUAL(got, status);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    if (strstr(qmq_error_message(error), text) == NULL) printf("no \"%s\" in: %s\n", text, qmq_error_message(error));
    CU_ASSERT(strstr(qmq_error_message(error), text) != NULL);
    CU_ASSERT(strstr(qmq_error_message(error), call->url) != NULL);
    CU_ASSERT(*qmq_error_remedy(error) != 0);
    CU_ASSERT_PTR_NULL(answer.body);
    qmq_error_free(error);
    CU_ASSERT_EQUAL(http_fetch(call, &answer, NULL), got); /* without words */
}

static void get_and_post(void) {
    char base[64], url[128];
    http_server_t *s = start(base, sizeof base);
    http_answer_t a;
    (void)snprintf(url, sizeof url, "%s/echo?name=q", base);
    const char *const headers[] = {"X-Api-Token: secret", NULL};
    CU_ASSERT_EQUAL_FATAL(http_fetch(&(http_call_t){.url = url, .method = "GET", .headers = headers}, &a, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(a.status, 202);
    CU_ASSERT_STRING_EQUAL(a.body, "GET|secret|q||qmq/" QMQ_VERSION);
    CU_ASSERT_EQUAL(a.size, strlen(a.body));
    CU_ASSERT_STRING_EQUAL(a.content_type, "text/plain;charset=utf-8");
    http_answer_free(&a);
    (void)snprintf(url, sizeof url, "%s/echo", base);
    const char *const form[] = {"name", "a b&c=d%\xe4\xb8\xbb", "more", "", NULL};
    CU_ASSERT_EQUAL_FATAL(http_fetch(&(http_call_t){.url = url, .method = "POST", .form = form}, &a, NULL), APR_SUCCESS);
    CU_ASSERT(strncmp(a.body, "POST||a b&c=d%\xe4\xb8\xbb|name=", 23) == 0);
    http_answer_free(&a);
    CU_ASSERT_EQUAL_FATAL(http_fetch(&(http_call_t){.url = url, .method = "POST"}, &a, NULL), APR_SUCCESS);
    CU_ASSERT(strncmp(a.body, "POST||||", 8) == 0);
    http_answer_free(&a);
    (void)snprintf(url, sizeof url, "%s/none", base);
    CU_ASSERT_EQUAL_FATAL(http_fetch(&(http_call_t){.url = url, .method = "GET"}, &a, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(a.status, 404);
    http_answer_free(&a);
    http_server_stop(s);
}

static void binary_bodies_and_their_limit(void) {
    char base[64], url[128];
    http_server_t *s = start(base, sizeof base);
    http_answer_t a;
    (void)snprintf(url, sizeof url, "%s/zeros", base);
    CU_ASSERT_EQUAL_FATAL(http_fetch(&(http_call_t){.url = url, .method = "GET", .max_body = 5000}, &a, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(a.size, 5000);
    CU_ASSERT(memcmp(a.body, "a\0b", 3) == 0);
    CU_ASSERT_STRING_EQUAL(a.content_type, "");
    http_answer_free(&a);
    fails(&(http_call_t){.url = url, .method = "GET", .max_body = 4999}, QMQ_E_TOO_LONG, "4999");
    http_server_stop(s);
}

static void nobody_listens(void) {
    int port = 0;
    raw_close(raw_listen(&port));
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/x", port);
    fails(&(http_call_t){.url = url, .method = "GET"}, QMQ_E_UNREACHABLE, "refused");
}

static void wrong_urls(void) {
    fails(&(http_call_t){.url = "ftp://127.0.0.1/x", .method = "GET"}, QMQ_E_INVALID, "no URL");
    fails(&(http_call_t){.url = "file:///etc/passwd", .method = "GET"}, QMQ_E_INVALID, "no URL");
    fails(&(http_call_t){.url = "http://", .method = "GET"}, QMQ_E_INVALID, "no URL");
    fails(&(http_call_t){.url = "http://no-such-host.invalid/x", .method = "GET"}, QMQ_E_UNREACHABLE, "unknown host");
}

static void a_silent_server_times_out(void) {
    int port = 0;
    raw_t *listener = raw_listen(&port);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/x", port);
    int64_t start_us = clock_mono_us();
    fails(&(http_call_t){.url = url, .method = "GET", .timeout_ms = 500}, APR_TIMEUP, "no answer within 500 ms");
    CU_ASSERT(clock_mono_us() - start_us >= 1000 * 1000); /* called twice */
    raw_close(listener);
}

typedef struct stranger {
    raw_t *listener;
    const char *says;
} stranger_t;

/* Twice, because `fails` calls twice. */
static void be_strange(void *arg) {
    stranger_t *s = arg;
    for (int i = 0; i < 2; i++) {
        raw_t *c = raw_accept(s->listener);
        (void)raw_answer(c, true); /* the request's head */
        raw_send(c, s->says);
        raw_close(c);
    }
}

static void meet(const char *says, apr_status_t status, const char *text) {
    int port = 0;
    stranger_t s = {raw_listen(&port), says};
    thread_t *thread = NULL;
    CU_ASSERT_EQUAL_FATAL(thread_start(&thread, "stranger", be_strange, &s), APR_SUCCESS);
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/x", port);
    fails(&(http_call_t){.url = url, .method = "GET"}, status, text);
    thread_join(thread);
    raw_close(s.listener);
}

static void servers_that_do_not_speak_http(void) {
    meet("", QMQ_E_UNREACHABLE, "connection broke");
    meet("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", QMQ_E_MALFORMED, "");
}

static void the_proxy_of_the_environment_is_not_used(void) {
    char base[64], url[128];
    apr_pool_t *pool;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&pool, NULL), APR_SUCCESS);
    http_server_t *s = start(base, sizeof base);
    CU_ASSERT_EQUAL(apr_env_set("http_proxy", "http://127.0.0.1:1", pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(apr_env_set("all_proxy", "http://127.0.0.1:1", pool), APR_SUCCESS);
    (void)snprintf(url, sizeof url, "%s/echo", base);
    http_answer_t a;
    CU_ASSERT_EQUAL_FATAL(http_fetch(&(http_call_t){.url = url, .method = "GET"}, &a, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(a.status, 202);
    http_answer_free(&a);
    CU_ASSERT_EQUAL(apr_env_delete("http_proxy", pool), APR_SUCCESS);
    CU_ASSERT_EQUAL(apr_env_delete("all_proxy", pool), APR_SUCCESS);
    http_server_stop(s);
    apr_pool_destroy(pool);
}

static void fetch_often(void *arg) {
    for (int i = 0; i < 50; i++) {
        http_answer_t a;
        if (http_fetch(&(http_call_t){.url = arg, .method = "GET"}, &a, NULL) != APR_SUCCESS || a.status != 202) return;
        http_answer_free(&a);
    }
    *(char *)arg = 0;
}

static void many_threads_call_at_once(void) {
    char base[64], urls[4][128];
    http_server_t *s = start(base, sizeof base);
    thread_t *threads[4];
    for (int i = 0; i < 4; i++) {
        (void)snprintf(urls[i], sizeof urls[i], "%s/echo", base);
        CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "caller", fetch_often, urls[i]), APR_SUCCESS);
    }
    for (int i = 0; i < 4; i++) {
        thread_join(threads[i]);
        CU_ASSERT_EQUAL(urls[i][0], 0);
    }
    http_server_stop(s);
}

static void a_warning_comes_beside_the_answer(void) {
    char base[40], url[60];
    http_server_t *s = start(base, sizeof base);
    (void)snprintf(url, sizeof url, "%s/echo", base);
    static const char *const names[] = {"warned: \xe7\xbb\x84", "none", "warn\r\nSet-Cookie: x"};
    static const char *const warnings[] = {"warned: \xe7\xbb\x84", "", ""};
    for (size_t i = 0; i < 3; i++) {
        const char *form[] = {"name", names[i], NULL};
        http_call_t call = {.url = url, .method = "POST", .form = form};
        http_answer_t a;
        CU_ASSERT_EQUAL_FATAL(http_fetch(&call, &a, NULL), APR_SUCCESS);
        CU_ASSERT_EQUAL(a.status, 202);
        CU_ASSERT_STRING_EQUAL(a.warning, warnings[i]);
        http_answer_free(&a);
    }
    http_server_stop(s);
}

const test_case_t client_cases[] = {
    TEST(many_threads_call_at_once), /* first: the library is started by several at once */
    TEST(get_and_post),
    TEST(binary_bodies_and_their_limit),
    TEST(nobody_listens),
    TEST(wrong_urls),
    TEST(a_silent_server_times_out),
    TEST(servers_that_do_not_speak_http),
    TEST(the_proxy_of_the_environment_is_not_used),
    TEST(a_warning_comes_beside_the_answer),
    TEST_END,
};
