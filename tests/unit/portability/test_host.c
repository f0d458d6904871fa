#include "suites.h"

#include "base/status.h"
#include "portability/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_ipv4(const char *text) {
    int a, b, c, d, used = 0;
    return sscanf(text, "%3d.%3d.%3d.%3d%n", &a, &b, &c, &d, &used) == 4 && text[used] == 0;
}

static void names_and_addresses_are_known(void) {
    char name[256], address[16], tiny[2];
    CU_ASSERT_EQUAL(host_name(name, sizeof name), APR_SUCCESS);
    CU_ASSERT_TRUE(strlen(name) > 0);
    apr_status_t status = host_address(address, sizeof address);
    if (status != APR_SUCCESS) {
        test_skip("this machine has no address but loopback, and its name has none");
    } else {
        CU_ASSERT_TRUE(is_ipv4(address));
        CU_ASSERT_EQUAL(host_address(tiny, sizeof tiny), QMQ_E_TOO_LONG);
    }
}

static void names_are_resolved(void) {
    char text[16], tiny[4];
    CU_ASSERT_EQUAL(host_resolve("10.1.2.3", text, sizeof text), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "10.1.2.3");
    CU_ASSERT_EQUAL(host_resolve("localhost", text, sizeof text), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "127.0.0.1");
    CU_ASSERT_EQUAL(host_resolve("10.1.2.3", tiny, sizeof tiny), QMQ_E_TOO_LONG);
    CU_ASSERT_NOT_EQUAL(host_resolve("", text, sizeof text), APR_SUCCESS);
}

static char *own_program(void) {
    char *path = NULL;
    CU_ASSERT_EQUAL_FATAL(process_executable(&path), APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL(strstr(path, "unit_portability"));
    return path;
}

static int run_child(const char *what, const char *argument, const void *input, size_t size) {
    char *program = own_program();
    const char *argv[] = {program, "--child", what, argument, NULL};
    int code = -1;
    CU_ASSERT_EQUAL(process_run(argv, input, size, &code), APR_SUCCESS);
    free(program);
    return code;
}

static void programs_are_run_and_their_code_told(void) {
    CU_ASSERT_EQUAL(run_child("exit", "42", NULL, 0), 42);
    CU_ASSERT_EQUAL(run_child("exit", "0", NULL, 0), 0);
    CU_ASSERT_EQUAL(run_child("count", NULL, NULL, 0), 0);
    CU_ASSERT_EQUAL(run_child("count", NULL, "12345", 5), 5);
    CU_ASSERT_NOT_EQUAL(run_child("abort", NULL, NULL, 0), 0);
    size_t size = 1000001;
    char *much = calloc(1, size);
    CU_ASSERT_EQUAL(run_child("count", NULL, much, size), (int)(size % 200));
    CU_ASSERT_EQUAL(run_child("ignore", NULL, much, size), 7); /* a program that reads nothing stops nobody */
    free(much);
    const char *argv[] = {"no/such/program", NULL};
    int code = -1;
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(process_run(argv, NULL, 0, &code)));
}

static bool log_has(const char *path, const char *text) {
    char *content = NULL;
    size_t size = 0;
    if (file_read_all(path, 10000, &content, &size) != APR_SUCCESS) return false;
    bool found = strstr(content, text) != NULL;
    free(content);
    return found;
}

static bool is_serving(void *arg) {
    return log_has(arg, "serving");
}

static bool is_reloaded(void *arg) {
    return log_has(arg, "reloaded");
}

static bool is_gone(void *arg) {
    return !process_alive(*(int64_t *)arg);
}

static void detached_programs_live_until_asked(void) {
    char *program = own_program(), *log = scratch_path("detached.log");
    const char *argv[] = {program, "--child", "serve", NULL};
    int64_t pid = 0;
    scratch_write(log, "before\n");
    CU_ASSERT_EQUAL_FATAL(process_start_detached(argv, log, &pid), APR_SUCCESS);
    CU_ASSERT_TRUE(pid > 0 && pid != process_id());
    CU_ASSERT_TRUE(test_wait(is_serving, log, 30));
    CU_ASSERT_TRUE(process_alive(pid));
    CU_ASSERT_EQUAL(process_ask_reload(pid), APR_SUCCESS);
    CU_ASSERT_TRUE(test_wait(is_reloaded, log, 30));
    CU_ASSERT_EQUAL(process_ask_stop(pid), APR_SUCCESS);
    CU_ASSERT_TRUE(test_wait(is_gone, &pid, 30));
    CU_ASSERT_TRUE(log_has(log, "before\nserving\nreloaded\nstopped\n"));
    CU_ASSERT_EQUAL_FATAL(process_start_detached(argv, log, &pid), APR_SUCCESS);
    CU_ASSERT_EQUAL(process_kill(pid), APR_SUCCESS);
    CU_ASSERT_TRUE(test_wait(is_gone, &pid, 30));
    free(program), free(log);
}

static void a_detached_start_that_fails_is_told(void) {
    char *log = scratch_path("failed.log"), *nowhere = scratch_path("no/such/log"), *program = own_program();
    const char *missing[] = {"/no/such/program", NULL}, *argv[] = {program, "--child", "exit", "0", NULL};
    int64_t pid = 0;
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(process_start_detached(missing, log, &pid)));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(process_start_detached(argv, nowhere, &pid)));
    free(log), free(nowhere), free(program);
}

static void processes_are_alive_or_not(void) {
    CU_ASSERT_TRUE(process_alive(process_id()));
    CU_ASSERT_FALSE(process_alive(0));
    CU_ASSERT_FALSE(process_alive(-1));
    CU_ASSERT_FALSE(process_alive(INT64_MAX));
    CU_ASSERT_EQUAL(process_ask_stop(0), APR_EINVAL);
    CU_ASSERT_EQUAL(process_kill(-1), APR_EINVAL);
}

static void refuse_all(void *arg, raw_socket_t *s) {
    (void)arg;
    raw_socket_close(s);
}

static void the_owner_of_a_port_is_named(void) {
    loop_t *l = guarded_loop_create();
    loop_listener_t *listener = NULL;
    int port = 0;
    char text[100], expected[40], tiny[3];
    CU_ASSERT_EQUAL_FATAL(loop_listen(&listener, l, "127.0.0.1", 0, refuse_all, NULL, &port), APR_SUCCESS);
    apr_status_t status = process_listening(port, text, sizeof text);
    if (status == APR_ENOTIMPL) {
        test_skip("this system does not tell");
    } else {
        CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
        snprintf(expected, sizeof expected, ", pid %lld", (long long)process_id());
        CU_ASSERT_PTR_NOT_NULL(strstr(text, expected));
        CU_ASSERT_EQUAL(process_listening(port, tiny, sizeof tiny), QMQ_E_TOO_LONG);
    }
    loop_listener_close(listener);
    loop_destroy(l);
    CU_ASSERT_NOT_EQUAL(process_listening(port, text, sizeof text), APR_SUCCESS);
}

static void limits_and_environment(void) {
    int64_t limit = process_raise_file_limit();
    CU_ASSERT_TRUE(limit > 3);
    CU_ASSERT_EQUAL(process_raise_file_limit(), limit);
    CU_ASSERT_PTR_NULL(process_environment("QMQ_NO_SUCH_VARIABLE"));
    CU_ASSERT_PTR_NOT_NULL(process_environment("PATH"));
}

const test_case_t host_cases[] = {
    TEST(names_and_addresses_are_known),
    TEST(names_are_resolved),
    TEST(programs_are_run_and_their_code_told),
    TEST(detached_programs_live_until_asked),
    TEST(a_detached_start_that_fails_is_told),
    TEST(processes_are_alive_or_not),
    TEST(the_owner_of_a_port_is_named),
    TEST(limits_and_environment),
    TEST_END,
};
