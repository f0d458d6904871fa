#include "process.h"
#include "suites.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "portability/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static process_t *dummy(const char *conf) {
    return process_create(DUMMY_SERVER, "dummy.properties", conf);
}

static bool exists(const process_t *p, const char *name) {
    path_info_t info;
    return path_inspect(process_path(p, name), &info) == APR_SUCCESS && info.kind != PATH_MISSING;
}

/* Ends with this code and these words on standard error. */
static void ends(process_t *p, int code, const char *words) {
    CU_ASSERT_EQUAL(process_end(p), code);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, words));
    free(errors);
}

static void the_run_file_has_exactly_its_members(void) {
    process_t *p = dummy("");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    json_t *run = process_run_file(p);
    CU_ASSERT_EQUAL(json_object_size(run), 6);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "server")), "dummy");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(run, "version")), QMQ_VERSION);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(run, "pid")), process_pid(p));
    CU_ASSERT_EQUAL(strlen(json_string_value(json_object_get(run, "started"))), strlen("2024-01-01T00:00:00.000Z"));
    json_t *ports = json_object_get(run, "ports");
    CU_ASSERT_EQUAL(json_object_size(ports), 2);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(ports, "dummy.hot")), 1);
    CU_ASSERT(json_integer_value(json_object_get(ports, "monitor.port")) > 0);
    json_decref(run);
    CU_ASSERT(exists(p, "logs") && exists(p, "data") && exists(p, "run"));
    process_ask(p, PROCESS_STOP);
    ends(p, 0, "stopped");
    CU_ASSERT_PTR_NULL(process_run_file(p));
    process_free(p);
}

static void asked_it_reads_the_configuration_again(void) {
    process_t *p = dummy("dummy.hot=1\n");
    process_start(p, ARGUMENTS("--set", "dummy.cold=set"));
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    process_conf(p, "dummy.properties", "dummy.hot=22\ndummy.cold=file\n");
    process_ask(p, PROCESS_RELOAD);
    CU_ASSERT(process_wait_port(p, "dummy.hot", 22));
    process_conf(p, "dummy.properties", "dummy.hot=wrong\nlog.level=nonsense\n"); /* keeps the old values */
    process_ask(p, PROCESS_RELOAD);
    process_conf(p, "dummy.properties", "dummy.hot=33\nlog.level=warn\n");
    process_ask(p, PROCESS_RELOAD);
    CU_ASSERT(process_wait_port(p, "dummy.hot", 33));
    int status = 0;
    json_t *health = process_health(p, &status);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "cold")), "set");
    json_decref(health);
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(process_end(p), 0);
    process_free(p);
}

static void a_changed_file_is_seen_without_being_told(void) {
    process_t *p = dummy("dummy.hot=1\n");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    process_conf(p, "dummy.properties", "dummy.hot=44\n");
    CU_ASSERT(process_wait_port(p, "dummy.hot", 44));
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(process_end(p), 0);
    process_free(p);
}

static void a_failed_start_says_one_line_and_leaves_nothing(void) {
    process_t *p = dummy("dummy.start=fail\n");
    process_start(p, ARGUMENTS("--set", "log.level=error"));
    CU_ASSERT_EQUAL(process_end(p), 1);
    char *errors = process_errors(p);
    char *line = memory_printf("qmq-dummy: dummy.start=fail (%s). Set it to well\n", process_path(p, "conf/dummy.properties:1"));
    CU_ASSERT_STRING_EQUAL(errors, line);
    memory_free(line);
    free(errors);
    CU_ASSERT_PTR_NULL(process_run_file(p));
    process_conf(p, "dummy.properties", "dummy.start=unreachable\n");
    process_start(p, ARGUMENTS("--set", "log.level=error"));
    ends(p, 3, "qmq-dummy: the peer does not answer. Start the peer\n");
    process_conf(p, "dummy.properties", "dummy.start=serve-fails\n");
    process_start(p, ARGUMENTS("--set", "log.level=error"));
    ends(p, 1, "qmq-dummy: it does not serve. Let it serve\n");
    process_conf(p, "dummy.properties", "");
    process_start(p, NO_ARGUMENTS); /* no lock is left */
    CU_ASSERT(process_wait_state(p, "serving"));
    process_free(p);
}

static void a_second_start_names_the_first(void) {
    process_t *p = dummy("");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    process_t *second = dummy("");
    process_start_bare(second, ARGUMENTS("--home", process_home(p), "--set", "monitor.port=0"));
    CU_ASSERT_EQUAL(process_end(second), 1);
    char *errors = process_errors(second);
    char pid[40];
    (void)snprintf(pid, sizeof pid, "process %lld", (long long)process_pid(p));
    CU_ASSERT(has(errors, pid));
    CU_ASSERT(has(errors, process_home(p)));
    free(errors);
    CU_ASSERT(process_wait_state(p, "serving")); /* its run file is untouched */
    process_free(second);
    process_ask(p, PROCESS_KILL);
    CU_ASSERT_NOT_EQUAL(process_end(p), 0);
    process_start(p, NO_ARGUMENTS); /* a stale run file is no obstacle */
    CU_ASSERT(process_wait_state(p, "serving"));
    process_free(p);
}

static void a_home_that_cannot_be_written_is_named(void) {
    process_t *p = dummy("");
    process_conf(p, "file", "");
    char *inside = memory_printf("%s/conf/file/home", process_home(p));
    process_start_bare(p, ARGUMENTS("--home", inside, "--conf", process_path(p, "conf")));
    CU_ASSERT_EQUAL(process_end(p), 1);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, inside));
    CU_ASSERT(has(errors, "--home"));
    CU_ASSERT_EQUAL(count_lines(errors), 1);
    free(errors);
    memory_free(inside);
    process_free(p);
}

static void a_server_that_gives_up_ends_in_order(void) {
    process_t *p = dummy("dummy.stop=fail\n");
    process_start(p, NO_ARGUMENTS);
    ends(p, 1, "it gave up");
    CU_ASSERT_PTR_NULL(process_run_file(p));
    process_free(p);
}

static void a_stop_that_hangs_is_cut_off(void) {
    process_t *p = dummy("dummy.stop=hang\n");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    process_ask(p, PROCESS_STOP);
    CU_ASSERT(process_wait_state(p, "stopping"));
    ends(p, 4, "host.stop.deadline.seconds");
    process_free(p);
}

static void a_second_stop_request_is_immediate(void) {
    process_t *p = dummy("dummy.stop=hang\n");
    process_start(p, ARGUMENTS("--set", "host.stop.deadline.seconds=3600"));
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    process_ask(p, PROCESS_STOP);
    CU_ASSERT(process_wait_state(p, "stopping"));
    process_ask(p, PROCESS_STOP);
    ends(p, 4, "a second time");
    process_free(p);
}

static void a_stop_request_during_the_start_is_heard(void) {
    process_t *p = dummy("dummy.start=wait\n");
    process_start(p, ARGUMENTS("--set", "host.stop.deadline.seconds=3600"));
    CU_ASSERT_FATAL(process_wait_state(p, "recovering"));
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(file_replace(process_path(p, "go"), "", 0), APR_SUCCESS);
    ends(p, 0, "stopped");
    CU_ASSERT_EQUAL(path_remove(process_path(p, "go")), APR_SUCCESS);
    process_start(p, NO_ARGUMENTS); /* deadline 1 s */
    CU_ASSERT_FATAL(process_wait_state(p, "recovering"));
    process_ask(p, PROCESS_STOP);
    ends(p, 4, "host.stop.deadline.seconds");
    process_free(p);
}

static void the_log_goes_to_a_file(void) {
    process_t *p = dummy("");
    char *log = memory_printf("%s/logs/my.log", process_home(p));
    CU_ASSERT_EQUAL(directory_create(process_path(p, "logs")), APR_SUCCESS);
    process_start(p, ARGUMENTS("--log-file", log));
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(process_end(p), 0);
    char *errors = process_errors(p), *text = NULL;
    size_t size = 0;
    CU_ASSERT_STRING_EQUAL(errors, "");
    free(errors);
    CU_ASSERT_EQUAL_FATAL(file_read_all(log, 1024 * 1024, &text, &size), APR_SUCCESS);
    CU_ASSERT(has(text, "INFO  [dummy] serving"));
    CU_ASSERT(has(text, "INFO  [dummy] stopped"));
    free(text);
    process_start(p, ARGUMENTS("--log-file", log, "--set", "dummy.start=fail"));
    CU_ASSERT_EQUAL(process_end(p), 1);
    errors = process_errors(p);
    CU_ASSERT_STRING_EQUAL(errors, "qmq-dummy: dummy.start=fail (--set). Set it to well\n");
    free(errors);
    CU_ASSERT_EQUAL_FATAL(file_read_all(log, 1024 * 1024, &text, &size), APR_SUCCESS);
    CU_ASSERT(has(text, "ERROR [dummy] dummy.start=fail (--set). Set it to well\n"));
    free(text);
    memory_free(log);
    process_start(p, ARGUMENTS("--log-file", "/nonexistent/x.log"));
    ends(p, 1, "/nonexistent/x.log");
    process_free(p);
}

static void health_says(process_t *p, const char *address, const char *host, const char *origin) {
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    int status = 0;
    json_t *health = process_health(p, &status);
    if (address != NULL) CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "address")), address);
    if (host != NULL) CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "host")), host);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "origin")), origin);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(health, "home")), process_home(p));
    json_decref(health);
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(process_end(p), 0);
}

static void identity_comes_from_options_and_environment(void) {
    process_t *p = dummy("");
    char machine[256];
    CU_ASSERT_EQUAL(host_name(machine, sizeof machine), APR_SUCCESS);
    process_start(p, NO_ARGUMENTS);
    health_says(p, NULL, machine, "the command hostname");
    process_start(p, ARGUMENTS("--set", "listen.address=127.0.0.1"));
    health_says(p, "127.0.0.1", machine, "the command hostname");
    process_start(p, ARGUMENTS("--ip", "10.1.2.3", "--set", "listen.address=127.0.0.1"));
    health_says(p, "10.1.2.3", "10.1.2.3", "--ip");
    process_start(p, ARGUMENTS("--ip=10.1.2.3", "--host=alpha"));
    health_says(p, "10.1.2.3", "alpha", "--host");
    process_setenv(p, "QMQ_IP", "10.9.9.9");
    process_start(p, NO_ARGUMENTS);
    health_says(p, "10.9.9.9", "10.9.9.9", "QMQ_IP");
    process_setenv(p, "QMQ_HOST", "beta");
    process_start(p, ARGUMENTS("--ip", "10.1.2.3"));
    health_says(p, "10.1.2.3", "beta", "QMQ_HOST");
    process_setenv(p, "QMQ_IP", NULL);
    process_setenv(p, "QMQ_HOST", NULL);
    process_setenv(p, "QMQ_HOME", process_home(p));
    process_start_bare(p, ARGUMENTS("--set", "monitor.port=0"));
    health_says(p, NULL, machine, "the command hostname");
    CU_ASSERT_EQUAL(directory_create(process_path(p, "elsewhere")), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_replace(process_path(p, "elsewhere/dummy.properties"), "dummy.hot=77\n", 13), APR_SUCCESS);
    process_setenv(p, "QMQ_CONF", process_path(p, "elsewhere"));
    process_start_bare(p, ARGUMENTS("--set", "monitor.port=0"));
    CU_ASSERT(process_wait_port(p, "dummy.hot", 77));
    process_setenv(p, "QMQ_CONF", NULL);
    process_setenv(p, "QMQ_HOME", NULL);
    process_free(p);
}

/* Printed, not judged: the budget of a whole server is 200 ms. */
static void start_is_quick(void) {
    process_t *p = dummy("");
    int64_t start = clock_mono_us();
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT(process_wait_state(p, "serving"));
    printf("dummy server: %.1f ms from fork to serving\n", (double)(clock_mono_us() - start) / 1000.0);
    process_free(p);
}

const test_case_t life_cases[] = {
    TEST(the_run_file_has_exactly_its_members),
    TEST(asked_it_reads_the_configuration_again),
    TEST(a_changed_file_is_seen_without_being_told),
    TEST(a_failed_start_says_one_line_and_leaves_nothing),
    TEST(a_second_start_names_the_first),
    TEST(a_home_that_cannot_be_written_is_named),
    TEST(a_server_that_gives_up_ends_in_order),
    TEST(a_stop_that_hangs_is_cut_off),
    TEST(a_second_stop_request_is_immediate),
    TEST(a_stop_request_during_the_start_is_heard),
    TEST(the_log_goes_to_a_file),
    TEST(identity_comes_from_options_and_environment),
    TEST(start_is_quick),
    TEST_END,
};
