#include "process.h"
#include "suites.h"

#include "base/memory.h"
#include "portability/file.h"
#include "portability/host.h"

#include <stdlib.h>
#include <string.h>

/* One command for the instance; standard output must be these words, or have them. */
static int command(process_t *p, const char *word, const char *option, const char *words) {
    process_start_bare(p, option == NULL ? ARGUMENTS(word, "--home", process_home(p))
                                         : ARGUMENTS(word, "--home", process_home(p), "--set", "monitor.port=0", "--set", option));
    int code = process_end(p);
    char *text = process_output(p);
    CU_ASSERT(has(text, words));
    free(text);
    return code;
}

static int64_t server_pid(const process_t *p) {
    json_t *run = process_run_file(p);
    int64_t pid = json_integer_value(json_object_get(run, "pid"));
    json_decref(run);
    return pid;
}

static void start_status_reload_stop(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    CU_ASSERT_EQUAL(command(p, "status", NULL, "is not running"), 3);
    CU_ASSERT_EQUAL(command(p, "stop", NULL, "Stopping qmq dummy ... no dummy to stop (could not find file "), 0);
    CU_ASSERT_EQUAL(command(p, "start", "dummy.hot=12", "Starting qmq dummy ... STARTED\n"), 0);
    int64_t pid = server_pid(p);
    CU_ASSERT_FATAL(pid > 0);
    CU_ASSERT(process_alive(pid));
    CU_ASSERT_EQUAL(command(p, "start", "dummy.hot=12", "already running as process"), 0);
    CU_ASSERT_EQUAL(command(p, "status", NULL, "dummy.hot 12"), 0);
    CU_ASSERT_EQUAL(command(p, "reload", NULL, "re-reads its configuration"), 0);
    CU_ASSERT_EQUAL(command(p, "restart", "dummy.hot=13", "STOPPED\nStarting qmq dummy ... STARTED\n"), 0);
    CU_ASSERT_FALSE(process_alive(pid));
    CU_ASSERT_EQUAL(process_port(p, "dummy.hot"), 13);
    pid = server_pid(p);
    CU_ASSERT_EQUAL(command(p, "stop", NULL, "Stopping qmq dummy ... STOPPED\n"), 0);
    CU_ASSERT_FALSE(process_alive(pid));
    process_free(p);
}

static void a_start_that_fails_says_why(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    CU_ASSERT_EQUAL(command(p, "start", "dummy.start=fail", "Starting qmq dummy ... SERVER DID NOT START\n"), 1);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, "qmq-dummy: dummy.start=fail (--set). Set it to well\n"));
    free(errors);
    CU_ASSERT_PTR_NULL(process_run_file(p));
    process_free(p);
}

static void a_start_without_a_place_for_its_output_says_so(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    char *output = memory_printf("%s/logs/dummy.out", process_home(p));
    CU_ASSERT_EQUAL(directory_create(output), APR_SUCCESS);
    CU_ASSERT_EQUAL(command(p, "start", "dummy.hot=1", "Starting qmq dummy ... SERVER DID NOT START\n"), 1);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, output));
    CU_ASSERT_EQUAL(count_lines(errors), 1);
    free(errors);
    memory_free(output);
    process_free(p);
}

/* As a package of the system lays it out: nothing but data is written below the home. */
static void logs_and_run_files_may_be_elsewhere(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    const char *home = process_home(p);
    char *logs = memory_printf("%s/elsewhere/logs", home);
    char *run = memory_printf("%s/elsewhere/run", home);
    const char *const words[] = {"start", "status", "stop"};
    const char *const told[] = {"STARTED\n", "dummy: serving", "STOPPED\n"};
    for (size_t i = 0; i < 3; i++) {
        process_start_bare(p, ARGUMENTS(words[i], "--home", home, "--logs", logs, "--run", run, "--set", "monitor.port=0"));
        CU_ASSERT_EQUAL(process_end(p), 0);
        char *text = process_output(p);
        CU_ASSERT(has(text, told[i]));
        free(text);
        const char *const here[] = {"elsewhere/run/dummy.json", "elsewhere/run/dummy.pid", "elsewhere/logs/dummy.log"};
        for (size_t k = 0; k < 3; k++) {
            char *path = memory_printf("%s/%s", home, here[k]);
            path_info_t info = {0};
            CU_ASSERT_EQUAL(path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_FILE, k == 2 || i < 2);
            memory_free(path);
        }
    }
    CU_ASSERT_PTR_NULL(process_run_file(p));
    memory_free(logs);
    memory_free(run);
    process_free(p);
}

const test_case_t commands_cases[] = {
    TEST(start_status_reload_stop),
    TEST(a_start_that_fails_says_why),
    TEST(a_start_without_a_place_for_its_output_says_so),
    TEST(logs_and_run_files_may_be_elsewhere),
    TEST_END,
};
