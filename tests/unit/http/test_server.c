#include "raw.h"
#include "suites.h"

#include "base/memory.h"
#include "base/status.h"
#include "http/rate.h"
#include "http/server.h"
#include "portability/host.h"

#include <stdio.h>
#include <string.h>

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void answer(http_request_t *r, const char *text) {
    http_respond(r, 200, NULL, text, strlen(text));
}

static void say_path(void *arg, http_request_t *r) {
    char text[256];
    (void)snprintf(text, sizeof text, "%s %s %s %s", (const char *)arg, http_request_method(r), http_request_path(r), http_request_peer(r));
    answer(r, text);
}

static void say_parameters(void *arg, http_request_t *r) {
    (void)arg;
    const char *a = http_request_parameter(r, "a");
    const char *second = http_request_parameter_at(r, "name[]", 1);
    const char *third = http_request_parameter_at(r, "name[]", 2);
    char text[512];
    (void)snprintf(text, sizeof text, "a=%s second=%s third=%s body=%zu token=%s", a == NULL ? "(none)" : a,
                   second == NULL ? "(none)" : second, third == NULL ? "(none)" : third, http_request_body(r).size,
                   http_request_header(r, "x-api-token") == NULL ? "(none)" : http_request_header(r, "x-api-token"));
    http_respond(r, 200, "application/json", text, strlen(text));
}

static http_server_t *start(size_t max_body) {
    static const http_route_t routes[] = {{"GET", "/exact", say_path, "exact"},
                                          {"GET", "/tree/*", say_path, "tree"},
                                          {"GET", "/tree/deep/*", say_path, "deep"},
                                          {"GET", "/tree/leaf", say_path, "leaf"},
                                          {"POST", "/post", say_parameters, NULL},
                                          {NULL, "/any", say_parameters, NULL},
                                          {NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "test.port", .address = "127.0.0.1", .routes = routes, .max_body = max_body};
    http_server_t *s = NULL;
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(http_server_start(&s, &o, &error), APR_SUCCESS);
    CU_ASSERT(http_server_port(s) > 0);
    return s;
}

/* Sends one request on a fresh connection and says whether every text is in the answer; texts end with NULL. */
static bool answers(http_server_t *s, const char *request, const char *const *texts) {
    raw_t *c = raw_connect(http_server_port(s));
    raw_send(c, request);
    const char *got = raw_answer(c, strncmp(request, "HEAD", 4) == 0);
    bool all = true;
    for (; *texts != NULL; texts++) {
        if (strstr(got, *texts) != NULL) continue;
        printf("no \"%s\" in: %s\n", *texts, got);
        all = false;
    }
    raw_close(c);
    return all;
}

#define ANSWERS(server, request, ...) CU_ASSERT(answers(server, request, (const char *const[]){__VA_ARGS__, NULL}))

static void routes_by_path_and_method(void) {
    http_server_t *s = start(0);
    ANSWERS(s, "GET /exact HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "exact GET /exact 127.0.0.1", "Content-Length: 26");
    ANSWERS(s, "GET /exact/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404");
    ANSWERS(s, "GET /tree/a/b HTTP/1.1\r\nHost: x\r\n\r\n", "tree GET /tree/a/b");
    ANSWERS(s, "GET /tree/deep/b HTTP/1.1\r\nHost: x\r\n\r\n", "deep GET");
    ANSWERS(s, "GET /tree/leaf HTTP/1.1\r\nHost: x\r\n\r\n", "leaf GET");
    ANSWERS(s, "GET /none HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404", "Content-Length: ");
    ANSWERS(s, "GET /post HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405", "Allow: POST");
    ANSWERS(s, "POST /exact HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405", "Allow: GET");
    ANSWERS(s, "DELETE /any HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
    ANSWERS(s, "GET /exact HTTP/1.0\r\n\r\n", "200 OK", "exact GET");
    http_server_stop(s);
}

static void head_is_get_without_body(void) {
    http_server_t *s = start(0);
    raw_t *c = raw_connect(http_server_port(s));
    raw_send(c, "HEAD /exact HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *head = raw_answer(c, true);
    CU_ASSERT(strstr(head, "HTTP/1.1 200") == head);
    CU_ASSERT(strstr(head, "Content-Length: 27") != NULL); /* as long as a body with HEAD in it */
    raw_send(c, "GET /exact HTTP/1.1\r\nHost: x\r\n\r\n");
    CU_ASSERT(strstr(raw_answer(c, false), "HTTP/1.1 200") != NULL); /* no body came between */
    raw_send(c, "HEAD /post HTTP/1.1\r\nHost: x\r\n\r\n");
    CU_ASSERT(strstr(raw_answer(c, true), "HTTP/1.1 405") != NULL);
    raw_close(c);
    http_server_stop(s);
}

static void content_type_only_when_given(void) {
    http_server_t *s = start(0);
    raw_t *c = raw_connect(http_server_port(s));
    raw_send(c, "GET /exact HTTP/1.1\r\nHost: x\r\n\r\n");
    CU_ASSERT(strstr(raw_answer(c, false), "Content-Type") == NULL);
    raw_send(c, "GET /any HTTP/1.1\r\nHost: x\r\n\r\n");
    CU_ASSERT(strstr(raw_answer(c, false), "Content-Type: application/json\r\n") != NULL);
    raw_close(c);
    http_server_stop(s);
}

static void parameters_of_query_and_form(void) {
    http_server_t *s = start(0);
    ANSWERS(s, "GET /any?a=1&a=2&name[]=x&name%5B%5D=y HTTP/1.1\r\nHost: x\r\n\r\n", "a=1 second=y third=(none) body=0 token=(none)");
    ANSWERS(s, "GET /any?a=%e4%b8%bb+%26&b HTTP/1.1\r\nHost: x\r\nX-Api-Token: t\r\n\r\n", "a=\xe4\xb8\xbb & second", "token=t");
    ANSWERS(s, "POST /post?a=query HTTP/1.1\r\nHost: x\r\n" FORM "Content-Length: 6\r\n\r\na=form", "a=query second=(none)", "body=6");
    ANSWERS(s, "POST /post HTTP/1.1\r\nHost: x\r\n" FORM "Content-Length: 6\r\n\r\na=form", "a=form ");
    ANSWERS(s,
            "POST /post HTTP/1.1\r\nHost: x\r\nContent-Type: APPLICATION/x-www-form-urlencoded;charset=utf-8\r\nContent-Length: "
            "6\r\n\r\na=form",
            "a=form ");
    ANSWERS(s, "POST /post HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\na=form", "a=(none) ", "body=6");
    ANSWERS(s, "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\na=form", "a=(none) ", "body=6");
    ANSWERS(s, "POST /post HTTP/1.1\r\nHost: x\r\n" FORM "Transfer-Encoding: chunked\r\n\r\n2\r\na=\r\n4\r\nform\r\n0\r\n\r\n", "a=form ");
    ANSWERS(s, "GET /any?a= HTTP/1.1\r\nHost: x\r\n\r\n", "a= second");
    ANSWERS(s, "GET /any HTTP/1.1\r\nHost: x\r\n\r\n", "a=(none)");
    http_server_stop(s);
}

static void a_body_that_is_too_long_gets_413(void) {
    http_server_t *s = start(1000);
    char *big = memory_alloc(200001);
    memset(big, 'x', 200000);
    big[200000] = 0;
    char *request = memory_printf("POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n%s", big);
    ANSWERS(s, request, "HTTP/1.1 413");
    memory_free(request);
    big[1000] = 0;
    request = memory_printf("POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n%s", big);
    ANSWERS(s, request, "HTTP/1.1 200", "body=1000");
    memory_free(request);
    request = memory_printf("POST /post HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n%s\r\n1\r\ny\r\n0\r\n\r\n", big);
    ANSWERS(s, request, "HTTP/1.1 413");
    memory_free(request);
    memory_free(big);
    /* refused before anything of the body is sent */
    ANSWERS(s, "POST /post HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n", "HTTP/1.1 413");
    ANSWERS(s, "POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", "HTTP/1.1 413");
    http_server_stop(s);
}

static void expect_100_continue(void) {
    http_server_t *s = start(0);
    raw_t *c = raw_connect(http_server_port(s));
    raw_send(c, "POST /post HTTP/1.1\r\nHost: x\r\n" FORM "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    CU_ASSERT(strstr(raw_answer(c, true), "HTTP/1.1 100") != NULL);
    raw_send(c, "a=1");
    CU_ASSERT(strstr(raw_answer(c, false), "a=1 ") != NULL);
    raw_close(c);
    http_server_stop(s);
}

static void a_connection_is_kept_and_pipelines(void) {
    http_server_t *s = start(0);
    raw_t *c = raw_connect(http_server_port(s));
    for (int i = 0; i < 100; i++) {
        raw_send(c, "GET /exact HTTP/1.1\r\nHost: x\r\n\r\n");
        CU_ASSERT_FATAL(strstr(raw_answer(c, false), "200") != NULL);
    }
    raw_send(c, "GET /exact HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\nGET /any HTTP/1.1\r\nHost: x\r\nConnection: "
                "close\r\n\r\n");
    CU_ASSERT(strstr(raw_answer(c, false), "HTTP/1.1 200") != NULL);
    CU_ASSERT(strstr(raw_answer(c, false), "HTTP/1.1 404") != NULL);
    CU_ASSERT(strstr(raw_answer(c, false), "a=(none)") != NULL);
    CU_ASSERT(raw_closed(c));
    raw_close(c);
    http_server_stop(s);
}

static void strangers_harm_nobody(void) {
    http_server_t *s = start(0);
    raw_t *c = raw_connect(http_server_port(s));
    raw_send_bytes(c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15); /* a TLS hello */
    CU_ASSERT(raw_closed(c));
    raw_close(c);
    c = raw_connect(http_server_port(s));
    char *long_head = memory_alloc(100001);
    memset(long_head, 'y', 100000);
    long_head[100000] = 0;
    raw_send(c, "GET /exact?");
    raw_send(c, long_head);
    memory_free(long_head);
    CU_ASSERT(raw_closed(c));
    raw_close(c);
    ANSWERS(s, "GET /exact HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
    http_server_stop(s);
}

static void a_taken_port_names_key_port_and_owner(void) {
    http_server_t *s = start(0);
    static const http_route_t none[] = {{NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "other.port", .address = "127.0.0.1", .port = http_server_port(s), .routes = none};
    http_server_t *second = NULL;
    qmq_error_t *error = NULL;
    CU_ASSERT_NOT_EQUAL(http_server_start(&second, &o, &error), APR_SUCCESS);
    char port[16], pid[32];
    (void)snprintf(port, sizeof port, "%d", http_server_port(s));
    (void)snprintf(pid, sizeof pid, "%lld", (long long)process_id());
    CU_ASSERT(strstr(qmq_error_message(error), "other.port") != NULL);
    CU_ASSERT(strstr(qmq_error_message(error), port) != NULL);
    char owner[100];
    bool hidden = process_listening(http_server_port(s), owner, sizeof owner) == APR_ENOTIMPL;
    CU_ASSERT(hidden || strstr(qmq_error_message(error), pid) != NULL);
    CU_ASSERT(strstr(qmq_error_remedy(error), "other.port") != NULL);
    qmq_error_free(error);
    http_server_stop(s);
}

static void an_address_that_is_none_is_refused(void) {
    static const http_route_t none[] = {{NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "some.port", .address = "256.1.1.1", .routes = none};
    http_server_t *s = NULL;
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL(http_server_start(&s, &o, &error), QMQ_E_INVALID);
    CU_ASSERT(strstr(qmq_error_message(error), "256.1.1.1") != NULL);
    qmq_error_free(error);
    o.address = "192.0.2.1"; /* of a documentation network, not of this machine */
    CU_ASSERT_NOT_EQUAL(http_server_start(&s, &o, &error), APR_SUCCESS);
    CU_ASSERT(strstr(qmq_error_message(error), "some.port") != NULL);
    CU_ASSERT(strstr(qmq_error_message(error), "192.0.2.1") != NULL);
    qmq_error_free(error);
}

static void a_stopped_server_frees_its_port(void) {
    http_server_t *s = start(0);
    int port = http_server_port(s);
    raw_t *idle = raw_connect(port);
    ANSWERS(s, "GET /exact HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200");
    http_server_stop(s);
    CU_ASSERT(raw_closed(idle));
    raw_close(idle);
    static const http_route_t none[] = {{NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "test.port", .address = "127.0.0.1", .port = port, .routes = none};
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(http_server_start(&s, &o, &error), APR_SUCCESS);
    CU_ASSERT_EQUAL(http_server_port(s), port);
    http_server_stop(s);
}

static void each_address_has_its_own_rate(void) {
    rate_t rate;
    rate_init(&rate, 10);
    view_t a = view_of("10.0.0.1"), b = view_of("10.0.0.2");
    int64_t now = 5000000;
    for (int i = 0; i < 10; i++) CU_ASSERT_TRUE(rate_permit(&rate, a, now));
    CU_ASSERT_FALSE(rate_permit(&rate, a, now));
    CU_ASSERT_TRUE(rate_permit(&rate, b, now));
    CU_ASSERT_TRUE(rate_permit(&rate, a, now + 100000));
    CU_ASSERT_FALSE(rate_permit(&rate, a, now + 100000));
    rate_init(&rate, 0);
    for (int i = 0; i < 1000; i++) CU_ASSERT_TRUE(rate_permit(&rate, a, now));
}

const test_case_t server_cases[] = {
    TEST(each_address_has_its_own_rate),
    TEST(routes_by_path_and_method),
    TEST(head_is_get_without_body),
    TEST(content_type_only_when_given),
    TEST(parameters_of_query_and_form),
    TEST(a_body_that_is_too_long_gets_413),
    TEST(expect_100_continue),
    TEST(a_connection_is_kept_and_pipelines),
    TEST(strangers_harm_nobody),
    TEST(a_taken_port_names_key_port_and_owner),
    TEST(an_address_that_is_none_is_refused),
    TEST(a_stopped_server_frees_its_port),
    TEST_END,
};
