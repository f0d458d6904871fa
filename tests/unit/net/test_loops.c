#include "net/loops.h"

#include "portability/host.h"
#include "suites.h"

typedef struct seen {
    loops_t *loops;
    int index;
    int calls;
} seen_t;

static void look(void *arg) {
    seen_t *s = arg;
    s->index = loops_current(s->loops);
    s->calls++;
}

static void loops_call_runs_on_that_loop(void) {
    seen_t s = {NULL, -2, 0};
    CU_ASSERT_FATAL(loops_start(&s.loops, "three", 3) == APR_SUCCESS);
    CU_ASSERT_EQUAL(loops_count(s.loops), 3);
    CU_ASSERT_EQUAL(loops_current(s.loops), -1);
    for (int i = 0; i < 3; i++) {
        loops_call(s.loops, i, look, &s);
        CU_ASSERT_EQUAL(s.index, i);
        CU_ASSERT_PTR_EQUAL(connection_context_loop(loops_context(s.loops, i)), loops_at(s.loops, i));
    }
    CU_ASSERT_EQUAL(s.calls, 3);
    loops_stop(s.loops);
}

static void loops_start_one_a_core(void) {
    loops_t *l = NULL;
    CU_ASSERT_FATAL(loops_start(&l, "cores", 0) == APR_SUCCESS);
    CU_ASSERT_EQUAL(loops_count(l), host_cores());
    loops_stop(l);
    loops_stop(NULL);
}

typedef struct counted {
    task_t task;
    _Atomic int *count;
} counted_t;

static void count_one(task_t *task) {
    (*((counted_t *)(void *)task)->count)++;
}

/* What was posted before the stop is still run. */
static void loops_stop_runs_what_was_posted(void) {
    loops_t *l = NULL;
    _Atomic int count = 0;
    counted_t tasks[200];
    CU_ASSERT_FATAL(loops_start(&l, "stop", 2) == APR_SUCCESS);
    for (int i = 0; i < 200; i++) {
        tasks[i] = (counted_t){{NULL, count_one}, &count};
        loop_post(loops_at(l, i % 2), &tasks[i].task);
    }
    loops_stop(l);
    CU_ASSERT_EQUAL(count, 200);
}

const test_case_t loops_cases[] = {
    TEST(loops_call_runs_on_that_loop),
    TEST(loops_start_one_a_core),
    TEST(loops_stop_runs_what_was_posted),
    TEST_END,
};
