/* The discovery port: address, health, dispatch of /management, tokens (metaserver.md 10, 11). */
#include "site.h"
#include "suites.h"

#include "base/memory.h"

#include <stdio.h>

#define NO_TOKEN "{\"status\":-1,\"message\":\"没有提供合法的 Api Token\",\"data\":null}\n"

static void expect(site_t *s, const char *method, const char *path, const char *const *form, int status, const char *type,
                   const char *body) {
    http_answer_t a = site_http(s, method, path, NULL, form);
    CU_ASSERT_EQUAL(a.status, status);
    if (type != NULL) CU_ASSERT_STRING_EQUAL(a.content_type, type);
    if (body != NULL) CU_ASSERT_STRING_EQUAL(a.body, body);
    if (body != NULL && strcmp(a.body, body) != 0) printf("%s\n", a.body);
    http_answer_free(&a);
}

static void metaserver_50_address(void) {
    site_t *s = site_open(NULL);
    char address[64];
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", metaserver_tcp_port(s->m));
    expect(s, "GET", "/meta/address", NULL, 200, "", address);
    expect(s, "GET", "/meta/address?any=thing", NULL, 200, "", address);
    atomic_store(&s->m->serving, false); /* as before the host lets peers come */
    expect(s, "GET", "/meta/address", NULL, 503, NULL, NULL);
    metaserver_serve(s->m);
    expect(s, "GET", "/meta/address", NULL, 200, "", address);
    site_close(s);
}

static void metaserver_54_paths_and_methods(void) {
    site_t *s = site_open(NULL);
    expect(s, "GET", "/management", NULL, 405, NULL, NULL);
    expect(s, "POST", "/meta/address", NULL, 405, NULL, NULL);
    expect(s, "GET", "/meta/address/", NULL, 404, NULL, NULL);
    expect(s, "GET", "/", NULL, 404, NULL, NULL);
    expect(s, "GET", "/nothing", NULL, 404, NULL, NULL);
    site_close(s);
}

static void metaserver_55_actions_that_are_none(void) {
    site_t *s = site_open(NULL);
    static const char *const none[] = {NULL};
    static const char *const empty[] = {"action", "", NULL};
    static const char *const unknown[] = {"action", "NoSuchThing", NULL};
    static const char *const other_case[] = {"action", "listbrokers", NULL};
    expect(s, "POST", "/management", none, 200, "text/plain;charset=utf-8", "need provide action param\n");
    expect(s, "POST", "/management", empty, 200, "text/plain;charset=utf-8", "need provide action param\n");
    expect(s, "POST", "/management", unknown, 200, "text/plain;charset=utf-8", "不支持的 action: NoSuchThing\n");
    expect(s, "POST", "/management", other_case, 200, "text/plain;charset=utf-8", "不支持的 action: listbrokers\n");
    expect(s, "POST", "/management?action=ListBrokers", unknown, 200, "application/json",
           "{\"status\":0,\"message\":\"\",\"data\":[]}\n"); /* query first */
    site_close(s);
}

static void metaserver_56_57_tokens(void) {
    site_t *s = site_open(NULL);
    static const char *const add[] = {"action", "AddBroker", "brokerGroup", "bg1", "role",     "0", "hostname", "h1",
                                      "ip",     "10.0.0.1",  "servePort",   "1",   "syncPort", "2", NULL};
    static const char *const list[] = {"action", "ListBrokers", NULL};
    static const char *const bad[] = {NULL, "", "wrong", "TEST-TOKEN", "test-toke", "test-tokenn"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *body = site_post(s, bad[i], add);
        CU_ASSERT_STRING_EQUAL(body, NO_TOKEN);
        memory_free(body);
    }
    char *body = site_post(s, NULL, list);
    CU_ASSERT_STRING_EQUAL(body, "{\"status\":0,\"message\":\"\",\"data\":[]}\n");
    memory_free(body);
    body = site_post(s, SITE_TOKEN, add);
    CU_ASSERT_STRING_EQUAL(body, "{\"status\":0,\"message\":\"\",\"data\":{\"group\":\"bg1\",\"role\":\"MASTER\",\"hostname\":\"h1\","
                                 "\"ip\":\"10.0.0.1\",\"servePort\":1,"
                                 "\"syncPort\":2}}\n");
    memory_free(body);
    body = site_post(s, SITE_INTERNAL_TOKEN, add);
    CU_ASSERT_PTR_NULL(strstr(body, "Token"));
    memory_free(body);
    site_close(s);
}

typedef struct token_wait {
    site_t *site;
    const char *token;
    bool valid;
} token_wait_t;

static bool token_is(void *arg) {
    token_wait_t *w = arg;
    static const char *const add[] = {"action", "AddBroker", NULL};
    char *body = site_post(w->site, w->token, add);
    bool valid = strcmp(body, NO_TOKEN) != 0;
    memory_free(body);
    return valid == w->valid;
}

static void metaserver_05_a_changed_token_acts_within_ten_seconds(void) {
    site_t *s = site_open(NULL);
    site_write(s, "conf/valid-api-tokens.properties", "another=operators\n");
    token_wait_t w = {s, "another", true};
    CU_ASSERT_TRUE(test_wait(token_is, &w, 10));
    w = (token_wait_t){s, SITE_TOKEN, false};
    CU_ASSERT_TRUE(test_wait(token_is, &w, 10));
    site_close(s);
}

static void health_on_the_discovery_port(void) {
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    http_answer_t a = site_http(s, "GET", "/health", NULL, NULL);
    CU_ASSERT_EQUAL(a.status, 200);
    CU_ASSERT_STRING_EQUAL(a.content_type, "application/json");
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"status\":\"up\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(a.body, "\"broker_groups\":1"));
    http_answer_free(&a);
    atomic_store(&s->m->serving, false);
    expect(s, "GET", "/health", NULL, 503, "application/json", NULL);
    site_close(s);
}

/* metaserver.md 16, but for what belongs to the original's actors and its plug-in. */
static void metrics_have_the_originals_names(void) {
    static const char *const names[] = {"brokerRegisterCount{groupName=\"bg1\",requestType=\"0\",} 1.0",
                                        "clientRegisterCount{subject=\"%RETRY%s%g\",clientTypeCode=\"2\",} 1.0",
                                        "clientRefreshMetaInfoCount{subject=\"%RETRY%s%g\",} 1.0",
                                        "clientSubjectRouteCount{subject=\"s\",} 1.0",
                                        "subjectInfoNotFoundCount{subject=\"s\",} 1.0",
                                        "refresh_onofflinestate_error 0",
                                        "nettyProviderConnectionActiveCount{name=\"meta\",} 1.0",
                                        "nettyRequestExecutorExecute_count",
                                        "actorSystemQueue_qmq_meta 0"};
    site_t *s = site_open(NULL);
    CU_ASSERT_EQUAL(site_online(s, "bg1"), 0);
    CU_ASSERT_EQUAL(site_register(s, "%RETRY%s%g").count, 1);
    char *page = metrics_export(s->metrics, NULL, NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        bool there = strstr(page, names[i]) != NULL;
        if (!there) printf("no %s in:\n%s\n", names[i], page);
        CU_ASSERT_TRUE(there);
    }
    memory_free(page);
    site_close(s);
}

const test_case_t http_cases[] = {TEST(metaserver_50_address),
                                  TEST(metaserver_54_paths_and_methods),
                                  TEST(metaserver_55_actions_that_are_none),
                                  TEST(metaserver_56_57_tokens),
                                  TEST(metaserver_05_a_changed_token_acts_within_ten_seconds),
                                  TEST(health_on_the_discovery_port),
                                  TEST(metrics_have_the_originals_names),
                                  TEST_END};
