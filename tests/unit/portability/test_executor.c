#include "suites.h"

#include "base/status.h"
#include "portability/clock.h"
#include "portability/executor.h"
#include "portability/thread.h"

#include <apr_errno.h>
#include <stdatomic.h>

/* A gate that jobs wait at, so that a queue stays as it is until the test opens it. */
typedef struct gate {
    mutex_t lock;
    condition_t changed;
    bool open;
    int arrived;
    int log[16];
    int count;
} gate_t;

typedef struct work {
    job_t job;
    gate_t *gate;
    int id;
} work_t;

static void gate_init(gate_t *g) {
    *g = (gate_t){.open = false};
    mutex_init(&g->lock);
    condition_init(&g->changed);
}

static void gate_destroy(gate_t *g) {
    condition_destroy(&g->changed);
    mutex_destroy(&g->lock);
}

static void run_work(job_t *job) {
    work_t *w = OWNER_OF(job, work_t, job);
    gate_t *g = w->gate;
    mutex_lock(&g->lock);
    g->arrived++;
    condition_broadcast(&g->changed);
    while (!g->open) condition_wait(&g->changed, &g->lock);
    g->log[g->count++] = w->id;
    mutex_unlock(&g->lock);
}

static void await_arrivals(gate_t *g, int n) {
    mutex_lock(&g->lock);
    while (g->arrived < n) condition_wait(&g->changed, &g->lock);
    mutex_unlock(&g->lock);
}

static void open_gate(gate_t *g) {
    mutex_lock(&g->lock);
    g->open = true;
    condition_broadcast(&g->changed);
    mutex_unlock(&g->lock);
}

static void executor_queue_is_bounded_and_ordered(void) {
    gate_t gate;
    work_t works[5];
    executor_t *e = NULL;
    gate_init(&gate);
    for (int i = 0; i < 5; i++) works[i] = (work_t){.job.run = run_work, .gate = &gate, .id = i};
    CU_ASSERT_EQUAL_FATAL(executor_create(&e, "bounded", 1, 2), APR_SUCCESS);
    CU_ASSERT_EQUAL(executor_submit(e, &works[0].job), APR_SUCCESS);
    await_arrivals(&gate, 1); /* it runs and waits no more */
    CU_ASSERT_EQUAL(executor_submit(e, &works[1].job), APR_SUCCESS);
    CU_ASSERT_EQUAL(executor_submit(e, &works[2].job), APR_SUCCESS);
    CU_ASSERT_EQUAL(executor_submit(e, &works[3].job), QMQ_E_FULL);
    open_gate(&gate);
    executor_stop(e);
    CU_ASSERT_EQUAL(executor_submit(e, &works[4].job), APR_EOF);
    CU_ASSERT_EQUAL(gate.count, 3);
    for (int i = 0; i < gate.count; i++) CU_ASSERT_EQUAL(gate.log[i], i);
    executor_stop(e);
    executor_destroy(e);
    executor_destroy(NULL);
    gate_destroy(&gate);
}

static void executor_threads_run_side_by_side(void) {
    gate_t gate;
    work_t works[3];
    executor_t *e = NULL;
    gate_init(&gate);
    CU_ASSERT_EQUAL(executor_create(&e, "none", 0, 0), APR_EINVAL);
    CU_ASSERT_EQUAL_FATAL(executor_create(&e, "three", 3, 0), APR_SUCCESS);
    for (int i = 0; i < 3; i++) {
        works[i] = (work_t){.job.run = run_work, .gate = &gate, .id = i};
        CU_ASSERT_EQUAL(executor_submit(e, &works[i].job), APR_SUCCESS);
    }
    await_arrivals(&gate, 3);
    open_gate(&gate);
    executor_destroy(e);
    CU_ASSERT_EQUAL(gate.count, 3);
    gate_destroy(&gate);
}

typedef struct beat {
    atomic_int runs;
    int64_t last_end_us;
    int64_t least_gap_us;
} beat_t;

static void run_beat(void *arg) {
    beat_t *b = arg;
    int64_t now = clock_mono_us();
    if (now - b->last_end_us < b->least_gap_us) b->least_gap_us = now - b->last_end_us;
    thread_sleep_us(1000);
    b->last_end_us = clock_mono_us();
    atomic_fetch_add(&b->runs, 1);
}

static bool has_three_runs(void *arg) {
    return atomic_load(&((beat_t *)arg)->runs) >= 3;
}

static bool has_run(void *arg) {
    return atomic_load(&((beat_t *)arg)->runs) >= 1;
}

static void periodic_keeps_its_distance(void) {
    beat_t beat = {.last_end_us = clock_mono_us(), .least_gap_us = INT64_MAX};
    periodic_t *p = NULL;
    CU_ASSERT_EQUAL_FATAL(periodic_start(&p, "beat", 5000, run_beat, &beat), APR_SUCCESS);
    CU_ASSERT_TRUE(test_wait(has_three_runs, &beat, 30));
    periodic_stop(p);
    CU_ASSERT_TRUE(beat.least_gap_us >= 5000);
    int runs = atomic_load(&beat.runs);
    thread_sleep_us(10000);
    CU_ASSERT_EQUAL(atomic_load(&beat.runs), runs);
    periodic_stop(NULL);
    CU_ASSERT_EQUAL(periodic_start(&p, "beat", 0, run_beat, &beat), APR_EINVAL);
}

static void periodic_can_be_triggered(void) {
    beat_t beat = {.last_end_us = 0, .least_gap_us = INT64_MAX};
    periodic_t *p = NULL;
    CU_ASSERT_EQUAL_FATAL(periodic_start(&p, "hourly", (int64_t)3600 * 1000000, run_beat, &beat), APR_SUCCESS);
    periodic_trigger(p);
    CU_ASSERT_TRUE(test_wait(has_run, &beat, 30));
    periodic_stop(p); /* does not wait for the hour */
    CU_ASSERT_EQUAL(atomic_load(&beat.runs), 1);
}

const test_case_t executor_cases[] = {
    TEST(executor_queue_is_bounded_and_ordered),
    TEST(executor_threads_run_side_by_side),
    TEST(periodic_keeps_its_distance),
    TEST(periodic_can_be_triggered),
    TEST_END,
};
