#include "process.h"
#include "suites.h"

#include "base/memory.h"
#include "http/server.h"
#include "portability/file.h"
#include "portability/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE "text/plain; version=0.0.4; charset=utf-8\n"

static process_t *dummy(const char *conf) {
    return process_create(DUMMY_SERVER, "dummy.properties", conf);
}

static void metrics_on_every_path(void) {
    process_t *p = dummy("");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    static const char *const paths[] = {"/metrics", "/", "/any/path"};
    for (size_t i = 0; i < 3; i++) {
        int status = 0;
        char *page = process_get(p, paths[i], &status);
        CU_ASSERT_EQUAL(status, 200);
        CU_ASSERT(strncmp(page, PAGE, strlen(PAGE)) == 0);
        CU_ASSERT(has(page, "\ndummyStarts 1.0\n"));
        CU_ASSERT(has(page, "\ndummySeven 7.0\n"));
        memory_free(page);
    }
    int status = 0;
    char *page = process_get(p, "/metrics?name[]=dummySeven&name[]=none", &status);
    CU_ASSERT(has(page, "dummySeven 7.0"));
    CU_ASSERT(strstr(page, "dummyStarts") == NULL);
    memory_free(page);
    process_free(p);
}

static void health_says_how_it_is(void) {
    process_t *p = dummy("dummy.start=wait\n");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "recovering"));
    int status = 0;
    json_t *health = process_health(p, &status);
    CU_ASSERT_EQUAL(status, 503);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "status")), "down");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "state")), "recovering");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "detail")), "waiting for a file");
    json_decref(health);
    CU_ASSERT_EQUAL(file_replace(process_path(p, "go"), "", 0), APR_SUCCESS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    health = process_health(p, &status);
    CU_ASSERT_EQUAL(status, 200);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "status")), "up");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "server")), "dummy");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "version")), QMQ_VERSION);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "state")), "serving");
    CU_ASSERT(json_is_integer(json_object_get(health, "uptime")));
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "log")), "dummy");
    json_decref(health);
    process_free(p);
}

static void answer_nothing(void *arg, http_request_t *r) {
    (void)arg;
    http_respond(r, 200, NULL, "", 0);
}

static http_server_t *occupy(int port) {
    const http_route_t routes[] = {{NULL, "*", answer_nothing, NULL}, {NULL, NULL, NULL, NULL}};
    http_server_options_t o = {.name = "test.port", .address = "0.0.0.0", .port = port, .routes = routes};
    http_server_t *s = NULL;
    qmq_error_t *error = NULL;
    if (http_server_start(&s, &o, &error) != APR_SUCCESS) {
        qmq_error_free(error);
        return NULL;
    }
    return s;
}

static void a_taken_default_port_moves_a_given_one_does_not(void) {
    http_server_t *owner = occupy(3333); /* or somebody else has it, just as good */
    process_t *p = dummy("");
    process_start_bare(p, ARGUMENTS("--home", process_home(p)));
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    CU_ASSERT(process_port(p, "monitor.port") > 0);
    CU_ASSERT_NOT_EQUAL(process_port(p, "monitor.port"), 3333);
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(process_end(p), 0);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, "WARN"));
    CU_ASSERT(has(errors, "port 3333"));
    free(errors);
    if (owner != NULL) http_server_stop(owner);

    owner = occupy(0);
    char given[40], port[20], pid[40];
    (void)snprintf(port, sizeof port, "port %d", http_server_port(owner));
    (void)snprintf(pid, sizeof pid, "%lld", (long long)process_id());
    (void)snprintf(given, sizeof given, "monitor.port=%d\n", http_server_port(owner));
    process_conf(p, "qmq.prometheus.properties", given);
    process_start_bare(p, ARGUMENTS("--home", process_home(p), "--set", "log.level=error"));
    CU_ASSERT_EQUAL(process_end(p), 1);
    errors = process_errors(p);
    CU_ASSERT_EQUAL(count_lines(errors), 1);
    CU_ASSERT(has(errors, "qmq-dummy: monitor.port: "));
    CU_ASSERT(has(errors, port));
    char name[100];
    bool hidden = process_listening(http_server_port(owner), name, sizeof name) == APR_ENOTIMPL;
    CU_ASSERT(hidden || has(errors, pid));
    free(errors);
    http_server_stop(owner);
    CU_ASSERT_PTR_NULL(process_run_file(p));
    process_start_bare(p, ARGUMENTS("--home", process_home(p), "--set", "monitor.port=0")); /* --set wins over the file */
    CU_ASSERT(process_wait_state(p, "serving"));
    process_free(p);
}

static void another_action_closes_the_port(void) {
    process_t *p = dummy("");
    process_conf(p, "qmq.prometheus.properties", "monitor.action=push\n");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    CU_ASSERT_EQUAL(process_port(p, "monitor.port"), 0);
    process_free(p);
}

static void graphite_needs_its_address(void) {
    process_t *p = dummy("monitor.type=graphite\n");
    process_start(p, ARGUMENTS("--set", "log.level=error"));
    CU_ASSERT_EQUAL(process_end(p), 1);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, "graphite.host"));
    CU_ASSERT(has(errors, "dummy.properties:1"));
    CU_ASSERT_EQUAL(count_lines(errors), 1);
    free(errors);
    process_start(p, ARGUMENTS("--set", "graphite.host=127.0.0.1", "--set", "graphite.port=1"));
    CU_ASSERT(process_wait_state(p, "serving"));
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(process_end(p), 0);
    process_free(p);
}

const test_case_t monitor_cases[] = {
    TEST(metrics_on_every_path),          TEST(health_says_how_it_is),      TEST(a_taken_default_port_moves_a_given_one_does_not),
    TEST(another_action_closes_the_port), TEST(graphite_needs_its_address), TEST_END,
};
