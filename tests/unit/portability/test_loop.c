#include "suites.h"

#include "portability/thread.h"

static void loop_stopped_before_it_runs_returns(void) {
    loop_t *l = guarded_loop_create();
    loop_stop(l);
    guarded_loop_run(l);
    loop_destroy(l);
    loop_destroy(NULL);
}

typedef struct note {
    task_t task;
    int *log;
    int *count;
    int value;
} note_t;

static void run_note(task_t *task) {
    note_t *n = OWNER_OF(task, note_t, task);
    n->log[(*n->count)++] = n->value;
}

static void note_init(note_t *n, int *log, int *count, int value) {
    *n = (note_t){.task.run = run_note, .log = log, .count = count, .value = value};
}

static void tasks_posted_before_the_stop_run_in_order(void) {
    int log[8], count = 0;
    note_t notes[5];
    loop_t *l = guarded_loop_create();
    for (int i = 0; i < 5; i++) {
        note_init(&notes[i], log, &count, i);
        loop_post(l, &notes[i].task);
    }
    loop_stop(l);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(count, 5);
    for (int i = 0; i < count; i++) CU_ASSERT_EQUAL(log[i], i);
    loop_destroy(l);
}

static void destroy_runs_what_is_queued(void) {
    int log[8], count = 0;
    note_t notes[3];
    loop_t *l = guarded_loop_create();
    for (int i = 0; i < 3; i++) note_init(&notes[i], log, &count, i);
    loop_defer(l, &notes[1].task);
    loop_post(l, &notes[0].task);
    loop_defer(l, &notes[2].task);
    loop_destroy(l);
    CU_ASSERT_EQUAL(count, 3);
}

#define POSTERS 4
#define POSTS 20000

typedef struct poster poster_t;
typedef struct post {
    task_t task;
    poster_t *owner;
    int number;
} post_t;

struct poster {
    loop_t *loop;
    int next; /* of the loop's thread */
    int *left;
    bool ordered;
    post_t posts[POSTS];
};

static void run_post(task_t *task) {
    post_t *p = OWNER_OF(task, post_t, task);
    if (p->number != p->owner->next++) p->owner->ordered = false;
    if (--*p->owner->left == 0) loop_stop(p->owner->loop);
}

static void post_all(void *arg) {
    poster_t *p = arg;
    for (int i = 0; i < POSTS; i++) {
        p->posts[i] = (post_t){.task.run = run_post, .owner = p, .number = i};
        loop_post(p->loop, &p->posts[i].task);
    }
}

static void four_threads_post(void) {
    static poster_t posters[POSTERS];
    thread_t *threads[POSTERS];
    int left = POSTERS * POSTS;
    loop_t *l = guarded_loop_create();
    for (int i = 0; i < POSTERS; i++) {
        posters[i].loop = l;
        posters[i].left = &left;
        posters[i].ordered = true;
        posters[i].next = 0;
        CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "poster", post_all, &posters[i]), APR_SUCCESS);
    }
    guarded_loop_run(l);
    for (int i = 0; i < POSTERS; i++) {
        thread_join(threads[i]);
        CU_ASSERT_TRUE(posters[i].ordered);
    }
    CU_ASSERT_EQUAL(left, 0);
    loop_destroy(l);
}

#define TURNS 3000

typedef struct ball {
    task_t task;
    loop_t *to[2];
    int turn;
} ball_t;

static void hit_ball(task_t *task) {
    ball_t *b = OWNER_OF(task, ball_t, task);
    int turn = b->turn++;
    if (turn < TURNS) {
        loop_post(b->to[turn % 2], &b->task);
    } else {
        loop_stop(b->to[0]);
        loop_stop(b->to[1]);
    }
}

static void run_loop(void *arg) {
    guarded_loop_run(arg);
}

/* Each loop sleeps while the other has the ball: a lost wake-up would end in the guard. */
static void a_post_wakes_a_sleeping_loop(void) {
    ball_t ball = {.task.run = hit_ball};
    ball.to[0] = guarded_loop_create();
    ball.to[1] = guarded_loop_create();
    thread_t *other = NULL;
    loop_post(ball.to[0], &ball.task);
    CU_ASSERT_EQUAL_FATAL(thread_start(&other, "other-loop", run_loop, ball.to[1]), APR_SUCCESS);
    guarded_loop_run(ball.to[0]);
    thread_join(other);
    CU_ASSERT_EQUAL(ball.turn, TURNS + 1);
    loop_destroy(ball.to[0]);
    loop_destroy(ball.to[1]);
}

typedef struct chain {
    task_t task;
    loop_t *loop;
    note_t *inner;
} chain_t;

static void run_chain(task_t *task) {
    chain_t *c = OWNER_OF(task, chain_t, task);
    loop_defer(c->loop, &c->inner->task);
}

static void deferred_tasks_run_in_order_with_those_they_defer(void) {
    int log[8], count = 0;
    note_t notes[3];
    stopper_t stopper;
    loop_t *l = guarded_loop_create();
    for (int i = 0; i < 3; i++) note_init(&notes[i], log, &count, i);
    stopper_init(&stopper, l);
    chain_t chain = {.task.run = run_chain, .loop = l, .inner = &notes[2]};
    loop_defer(l, &notes[0].task);
    loop_defer(l, &chain.task);
    loop_defer(l, &notes[1].task);
    loop_post(l, &stopper.task); /* posted ones come first in a round, yet the stop lets the deferred ones run */
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(count, 3);
    for (int i = 0; i < count; i++) CU_ASSERT_EQUAL(log[i], i);
    loop_destroy(l);
}

static void last_tasks_run_when_nothing_is_deferred(void) {
    int log[8], count = 0;
    note_t notes[4];
    stopper_t stopper;
    loop_t *l = guarded_loop_create();
    for (int i = 0; i < 4; i++) note_init(&notes[i], log, &count, i);
    stopper_init(&stopper, l);
    chain_t chain = {.task.run = run_chain, .loop = l, .inner = &notes[1]};
    loop_defer_last(l, &notes[3].task);
    loop_defer_last(l, &notes[2].task);
    loop_defer(l, &notes[0].task);
    loop_defer(l, &chain.task);
    loop_post(l, &stopper.task);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(count, 4);
    for (int i = 0; i < count; i++) CU_ASSERT_EQUAL(log[i], i);
    loop_destroy(l);
}

typedef struct hog {
    task_t task;
    loop_t *loop;
    bool *end;
} hog_t;

static void run_hog(task_t *task) {
    hog_t *h = OWNER_OF(task, hog_t, task);
    if (!*h->end) loop_defer(h->loop, &h->task);
}

typedef struct ender {
    loop_timer_t timer;
    loop_t *loop;
    bool end;
} ender_t;

static void fire_ender(loop_timer_t *t) {
    ender_t *e = OWNER_OF(t, ender_t, timer);
    e->end = true;
    loop_stop(e->loop);
}

static void endless_deferring_starves_nobody(void) {
    loop_t *l = guarded_loop_create();
    ender_t ender = {.timer.fire = fire_ender, .loop = l};
    hog_t hog = {.task.run = run_hog, .loop = l, .end = &ender.end};
    loop_defer(l, &hog.task);
    loop_timer_start(l, &ender.timer, 1000);
    guarded_loop_run(l);
    CU_ASSERT_TRUE(ender.end);
    loop_destroy(l);
}

typedef struct asker {
    task_t task;
    loop_t *loop, *other;
    bool own, others;
} asker_t;

static void ask(task_t *task) {
    asker_t *a = OWNER_OF(task, asker_t, task);
    a->own = loop_is_current(a->loop);
    a->others = loop_is_current(a->other);
    loop_stop(a->loop);
}

static void the_current_loop_is_known(void) {
    loop_t *l = guarded_loop_create(), *other = guarded_loop_create();
    asker_t a = {.task.run = ask, .loop = l, .other = other, .others = true};
    thread_t *t = NULL;
    loop_post(l, &a.task);
    CU_ASSERT_FALSE(loop_is_current(l));
    CU_ASSERT_EQUAL_FATAL(thread_start(&t, "run-loop", run_loop, l), APR_SUCCESS);
    thread_join(t);
    CU_ASSERT_TRUE(a.own);
    CU_ASSERT_FALSE(a.others);
    CU_ASSERT_FALSE(loop_is_current(l));
    loop_destroy(l);
    loop_destroy(other);
}

static void a_loop_runs_again_after_a_stop(void) {
    loop_t *l = guarded_loop_create();
    for (int i = 0; i < 3; i++) {
        stopper_t stopper;
        stopper_init(&stopper, l);
        loop_post(l, &stopper.task);
        guarded_loop_run(l);
    }
    loop_destroy(l);
}

const test_case_t loop_cases[] = {
    TEST(loop_stopped_before_it_runs_returns),
    TEST(tasks_posted_before_the_stop_run_in_order),
    TEST(destroy_runs_what_is_queued),
    TEST(four_threads_post),
    TEST(a_post_wakes_a_sleeping_loop),
    TEST(deferred_tasks_run_in_order_with_those_they_defer),
    TEST(last_tasks_run_when_nothing_is_deferred),
    TEST(endless_deferring_starves_nobody),
    TEST(the_current_loop_is_known),
    TEST(a_loop_runs_again_after_a_stop),
    TEST_END,
};
