#include "suites.h"

#include "portability/clock.h"
#include "portability/thread.h"

#define THREADS 4
#define STEPS 20000

typedef struct shared {
    mutex_t lock;
    condition_t changed;
    int64_t count;
    bool ready;
} shared_t;

static void shared_init(shared_t *s) {
    mutex_init(&s->lock);
    condition_init(&s->changed);
    s->count = 0;
    s->ready = false;
}

static void shared_destroy(shared_t *s) {
    condition_destroy(&s->changed);
    mutex_destroy(&s->lock);
}

static void count_up(void *arg) {
    shared_t *s = arg;
    for (int i = 0; i < STEPS; i++) {
        mutex_lock(&s->lock);
        s->count++;
        mutex_unlock(&s->lock);
    }
}

static void mutex_excludes(void) {
    shared_t s;
    thread_t *threads[THREADS];
    shared_init(&s);
    for (int i = 0; i < THREADS; i++) CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "count-up", count_up, &s), APR_SUCCESS);
    for (int i = 0; i < THREADS; i++) thread_join(threads[i]);
    CU_ASSERT_EQUAL(s.count, (int64_t)THREADS * STEPS);
    shared_destroy(&s);
}

static void try_once(void *arg) {
    shared_t *s = arg;
    s->count = mutex_try_lock(&s->lock);
    if (s->count == 1) mutex_unlock(&s->lock);
}

static int64_t try_in_thread(shared_t *s) {
    thread_t *t = NULL;
    CU_ASSERT_EQUAL_FATAL(thread_start(&t, "a name that is longer than systems show", try_once, s), APR_SUCCESS);
    thread_join(t);
    return s->count;
}

static void mutex_try_lock_tells(void) {
    shared_t s;
    shared_init(&s);
    mutex_lock(&s.lock);
    CU_ASSERT_EQUAL(try_in_thread(&s), 0);
    mutex_unlock(&s.lock);
    CU_ASSERT_EQUAL(try_in_thread(&s), 1);
    shared_destroy(&s);
}

static void set_ready(void *arg) {
    shared_t *s = arg;
    mutex_lock(&s->lock);
    s->ready = true;
    condition_broadcast(&s->changed);
    mutex_unlock(&s->lock);
}

static void condition_wakes(void) {
    shared_t s;
    thread_t *t = NULL;
    shared_init(&s);
    mutex_lock(&s.lock);
    CU_ASSERT_EQUAL_FATAL(thread_start(&t, "set-ready", set_ready, &s), APR_SUCCESS);
    while (!s.ready) condition_wait(&s.changed, &s.lock);
    mutex_unlock(&s.lock);
    thread_join(t);

    s.ready = false;
    mutex_lock(&s.lock);
    CU_ASSERT_EQUAL_FATAL(thread_start(&t, "set-ready", set_ready, &s), APR_SUCCESS);
    while (!s.ready) CU_ASSERT_EQUAL_FATAL(condition_wait_us(&s.changed, &s.lock, 30000000), APR_SUCCESS);
    mutex_unlock(&s.lock);
    thread_join(t);
    shared_destroy(&s);
}

static void condition_timed_wait_is_never_early(void) {
    static const int64_t waits[] = {0, 1, 999, 1000, 1001, 7777, 20000, -5};
    shared_t s;
    shared_init(&s);
    mutex_lock(&s.lock);
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        int64_t start = clock_mono_us();
        while (condition_wait_us(&s.changed, &s.lock, waits[i] - (clock_mono_us() - start)) == APR_SUCCESS) {}
        CU_ASSERT_TRUE(clock_mono_us() - start >= waits[i]);
    }
    mutex_unlock(&s.lock);
    shared_destroy(&s);
}

static void condition_waits_for_ever_when_asked(void) {
    shared_t s;
    thread_t *t = NULL;
    shared_init(&s);
    mutex_lock(&s.lock);
    CU_ASSERT_EQUAL_FATAL(thread_start(&t, "set-ready", set_ready, &s), APR_SUCCESS);
    while (!s.ready) CU_ASSERT_EQUAL_FATAL(condition_wait_us(&s.changed, &s.lock, INT64_MAX), APR_SUCCESS);
    mutex_unlock(&s.lock);
    thread_join(t);
    shared_destroy(&s);
}

static void sleep_is_never_early(void) {
    int64_t start = clock_mono_us();
    thread_sleep_us(1500);
    CU_ASSERT_TRUE(clock_mono_us() - start >= 1500);
    thread_sleep_us(0);
    thread_sleep_us(-1);
}

const test_case_t thread_cases[] = {
    TEST(mutex_excludes),
    TEST(mutex_try_lock_tells),
    TEST(condition_wakes),
    TEST(condition_timed_wait_is_never_early),
    TEST(condition_waits_for_ever_when_asked),
    TEST(sleep_is_never_early),
    TEST_END,
};
