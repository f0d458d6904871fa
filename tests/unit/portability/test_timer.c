#include "suites.h"

#include "portability/clock.h"
#include "portability/random.h"

#include <stdlib.h>

typedef struct alarm_log {
    loop_t *loop;
    int order[64];
    int count;
    int stop_at;
    bool early;
} alarm_log_t;

typedef struct alarm {
    loop_timer_t timer;
    alarm_log_t *log;
    int64_t not_before_us;
    int id;
} alarm_t;

static void ring(loop_timer_t *t) {
    alarm_t *a = OWNER_OF(t, alarm_t, timer);
    if (clock_mono_us() < a->not_before_us) a->log->early = true;
    if (a->log->count < 64) a->log->order[a->log->count] = a->id;
    if (++a->log->count == a->log->stop_at) loop_stop(a->log->loop);
}

static void alarm_start(alarm_t *a, alarm_log_t *log, int id, int64_t delay_us) {
    *a = (alarm_t){.timer.fire = ring, .log = log, .id = id};
    a->not_before_us = clock_mono_us() + delay_us;
    loop_timer_start(log->loop, &a->timer, delay_us);
}

static void timers_fire_in_order_of_time(void) {
    static const int64_t delays[] = {9000, 1000, 5000, 0, 3000, -7};
    static const int expected[] = {3, 5, 1, 4, 2, 0};
    alarm_t alarms[6];
    alarm_log_t log = {.loop = guarded_loop_create(), .stop_at = 6};
    for (int i = 0; i < 6; i++) alarm_start(&alarms[i], &log, i, delays[i]);
    CU_ASSERT_TRUE(loop_timer_active(&alarms[0].timer));
    guarded_loop_run(log.loop);
    CU_ASSERT_EQUAL(log.count, 6);
    CU_ASSERT_FALSE(log.early);
    for (int i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(log.order[i], expected[i]);
        CU_ASSERT_FALSE(loop_timer_active(&alarms[i].timer));
    }
    loop_destroy(log.loop);
}

static void stopped_timers_do_not_fire_and_restarted_ones_once(void) {
    alarm_t alarms[3];
    alarm_log_t log = {.loop = guarded_loop_create(), .stop_at = 2};
    alarm_start(&alarms[0], &log, 0, 1000);
    alarm_start(&alarms[1], &log, 1, 500);
    alarm_start(&alarms[2], &log, 2, 20000);
    loop_timer_stop(log.loop, &alarms[0].timer);
    loop_timer_stop(log.loop, &alarms[0].timer);
    CU_ASSERT_FALSE(loop_timer_active(&alarms[0].timer));
    alarms[1].not_before_us = clock_mono_us() + 5000;
    loop_timer_start(log.loop, &alarms[1].timer, 5000);
    guarded_loop_run(log.loop);
    CU_ASSERT_EQUAL(log.count, 2);
    CU_ASSERT_EQUAL(log.order[0], 1);
    CU_ASSERT_EQUAL(log.order[1], 2);
    CU_ASSERT_FALSE(log.early);
    loop_destroy(log.loop);
}

typedef struct again {
    loop_timer_t timer;
    loop_timer_t victim;
    loop_t *loop;
    int left;
    bool victim_fired;
} again_t;

static void fire_victim(loop_timer_t *t) {
    OWNER_OF(t, again_t, victim)->victim_fired = true;
}

static void fire_again(loop_timer_t *t) {
    again_t *a = OWNER_OF(t, again_t, timer);
    loop_timer_stop(a->loop, &a->victim);
    if (--a->left == 0) {
        loop_stop(a->loop);
    } else {
        loop_timer_start(a->loop, t, 0);
    }
}

static void timers_may_be_changed_while_one_fires(void) {
    again_t a = {.timer.fire = fire_again, .victim.fire = fire_victim, .loop = guarded_loop_create(), .left = 100};
    loop_timer_start(a.loop, &a.timer, 1000);
    loop_timer_start(a.loop, &a.victim, 1000);
    guarded_loop_run(a.loop);
    CU_ASSERT_EQUAL(a.left, 0);
    CU_ASSERT_FALSE(a.victim_fired);
    loop_destroy(a.loop);
}

/* After work of 3 ms in a round, 2 ms are counted from the call and not from the beginning of the round. */
static void fire_slowly(loop_timer_t *t) {
    alarm_t *a = OWNER_OF(t, alarm_t, timer) + 1;
    int64_t end = clock_mono_us() + 3000;
    while (clock_mono_us() < end) {}
    alarm_start(a, a->log, a->id, 2000);
}

static void a_timer_started_late_in_a_round_is_not_early(void) {
    alarm_t alarms[2];
    alarm_log_t log = {.loop = guarded_loop_create(), .stop_at = 1};
    alarms[1] = (alarm_t){.log = &log};
    alarm_start(&alarms[0], &log, 0, 0);
    alarms[0].timer.fire = fire_slowly;
    guarded_loop_run(log.loop);
    CU_ASSERT_EQUAL(log.count, 1);
    CU_ASSERT_FALSE(log.early);
    loop_destroy(log.loop);
}

#define MANY 100000

typedef struct crowd {
    loop_t *loop;
    int64_t last_due_us;
    int fired;
    int expected;
    bool ordered;
    bool early;
} crowd_t;

typedef struct member {
    loop_timer_t timer;
    crowd_t *crowd;
    bool stopped;
} member_t;

static void fire_member(loop_timer_t *t) {
    member_t *m = OWNER_OF(t, member_t, timer);
    crowd_t *c = m->crowd;
    if (t->due_us < c->last_due_us || m->stopped) c->ordered = false;
    if (t->due_us > clock_mono_us()) c->early = true;
    c->last_due_us = t->due_us;
    if (++c->fired == c->expected) loop_stop(c->loop);
}

static void a_hundred_thousand_timers(void) {
    crowd_t crowd = {.loop = guarded_loop_create(), .expected = MANY, .ordered = true};
    member_t *members = calloc(MANY, sizeof *members);
    if (members == NULL) abort();
    for (int i = 0; i < MANY; i++) {
        members[i].timer.fire = fire_member;
        members[i].crowd = &crowd;
        loop_timer_start(crowd.loop, &members[i].timer, (int64_t)random_below(50000));
    }
    for (int i = 0; i < MANY; i++) { /* some restarted, some stopped, in no order */
        member_t *m = &members[random_below(MANY)];
        if (i % 3 == 0) {
            if (loop_timer_active(&m->timer)) crowd.expected--;
            m->stopped = true;
            loop_timer_stop(crowd.loop, &m->timer);
        } else if (!m->stopped) {
            loop_timer_start(crowd.loop, &m->timer, (int64_t)random_below(50000));
        }
    }
    guarded_loop_run(crowd.loop);
    CU_ASSERT_EQUAL(crowd.fired, crowd.expected);
    CU_ASSERT_TRUE(crowd.ordered);
    CU_ASSERT_FALSE(crowd.early);
    loop_destroy(crowd.loop);
    free(members);
}

const test_case_t timer_cases[] = {
    TEST(timers_fire_in_order_of_time),
    TEST(stopped_timers_do_not_fire_and_restarted_ones_once),
    TEST(timers_may_be_changed_while_one_fires),
    TEST(a_timer_started_late_in_a_round_is_not_early),
    TEST(a_hundred_thousand_timers),
    TEST_END,
};
