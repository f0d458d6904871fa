#include "fixture.h"

#include "base/memory.h"
#include "suites.h"

static void tag_bytes(uint8_t to[4], int32_t tag) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)((uint32_t)tag >> (24 - 8 * i));
}

static bool park(client_t *c, int32_t opaque, int32_t tag) {
    uint8_t body[4];
    tag_bytes(body, tag);
    return client_request(c, CODE_PARK, opaque, body, sizeof body);
}

/* What one thread answers arrives in the order it answered. */
static void reply_order_of_one_thread(void) {
    fixture_t f;
    client_t c;
    parked_t p;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 2000; i++) CU_ASSERT_FATAL(park(&c, i, i * 3));
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 2000));
    for (int i = 0; i < 2000 && fixture_take(&f, 0, &p); i++) reply_tag(&p.reply, 0, p.tag);
    for (int i = 0; i < 2000; i++) {
        uint8_t body[4];
        tag_bytes(body, i * 3);
        CU_ASSERT_FATAL(client_expect(&c, 0, i, body, sizeof body));
    }
    client_close(&c);
    fixture_stop(&f);
}

typedef struct answering {
    fixture_t *f;
    _Atomic bool stop;
    _Atomic int answered;
} answering_t;

static void answer_all(void *arg) {
    answering_t *a = arg;
    parked_t p;
    for (;;) {
        bool stop = a->stop;
        if (fixture_take(a->f, 0, &p)) {
            reply_tag(&p.reply, 0, p.tag);
            a->answered++;
        } else if (stop) {
            return;
        }
    }
}

static void start_answering(answering_t *a, fixture_t *f, thread_t **threads, int n) {
    memset(a, 0, sizeof *a);
    a->f = f;
    for (int i = 0; i < n; i++) CU_ASSERT_FATAL(thread_start(&threads[i], "answer", answer_all, a) == APR_SUCCESS);
}

/* Four threads answer while connections close under them: every answer goes out or is dropped, nothing is touched that is gone. */
static void reply_from_four_threads_while_connections_close(void) {
    fixture_t f;
    answering_t a;
    thread_t *threads[4];
    fixture_start(&f, 2, NULL);
    start_answering(&a, &f, threads, 4);
    for (int round = 0; round < 60; round++) {
        client_t c;
        CU_ASSERT_FATAL(client_open(&c, f.port));
        for (int i = 0; i < 50; i++) CU_ASSERT(park(&c, i, i));
        if (round % 3 == 0) {
            answer_t got;
            CU_ASSERT(client_answer(&c, &got));
            answer_free(&got);
        }
        if (round % 3 == 1) CU_ASSERT(client_request(&c, CODE_CLOSE, 99, NULL, 0));
        client_close(&c);
    }
    CU_ASSERT(wait_for_int(&f.opened, 60));
    CU_ASSERT(fixture_wait_connections(&f, 0));
    a.stop = true;
    for (int i = 0; i < 4; i++) thread_join(threads[i]);
    CU_ASSERT_EQUAL(fixture_parked(&f), 0);
    CU_ASSERT(a.answered > 0);
    fixture_stop(&f);
}

/* Server and loops go down while other threads still answer. */
static void reply_from_four_threads_while_the_loops_stop(void) {
    fixture_t f;
    answering_t a;
    thread_t *threads[4];
    client_t c[2];
    fixture_start(&f, 2, NULL);
    for (int k = 0; k < 2; k++) CU_ASSERT_FATAL(client_open(&c[k], f.port));
    for (int i = 0; i < 5000; i++) {
        for (int k = 0; k < 2; k++) CU_ASSERT_FATAL(park(&c[k], i, i));
    }
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 10000));
    start_answering(&a, &f, threads, 4);
    net_server_destroy(f.server, 0);
    loops_stop(f.loops);
    a.stop = true;
    for (int i = 0; i < 4; i++) thread_join(threads[i]);
    CU_ASSERT_EQUAL(a.answered, 10000);
    for (int k = 0; k < 2; k++) client_close(&c[k]);
    memory_free(f.parked);
    mutex_destroy(&f.lock);
}

/* All answers of all threads arrive, whatever loop the connection is on. */
static void reply_from_four_threads_loses_nothing(void) {
    fixture_t f;
    answering_t a;
    thread_t *threads[4];
    client_t c[3];
    fixture_start(&f, 2, NULL);
    start_answering(&a, &f, threads, 4);
    for (int i = 0; i < 3; i++) CU_ASSERT_FATAL(client_open(&c[i], f.port));
    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < 3; k++) CU_ASSERT_FATAL(park(&c[k], i, i));
    }
    for (int k = 0; k < 3; k++) {
        int64_t sum = 0;
        for (int i = 0; i < 1000; i++) {
            answer_t got;
            CU_ASSERT_FATAL(client_answer(&c[k], &got));
            sum += got.opaque;
            CU_ASSERT_EQUAL(got.body_size, 4);
            answer_free(&got);
        }
        CU_ASSERT_EQUAL(sum, (int64_t)999 * 500);
        client_close(&c[k]);
    }
    a.stop = true;
    for (int i = 0; i < 4; i++) thread_join(threads[i]);
    fixture_stop(&f);
}

/* On the connection's own loop the answer needs no detour: it leaves in the same round as those after it. */
typedef struct on_loop {
    fixture_t *f;
    int answered;
} on_loop_t;

static void answer_here(void *arg) {
    on_loop_t *o = arg;
    parked_t p;
    while (fixture_take(o->f, 0, &p)) {
        CU_ASSERT(loop_is_current(connection_loop(p.reply.connection)));
        size_t before = connection_unsent(p.reply.connection);
        connection_t *c = p.reply.connection;
        reply_tag(&p.reply, 0, p.tag);
        CU_ASSERT_EQUAL(connection_unsent(c), before + 28);
        o->answered++;
    }
}

static void reply_on_the_own_loop(void) {
    fixture_t f;
    client_t c;
    fixture_start(&f, 1, NULL);
    on_loop_t o = {&f, 0};
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 10; i++) CU_ASSERT(park(&c, i, i));
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 10));
    loops_call(f.loops, 0, answer_here, &o);
    CU_ASSERT_EQUAL(o.answered, 10);
    for (int i = 0; i < 10; i++) {
        uint8_t body[4];
        tag_bytes(body, i);
        CU_ASSERT(client_expect(&c, 0, i, body, 4));
    }
    client_close(&c);
    fixture_stop(&f);
}

static void reply_drop_keeps_the_connection(void) {
    fixture_t f;
    client_t c;
    parked_t p;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(park(&c, 1, 1));
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 1));
    CU_ASSERT_FATAL(fixture_take(&f, 0, &p));
    reply_drop(&p.reply);
    CU_ASSERT(client_request(&c, CODE_ECHO, 2, "x", 1));
    CU_ASSERT(client_expect(&c, 0, 2, "x", 1));
    client_close(&c);
    fixture_stop(&f);
}

/* The answer to a connection that is gone lets go of what it refers to. */
static _Atomic int destroyed;

static void count_destroyed(shared_t *s) {
    memory_free(s);
    destroyed++;
}

static void reply_to_a_gone_connection_drops_the_bytes(void) {
    fixture_t f;
    client_t c;
    parked_t p;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(park(&c, 1, 1));
    CU_ASSERT_FATAL(fixture_wait_parked(&f, 1));
    client_close(&c);
    CU_ASSERT(fixture_wait_connections(&f, 0));
    struct {
        shared_t shared;
        uint8_t bytes[4096];
    } *owner = memory_zalloc(sizeof *owner);
    shared_init(&owner->shared, count_destroyed);
    destroyed = 0;
    chain_t body;
    chain_init(&body);
    chain_append_slice(&body, (slice_t){owner->bytes, sizeof owner->bytes, &owner->shared});
    shared_release(&owner->shared);
    CU_ASSERT_EQUAL(destroyed, 0);
    CU_ASSERT_FATAL(fixture_take(&f, 0, &p));
    reply_send(&p.reply, 0, &body);
    CU_ASSERT_EQUAL(body.bytes, 0);
    CU_ASSERT(wait_for_int(&destroyed, 1));
    fixture_stop(&f);
}

const test_case_t reply_cases[] = {
    TEST(reply_order_of_one_thread),
    TEST(reply_from_four_threads_while_connections_close),
    TEST(reply_from_four_threads_while_the_loops_stop),
    TEST(reply_from_four_threads_loses_nothing),
    TEST(reply_on_the_own_loop),
    TEST(reply_drop_keeps_the_connection),
    TEST(reply_to_a_gone_connection_drops_the_bytes),
    TEST_END,
};
