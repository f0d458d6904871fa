#include "suites.h"

#include "child.h"
#include "portability/host.h"

#include <apr_env.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD_US 30000000

char *scratch_path(const char *name) {
    const char *directory = test_directory();
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = malloc(size);
    if (path == NULL) abort();
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

void scratch_write(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(text, 1, strlen(text), file), strlen(text));
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void guard_fired(loop_timer_t *t) {
    (void)t;
    CU_FAIL("the loop was not stopped in time");
    fprintf(stderr, "the loop was not stopped in time\n");
    abort();
}

loop_t *guarded_loop_create(void) {
    loop_t *l = NULL;
    CU_ASSERT_EQUAL_FATAL(loop_create(&l, "test"), APR_SUCCESS);
    return l;
}

void guarded_loop_run(loop_t *l) {
    loop_timer_t guard = {.fire = guard_fired};
    loop_timer_start(l, &guard, GUARD_US);
    CU_ASSERT_EQUAL(loop_run(l), APR_SUCCESS);
    loop_timer_stop(l, &guard);
}

static void run_stopper(task_t *task) {
    loop_stop(OWNER_OF(task, stopper_t, task)->loop);
}

void stopper_init(stopper_t *s, loop_t *l) {
    s->task.run = run_stopper;
    s->loop = l;
}

/* Test builds read these once, at their first use; the files come when a test writes them. */
static bool name_hook_file(apr_pool_t *pool, const char *variable, const char *name) {
    const char *directory = NULL;
    if (apr_temp_dir_get(&directory, pool) != APR_SUCCESS) return false;
    const char *path = apr_psprintf(pool, "%s/qmq-unit-%" APR_INT64_T_FMT "-%s", directory, process_id(), name);
    return apr_env_set(variable, path, pool) == APR_SUCCESS;
}

static void remove_hook_file(const char *variable) {
    const char *path = process_environment(variable);
    path_info_t info;
    if (path == NULL || path_inspect(path, &info) != APR_SUCCESS || info.kind == PATH_MISSING) return;
    if (path_remove(path) != APR_SUCCESS) printf("cannot remove %s\n", path);
}

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"clock", clock_cases},     {"thread", thread_cases}, {"executor", executor_cases},
        {"random", random_cases},   {"file", file_cases},     {"path", path_cases},
        {"loop", loop_cases},       {"timer", timer_cases},   {"socket", socket_cases},
        {"connect", connect_cases}, {"hooks", hooks_cases},   {"host", host_cases},
        {"control", control_cases}, {"system", system_cases}, {NULL, NULL},
    };
    process_arguments(&argc, &argv);
    if (child_wanted(argc, argv)) return child_main(argc, argv);
    apr_pool_t *pool = NULL;
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS) return 2;
    if (!name_hook_file(pool, "QMQ_TEST_CLOCK", "clock") || !name_hook_file(pool, "QMQ_TEST_FAULTS", "faults")) return 2;
    int code = test_main(argc, argv, suites);
    remove_hook_file("QMQ_TEST_CLOCK");
    remove_hook_file("QMQ_TEST_FAULTS");
    return code;
}
