/* Many threads against one broker: what is lost, doubled or freed too early shows here and under the sanitizers. */
#include "site.h"
#include "suites.h"

#include "portability/clock.h"
#include "portability/random.h"
#include "portability/thread.h"

#include <stdio.h>
#include <stdlib.h>

static site_t s;

typedef struct crowd {
    thread_t *threads[16];
    int count;
    mutex_t lock;
    char problem[200]; /* the first one */
} crowd_t;

static crowd_t crowd;

/* Assertions are for the main thread. */
static void complain(const char *what, long long number) {
    mutex_lock(&crowd.lock);
    if (crowd.problem[0] == 0) (void)snprintf(crowd.problem, sizeof crowd.problem, "%s (%lld)", what, number);
    mutex_unlock(&crowd.lock);
}

static void begin(void) {
    site_init(&s);
    site_start(&s);
    memset(&crowd, 0, sizeof crowd);
    mutex_init(&crowd.lock);
}

static void run(void (*body)(void *arg), void *arg) {
    CU_ASSERT_EQUAL_FATAL(thread_start(&crowd.threads[crowd.count], "client", body, arg), APR_SUCCESS);
    crowd.count++;
}

static void join(void) {
    for (int i = 0; i < crowd.count; i++) thread_join(crowd.threads[i]);
    crowd.count = 0;
    if (crowd.problem[0] != 0) printf("  %s\n", crowd.problem);
    CU_ASSERT_EQUAL(crowd.problem[0], 0);
}

static void end(void) {
    site_free(&s);
    mutex_destroy(&crowd.lock);
}

static void dawdle(uint32_t most_turns) {
    uint64_t turns = random_below(most_turns);
    for (_Atomic uint64_t i = 0; i < turns; i++) {}
}

/* Suspend against append. */

typedef struct pair {
    int rounds;
    _Atomic int asked; /* pulls sent */
} pair_t;

static void produce_when_asked(void *arg) {
    pair_t *p = arg;
    client_t c;
    if (!client_open(&c, s.port)) complain("no connection", 0);
    for (int i = 0; i < p->rounds; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        while (atomic_load(&p->asked) <= i) {}
        dawdle(3000);
        if (!put(&c, "s", id)) complain("not stored", i);
    }
    client_close(&c);
}

static void broker_25_suspend_against_append(void) {
    begin();
    pair_t p = {.rounds = site_repetitions(100000)};
    client_t c;
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port)); /* loop 0 */
    GIVES(&c, PULL(), 0, "");
    run(produce_when_asked, &p);
    int late = 0, wrong = 0;
    for (int i = 0; i < p.rounds; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        int64_t start = clock_mono_us();
        atomic_store(&p.asked, i + 1);
        dawdle(3000);
        pulled_t got;
        if (!pull(&c, PULL(.last = i - 1, .timeout_ms = 10000), &got) || got.count != 1 || got.first != i || strcmp(got.ids[0], id) != 0)
            wrong++;
        pulled_free(&got);
        late += clock_mono_us() - start > 5000000;
        if (i % 64 == 63 && ack(&c, PULL(), i - 63, i) != RESPONSE_SUCCESS) wrong++;
        if (late + wrong > 0) break;
    }
    CU_ASSERT_EQUAL(late, 0);
    CU_ASSERT_EQUAL(wrong, 0);
    atomic_store(&p.asked, p.rounds);
    join();
    client_close(&c);
    end();
}

/* One group, consumers on both loops: every message once, none lost (broker_28). */

#define CONSUMERS 6

typedef struct share {
    int messages;
    _Atomic unsigned char *seen;
    _Atomic int total;
} share_t;

typedef struct consumer {
    share_t *share;
    char name[8];
} consumer_t;

static void note_all(share_t *share, const pulled_t *p) {
    int64_t before = -1;
    for (size_t i = 0; i < p->count; i++) {
        int64_t n = atoll(p->ids[i]);
        if (n <= before) complain("not ascending", n);
        before = n;
        if (atomic_fetch_add(&share->seen[n], 1) != 0) complain("twice", n);
        atomic_fetch_add(&share->total, 1);
    }
}

static void consume(void *arg) {
    consumer_t *me = arg;
    share_t *share = me->share;
    client_t c;
    if (!client_open(&c, s.port)) complain("no connection", 0);
    int64_t last = -1;
    for (int round = 0; atomic_load(&share->total) < share->messages; round++) {
        pulled_t p;
        if (!pull(&c, PULL(.consumer = me->name, .num = 1 + round % 5, .last = last, .timeout_ms = round % 4 * 3), &p))
            complain("no answer", round);
        if (p.count > 0) {
            if (p.first != last + 1) complain("pull sequence", p.first);
            note_all(share, &p);
            last += (int64_t)p.count;
            if (ack(&c, PULL(.consumer = me->name), p.first, last) != RESPONSE_SUCCESS) complain("ack", last);
        }
        pulled_free(&p);
        if (crowd.problem[0] != 0) break;
    }
    client_close(&c);
}

static void produce_all(void *arg) {
    share_t *share = arg;
    client_t c;
    if (!client_open(&c, s.port)) complain("no connection", 0);
    for (int i = 0; i < share->messages; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        if (!put(&c, "s", id)) complain("not stored", i);
        if (i % 16 == 0) dawdle(100000);
    }
    client_close(&c);
}

static void broker_28_consumers_on_both_loops(void) {
    begin();
    client_t c;
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(), 0, "");
    share_t share = {.messages = site_repetitions(20000)};
    share.seen = memory_zalloc((size_t)share.messages);
    consumer_t consumers[CONSUMERS];
    for (int i = 0; i < CONSUMERS; i++) {
        consumers[i].share = &share;
        (void)snprintf(consumers[i].name, sizeof consumers[i].name, "c%d", i);
        run(consume, &consumers[i]);
    }
    run(produce_all, &share);
    join();
    CU_ASSERT_EQUAL(atomic_load(&share.total), share.messages);
    CU_ASSERT_EQUAL(site_pulled(&s, "s", "g"), share.messages - 1);
    memory_free((void *)share.seen);
    client_close(&c);
    end();
}

/* Hold time-outs that run out while messages come: each pull is answered exactly once. */
static void hold_time_outs_against_wakes(void) {
    begin();
    enum { PULLS = 40 };
    int rounds = site_repetitions(1000);
    client_t c, producer;
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port) && client_open(&producer, s.port));
    GIVES(&c, PULL(), 0, "");
    int64_t got = 0, sent = 0;
    for (int k = 0; k < rounds; k++) {
        for (int32_t i = 0; i < PULLS; i++) CU_ASSERT_TRUE(pull_send(&c, i, PULL(.num = 1, .last = INT64_MAX, .timeout_ms = 1 + i % 4)));
        for (int i = 0; i < 5; i++, sent++) {
            dawdle(60000);
            CU_ASSERT_TRUE(put(&producer, "s", "m"));
        }
        bool answered[PULLS] = {false};
        for (int i = 0; i < PULLS; i++) {
            pulled_t p;
            CU_ASSERT_TRUE_FATAL(pulled_read(&c, &p));
            CU_ASSERT_TRUE_FATAL(p.opaque >= 0 && p.opaque < PULLS);
            CU_ASSERT_FALSE(answered[p.opaque]);
            answered[p.opaque] = true;
            if (p.count > 0 && p.first != got) CU_FAIL("not the next one");
            got += (int64_t)p.count;
            pulled_free(&p);
        }
    }
    while (got < sent) {
        pulled_t p;
        CU_ASSERT_TRUE_FATAL(pull(&c, PULL(.last = INT64_MAX), &p));
        CU_ASSERT_TRUE_FATAL(p.count > 0);
        CU_ASSERT_EQUAL(p.first, got);
        got += (int64_t)p.count;
        pulled_free(&p);
    }
    CU_ASSERT_EQUAL(atomic_load(&s.broker.parked_pulls), 0);
    client_close(&producer);
    client_close(&c);
    end();
}

/* Connections that vanish with pulls held and actions in flight. */

typedef struct vandal {
    int rounds;
    int number;
} vandal_t;

static void vanish(void *arg) {
    vandal_t *v = arg;
    for (int i = 0; i < v->rounds; i++) {
        client_t c;
        char subject[8], name[8];
        (void)snprintf(subject, sizeof subject, "s%d", i % 3);
        (void)snprintf(name, sizeof name, "c%d", (i + v->number) % 4);
        if (!client_open(&c, s.port)) complain("no connection", i);
        asked_t a = *PULL(.subject = subject, .consumer = name, .num = 3, .timeout_ms = i % 2 * 5);
        for (int32_t k = 0; k < 4; k++) {
            if (!pull_send(&c, k, &a)) complain("not sent", k);
        }
        batch_t b;
        batch_init(&b);
        for (int k = 0; k < 3; k++) batch_add(&b, subject, "m", k == 1 ? "tag" : NULL, (size_t)(1 + i % 3 * 3000));
        if (!batch_send(&b, &c, 5) || !ack_send(&c, 6, &a, i % 7, i % 11)) complain("not sent", i);
        (void)reset_send(&c, 7, subject, "g", 1 + i % 2);
        dawdle(i % 5 == 0 ? 200000 : 10);
        client_close(&c);
    }
}

static bool nothing_parked(void *arg) {
    (void)arg;
    return atomic_load(&s.broker.parked_pulls) == 0 && net_server_connections(s.broker.client_port) == 0;
}

static void connections_that_vanish(void) {
    begin();
    vandal_t vandals[4];
    for (int i = 0; i < 4; i++) {
        vandals[i] = (vandal_t){site_repetitions(2000), i};
        run(vanish, &vandals[i]);
    }
    join();
    CU_ASSERT_TRUE(test_wait(nothing_parked, NULL, 20));
    client_t c;
    CU_ASSERT_TRUE_FATAL(client_open(&c, s.port));
    GIVES(&c, PULL(.subject = "fresh"), 0, "");
    SENDS(&c, "fresh", "m0");
    GIVES(&c, PULL(.subject = "fresh"), 0, "m0");
    client_close(&c);
    end();
}

/* The stop, with everything in flight. */

static _Atomic bool stopped;

static void hammer(void *arg) {
    vandal_t *v = arg;
    client_t c;
    if (!client_open(&c, s.port)) return;
    asked_t a = *PULL(.num = 10, .timeout_ms = 60000);
    char group[8];
    (void)snprintf(group, sizeof group, "g%d", v->number % 3);
    a.group = group;
    for (int i = 0; !atomic_load(&stopped); i++) {
        batch_t b;
        batch_init(&b);
        for (int k = 0; k < 20; k++) batch_add(&b, "s", "m", NULL, 200);
        if (!batch_send(&b, &c, 1) || !pull_send(&c, 2, &a) || !ack_send(&c, 3, &a, i * 10 + 5, i * 10 + 9)) break;
        bool open = true;
        for (int k = 0; k < 3 && open; k++) {
            answer_t answer;
            open = client_answer(&c, &answer);
            answer_free(&answer);
        }
        if (!open) break;
    }
    client_close(&c);
}

static void hold_only(void *arg) {
    (void)arg;
    client_t c;
    if (!client_open(&c, s.port)) return;
    for (int32_t i = 0; i < 200; i++) (void)pull_send(&c, i, PULL(.subject = i % 2 == 0 ? "quiet" : "silent", .timeout_ms = 600000));
    for (int i = 0; i < 200; i++) {
        answer_t answer;
        bool open = client_answer(&c, &answer);
        if (open && answer.code != RESPONSE_NO_MESSAGE) complain("code", answer.code);
        answer_free(&answer);
        if (!open) break; /* those that were not read yet are not answered */
    }
    client_close(&c);
}

static void stop_under_load(void) {
    int rounds = site_repetitions(40) + 1;
    for (int k = 0; k < rounds; k++) {
        begin();
        if (k % 2 == 1) {
            site_stop(&s);
            s.store.hot_window = 1; /* readers in flight too */
            s.store.loops_read_no_files = true;
            s.store.message_segment_size = 256 * 1024;
            site_start(&s);
        }
        atomic_store(&stopped, false);
        vandal_t vandals[4];
        for (int i = 0; i < 4; i++) {
            vandals[i] = (vandal_t){0, i};
            run(hammer, &vandals[i]);
        }
        run(hold_only, NULL);
        thread_sleep_us(20000 + (int64_t)random_below(20000)); /* the load is the point, not the moment */
        site_stop(&s);
        atomic_store(&stopped, true);
        join();
        end();
    }
}

const test_case_t races_cases[] = {TEST(broker_25_suspend_against_append),
                                   TEST(broker_28_consumers_on_both_loops),
                                   TEST(hold_time_outs_against_wakes),
                                   TEST(connections_that_vanish),
                                   TEST(stop_under_load),
                                   TEST_END};
