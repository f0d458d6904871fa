#include "suites.h"

#include <apr_env.h>
#include <apr_general.h>
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

int main(int argc, char **argv) {
    static const test_suite_t suites[] = {
        {"clock", clock_cases}, {"thread", thread_cases}, {"file", file_cases},       {"path", path_cases}, {"loop", loop_cases},
        {"timer", timer_cases}, {"socket", socket_cases}, {"connect", connect_cases}, {NULL, NULL},
    };
    return test_main(argc, argv, suites);
}
