/* Operations of a group: one after the other, in order, on its home loop (group.h). */
#include "site.h"
#include "suites.h"

#include "broker/group.h"
#include "broker/worker.h"

#include <stdio.h>

#define OPERATIONS 200

static site_t s;
static group_t *g;

/* An operation that notes when it ran; one that waits goes on when it is told to. */
typedef struct probe {
    operation_t op; /* first */
    int number;
    int waits; /* how many times it still answers STEP_WAITS */
    bool continues_at_once;
    task_t go_on;
    worker_t *from;
    task_t enter;
} probe_t;

static mutex_t lock;
static condition_t changed;
static int order[OPERATIONS * 4];
static int ran;
static _Atomic int inside; /* number + 1 of the operation that waits */
static _Atomic bool overlapped;
static _Atomic bool abroad; /* an operation ran on a loop that is not the group's home */

static void begin(void) {
    site_init(&s);
    site_start(&s);
    mutex_init(&lock);
    condition_init(&changed);
    ran = 0;
    atomic_store(&inside, 0);
    atomic_store(&overlapped, false);
    atomic_store(&abroad, false);
    g = group_get(&s.broker, view_of("s"), view_of("g"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(g);
}

static void end(void) {
    site_free(&s);
    condition_destroy(&changed);
    mutex_destroy(&lock);
}

static void note(int number) {
    mutex_lock(&lock);
    order[ran++] = number;
    condition_broadcast(&changed);
    mutex_unlock(&lock);
}

static void wait_for(int count) {
    mutex_lock(&lock);
    while (ran < count) CU_ASSERT_EQUAL_FATAL(condition_wait_us(&changed, &lock, 20 * 1000000LL), APR_SUCCESS);
    mutex_unlock(&lock);
}

static void probe_go_on(task_t *task) {
    probe_t *p = (probe_t *)((char *)task - offsetof(probe_t, go_on));
    group_continue(p->op.group);
}

static step_t probe_run(operation_t *op) {
    probe_t *p = (probe_t *)op;
    if (worker_loop(group_home(op->group)) != loops_at(s.broker.loops, loops_current(s.broker.loops))) atomic_store(&abroad, true);
    int other = atomic_exchange(&inside, p->waits > 0 ? p->number + 1 : 0);
    if (other != 0 && other != p->number + 1) atomic_store(&overlapped, true);
    if (p->waits > 0) {
        p->waits--;
        p->go_on.run = probe_go_on;
        if (p->continues_at_once) loop_post(worker_loop(group_home(op->group)), &p->go_on);
        return STEP_WAITS;
    }
    note(p->number);
    return STEP_DONE;
}

static void probe_enter(task_t *task) {
    probe_t *p = (probe_t *)((char *)task - offsetof(probe_t, enter));
    group_submit(g, &p->op, p->from);
}

/* Submits from a loop. */
static void submit(probe_t *p, int loop) {
    p->op.run = probe_run;
    p->from = s.broker.workers[loop];
    p->enter.run = probe_enter;
    loop_post(loops_at(s.broker.loops, loop), &p->enter);
}

static void do_nothing(void *arg) {
    (void)arg;
}

static void settle(void) {
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < s.loops; i++) loops_call(s.broker.loops, i, do_nothing, NULL);
    }
}

static void busy_group_queues_in_order(void) {
    static probe_t probes[OPERATIONS];
    memset(probes, 0, sizeof probes);
    begin();
    probes[0].waits = 1;
    for (int i = 0; i < OPERATIONS; i++) {
        probes[i].number = i;
        if (i % 7 == 3) probes[i].waits = 2, probes[i].continues_at_once = true;
        submit(&probes[i], 0);
    }
    settle();
    CU_ASSERT_EQUAL(ran, 0);
    loop_post(loops_at(s.broker.loops, 0), &probes[0].go_on);
    wait_for(OPERATIONS);
    for (int i = 0; i < OPERATIONS; i++) CU_ASSERT_EQUAL(order[i], i);
    CU_ASSERT_FALSE(atomic_load(&abroad));
    CU_ASSERT_FALSE(atomic_load(&overlapped));
    end();
}

static void home_moves_only_in_quiet_moments(void) {
    static probe_t probes[3];
    memset(probes, 0, sizeof probes);
    begin();
    for (int loop = 1; loop >= 0; loop--) {
        memset(&probes[0], 0, sizeof probes[0]);
        submit(&probes[0], loop);
        wait_for(2 - loop);
        settle();
        CU_ASSERT_PTR_EQUAL(group_home(g), s.broker.workers[loop]);
    }
    /* Busy on loop 0: what comes from loop 1 runs on loop 0, and the group stays there until all is done. */
    memset(probes, 0, sizeof probes);
    probes[0].waits = 1;
    submit(&probes[0], 0);
    settle();
    submit(&probes[1], 1);
    submit(&probes[2], 1);
    settle();
    CU_ASSERT_EQUAL(ran, 2);
    CU_ASSERT_PTR_EQUAL(group_home(g), s.broker.workers[0]);
    loop_post(loops_at(s.broker.loops, 0), &probes[0].go_on);
    wait_for(5);
    settle();
    CU_ASSERT_FALSE(atomic_load(&abroad));
    CU_ASSERT_FALSE(atomic_load(&overlapped));
    end();
}

static void operations_from_both_loops_do_not_overlap(void) {
    static probe_t probes[OPERATIONS * 2];
    memset(probes, 0, sizeof probes);
    begin();
    for (int i = 0; i < OPERATIONS * 2; i++) {
        probes[i].number = i;
        probes[i].waits = i % 3;
        probes[i].continues_at_once = true;
        submit(&probes[i], i % 2);
    }
    wait_for(OPERATIONS * 2);
    settle();
    int last[2] = {-1, -1};
    for (int i = 0; i < OPERATIONS * 2; i++) {
        CU_ASSERT_TRUE(order[i] > last[order[i] % 2]); /* each loop's in its order */
        last[order[i] % 2] = order[i];
    }
    CU_ASSERT_FALSE(atomic_load(&abroad));
    CU_ASSERT_FALSE(atomic_load(&overlapped));
    end();
}

/* Requests of one connection come back in their order when they are of one group. */
static void requests_of_a_group_are_answered_in_order(void) {
    begin();
    client_t c;
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    SENDS(&c, "s", "m0 m1 m2 m3");
    CU_ASSERT_TRUE(pull_send(&c, 1, PULL(.num = 2)));
    CU_ASSERT_TRUE(ack_send(&c, 2, PULL(), 0, 0));
    CU_ASSERT_TRUE(pull_send(&c, 3, PULL(.num = 2)));
    CU_ASSERT_TRUE(reset_send(&c, 4, "s", "g", CONSUME_EARLIEST));
    CU_ASSERT_TRUE(pull_send(&c, 5, PULL(.num = 2, .last = 1)));
    CU_ASSERT_TRUE(ack_send(&c, 6, PULL(), 1, 3));
    CU_ASSERT_TRUE(answer_gives(&c, 0, "m0 m1"));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, 2, NULL, 0));
    CU_ASSERT_TRUE(answer_gives(&c, 1, "m1"));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, 4, NULL, 0));
    CU_ASSERT_TRUE(answer_gives(&c, 2, "m0 m1"));
    CU_ASSERT_TRUE(client_expect(&c, RESPONSE_SUCCESS, 6, NULL, 0));
    client_close(&c);
    end();
}

/* A crowded group refuses at once what does not fit, answers all the rest, and does not keep other groups waiting (broker.md 6.3). */
static void broker_38_crowded_group(void) {
    enum { MANY = 10000, MORE = 50 };
    begin();
    client_t c, other;
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port) && client_open(&other, s.port));
    GIVES(&c, PULL(), 0, "");
    static probe_t probe;
    memset(&probe, 0, sizeof probe);
    probe.waits = 1;
    submit(&probe, 0);
    settle();
    for (int32_t i = 0; i < MANY + MORE; i++) CU_ASSERT_TRUE(ack_send(&c, i, PULL(), i, i));
    /* The last ones are answered while the group is busy. */
    for (int i = 0; i <= MORE; i++) { /* the probe counts too */
        answer_t a;
        CU_ASSERT_TRUE_FATAL(client_answer(&c, &a));
        CU_ASSERT_EQUAL(a.code, RESPONSE_BROKER_ERROR);
        CU_ASSERT_TRUE(a.opaque >= MANY - 1);
        answer_free(&a);
    }
    GIVES(&other, PULL(.timeout_ms = 60000), 0, "");
    CU_ASSERT_EQUAL(reset(&other, "s", "g", CONSUME_EARLIEST), RESPONSE_BROKER_ERROR);
    GIVES(&other, PULL(.group = "free"), 0, "");
    SENDS(&other, "s", "m0");
    GIVES(&other, PULL(.group = "free"), 0, "m0");
    loop_post(loops_at(s.broker.loops, 0), &probe.go_on);
    for (int32_t i = 0; i < MANY - 1; i++) CU_ASSERT_TRUE_FATAL(client_expect(&c, RESPONSE_SUCCESS, i, NULL, 0));
    SENDS(&c, "s", "m1");
    GIVES(&c, PULL(.last = MANY), MANY - 1, "m0 m1");
    client_close(&other);
    client_close(&c);
    end();
}

const test_case_t group_cases[] = {TEST(busy_group_queues_in_order),
                                   TEST(home_moves_only_in_quiet_moments),
                                   TEST(operations_from_both_loops_do_not_overlap),
                                   TEST(requests_of_a_group_are_answered_in_order),
                                   TEST(broker_38_crowded_group),
                                   TEST_END};
