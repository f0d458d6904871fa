/* Nobody who registers and then looks misses a message (design rule 2, broker.md BUG-4). */
#include "site.h"
#include "suites.h"

#include "broker/waiters.h"
#include "broker/worker.h"
#include "portability/clock.h"
#include "portability/random.h"

#include <stdio.h>

static site_t s;

typedef struct sleeper {
    waiter_t waiter; /* first */
    mutex_t lock;
    condition_t woken;
    int wakes;
} sleeper_t;

static void sleeper_wake(waiter_t *w) {
    sleeper_t *z = (sleeper_t *)w;
    mutex_lock(&z->lock);
    z->wakes++;
    condition_signal(&z->woken);
    mutex_unlock(&z->lock);
}

static void sleeper_init(sleeper_t *z) {
    memset(z, 0, sizeof *z);
    z->waiter.wake = sleeper_wake;
    mutex_init(&z->lock);
    condition_init(&z->woken);
}

static void sleeper_end(sleeper_t *z) {
    condition_destroy(&z->woken);
    mutex_destroy(&z->lock);
}

static void list_wakes_each_once(void) {
    site_init(&s);
    site_start(&s);
    store_subject_t *subject = store_subject_get(s.broker.store, view_of("s"));
    sleeper_t z[5];
    waiters_wake(subject); /* nobody was ever there */
    for (int i = 0; i < 5; i++) {
        sleeper_init(&z[i]);
        waiters_unregister(&s.broker, subject, &z[i].waiter);
        waiters_register(&s.broker, subject, &z[i].waiter);
        waiters_register(&s.broker, subject, &z[i].waiter);
    }
    waiters_unregister(&s.broker, subject, &z[0].waiter);
    waiters_unregister(&s.broker, subject, &z[2].waiter);
    waiters_unregister(&s.broker, subject, &z[4].waiter);
    waiters_wake(subject);
    waiters_wake(subject);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(z[i].wakes, i % 2);
        CU_ASSERT_FALSE(z[i].waiter.listed);
        sleeper_end(&z[i]);
    }
    site_free(&s);
}

/* One that registers again while it is woken: the round ends all the same. */
typedef struct stubborn {
    waiter_t waiter; /* first */
    task_t task;
    store_subject_t *subject;
    _Atomic int wakes;
    _Atomic bool enough;
} stubborn_t;

static void stubborn_again(task_t *task) {
    stubborn_t *b = (stubborn_t *)((char *)task - offsetof(stubborn_t, task));
    waiters_register(&s.broker, b->subject, &b->waiter);
}

static void stubborn_wake(waiter_t *w) {
    stubborn_t *b = (stubborn_t *)w;
    atomic_fetch_add(&b->wakes, 1);
    if (!atomic_load(&b->enough)) loop_post(loops_at(s.broker.loops, 1), &b->task);
}

static void do_nothing(void *arg) {
    (void)arg;
}

static void registering_again_does_not_prolong_the_round(void) {
    enum { STUBBORN = 64, ROUNDS = 200 };
    static stubborn_t all[STUBBORN];
    site_init(&s);
    site_start(&s);
    store_subject_t *subject = store_subject_get(s.broker.store, view_of("s"));
    memset(all, 0, sizeof all);
    for (int i = 0; i < STUBBORN; i++) {
        all[i].waiter.wake = stubborn_wake;
        all[i].task.run = stubborn_again;
        all[i].subject = subject;
        waiters_register(&s.broker, subject, &all[i].waiter);
    }
    for (int k = 0; k < ROUNDS; k++) waiters_wake(subject);
    for (int i = 0; i < STUBBORN; i++) atomic_store(&all[i].enough, true);
    loops_call(s.broker.loops, 1, do_nothing, NULL);
    for (int i = 0; i < STUBBORN; i++) {
        CU_ASSERT_TRUE(atomic_load(&all[i].wakes) <= ROUNDS);
        waiters_unregister(&s.broker, subject, &all[i].waiter);
    }
    site_free(&s);
}

typedef struct appender {
    int count;
    _Atomic int wanted; /* messages it may have appended */
    bool fresh;         /* a subject of its own each time: the list is made in the race too */
    store_batch_t batch;
    store_message_t message;
    _Atomic bool stored;
} appender_t;

static void append_done(store_batch_t *batch) {
    appender_t *a = (appender_t *)((char *)batch - offsetof(appender_t, batch));
    waiters_wake(a->message.subject_handle);
    atomic_store(&a->stored, true);
}

static void name_of(char *to, size_t size, bool fresh, int i) {
    (void)snprintf(to, size, "s%d", fresh ? i : 0);
}

/* A few turns of nothing, so that the two threads meet in ever other ways. */
static void dawdle(uint32_t turns) {
    for (_Atomic uint32_t i = 0; i < turns; i++) {}
}

static uint32_t any_of(uint32_t n) {
    uint32_t v = 0;
    random_bytes(&v, sizeof v);
    return v % n;
}

static void append_all(void *arg) {
    appender_t *a = arg;
    for (int i = 0; i < a->count; i++) {
        char name[16];
        while (atomic_load(&a->wanted) <= i) {}
        dawdle(any_of(300));
        name_of(name, sizeof name, a->fresh, i);
        a->message = (store_message_t){.subject = view_of(name), .payload = (const uint8_t *)"x", .payload_size = 1};
        a->batch.messages = &a->message;
        a->batch.count = 1;
        a->batch.done = append_done;
        atomic_store(&a->stored, false);
        store_append(s.broker.store, &a->batch);
        while (!atomic_load(&a->stored)) {}
    }
}

/* Register, look, sleep - against append, wake. */
static void meet(bool fresh, int count) {
    site_init(&s);
    site_start(&s);
    static appender_t a;
    memset(&a, 0, sizeof a);
    a.count = count;
    a.fresh = fresh;
    thread_t *thread = NULL;
    CU_ASSERT_EQUAL_FATAL(thread_start(&thread, "appender", append_all, &a), APR_SUCCESS);
    sleeper_t z;
    sleeper_init(&z);
    int lost = 0;
    for (int i = 0; i < count; i++) {
        char name[16];
        name_of(name, sizeof name, fresh, i);
        store_subject_t *subject = store_subject_get(s.broker.store, view_of(name));
        atomic_store(&a.wanted, i + 1);
        dawdle(any_of(300));
        waiters_register(&s.broker, subject, &z.waiter);
        int64_t min = 0, next = 0;
        bool there = store_subject_bounds(subject, &min, &next) && next > (fresh ? 0 : i);
        mutex_lock(&z.lock);
        while (!there && z.wakes == 0) {
            if (condition_wait_us(&z.woken, &z.lock, 5 * 1000000LL) == APR_TIMEUP) {
                lost++;
                break;
            }
        }
        mutex_unlock(&z.lock);
        waiters_unregister(&s.broker, subject, &z.waiter);
        while (!store_subject_bounds(subject, &min, &next) || next < (fresh ? 1 : i + 1)) {}
        z.wakes = 0;
        if (lost > 0) break;
    }
    atomic_store(&a.wanted, count);
    thread_join(thread);
    CU_ASSERT_EQUAL(lost, 0);
    sleeper_end(&z);
    site_free(&s);
}

static void broker_25_register_against_append(void) {
    meet(false, site_repetitions(100000));
}

static void broker_25_first_register_against_first_append(void) {
    meet(true, site_repetitions(20000));
}

const test_case_t waiters_cases[] = {TEST(list_wakes_each_once), TEST(registering_again_does_not_prolong_the_round),
                                     TEST(broker_25_register_against_append), TEST(broker_25_first_register_against_first_append),
                                     TEST_END};
