#include "asking.h"

#include "base/memory.h"
#include "base/status.h"
#include "net/requester.h"
#include "portability/random.h"
#include "suites.h"

#include <stdio.h>

#define MANY 10000

typedef struct many {
    asking_t *a;
    ask_t *q;
    int64_t timeout_us;
} many_t;

static void send_many(void *arg) {
    many_t *m = arg;
    for (int i = 0; i < MANY; i++) asking_send_here(m->a, &m->q[i], CODE_PARK, i, m->timeout_us);
}

static void requester_10000_in_flight(void) {
    asking_t a;
    parked_t p;
    asking_start(&a, NULL);
    many_t m = {&a, memory_zalloc(MANY * sizeof(ask_t)), 60000000};
    loops_call(a.loops, 0, send_many, &m);
    CU_ASSERT_FATAL(fixture_wait_parked(&a.f, MANY));
    for (size_t left = MANY; left > 0; left--) {
        size_t last = left < 50 ? left : 50;
        CU_ASSERT_FATAL(fixture_take(&a.f, left - 1 - (size_t)random_below(last), &p));
        reply_tag(&p.reply, 0, -p.tag);
    }
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_FATAL(ask_wait(&m.q[i]));
        CU_ASSERT_EQUAL(m.q[i].status, APR_SUCCESS);
        CU_ASSERT_EQUAL(m.q[i].tag, -i);
        CU_ASSERT_EQUAL(m.q[i].opaque, i);
    }
    asking_stop(&a);
    memory_free(m.q);
}

static void requester_10000_time_out(void) {
    asking_t a;
    asking_start(&a, NULL);
    many_t m = {&a, memory_zalloc(MANY * sizeof(ask_t)), 150000};
    loops_call(a.loops, 0, send_many, &m);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_FATAL(ask_wait(&m.q[i]));
        CU_ASSERT_EQUAL(m.q[i].status, APR_TIMEUP);
        CU_ASSERT(m.q[i].ended_us - m.q[i].sent_us >= 150000);
    }
    asking_stop(&a);
    memory_free(m.q);
}

static void requester_10000_fail_with_their_connection(void) {
    asking_t a;
    ask_t closer = {0};
    asking_start(&a, NULL);
    many_t m = {&a, memory_zalloc(MANY * sizeof(ask_t)), 60000000};
    loops_call(a.loops, 0, send_many, &m);
    asking_send(&a, &closer, CODE_CLOSE, 0, 0);
    for (int i = 0; i < MANY; i++) {
        CU_ASSERT_FATAL(ask_wait(&m.q[i]));
        CU_ASSERT_EQUAL(m.q[i].status, QMQ_E_CLOSED);
    }
    CU_ASSERT(ask_wait(&closer));
    asking_stop(&a);
    memory_free(m.q);
}

static void requester_call_is_answered(void) {
    fixture_t f;
    char address[64];
    int16_t code = -1;
    uint8_t *answer = NULL;
    size_t size = 0;
    request_options_t options = {.code = CODE_ECHO, .version = 8, .request_code = CODE_ECHO, .timeout_us = 10000000};
    fixture_start(&f, 1, NULL);
    (void)snprintf(address, sizeof address, "localhost:%d", f.port);
    CU_ASSERT_EQUAL(requester_call(address, &options, "hello", 5, &code, &answer, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(code, 0);
    CU_ASSERT_FATAL(size == 5 && answer != NULL);
    CU_ASSERT(answer != NULL && memcmp(answer, "hello", 5) == 0);
    memory_free(answer);
    CU_ASSERT_EQUAL(requester_call(address, &options, NULL, 0, &code, &answer, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(size, 0);
    memory_free(answer);
    options.code = 99;
    CU_ASSERT_EQUAL(requester_call(address, &options, NULL, 0, &code, &answer, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(code, 3);
    memory_free(answer);
    CU_ASSERT(fixture_wait_connections(&f, 0));
    fixture_stop(&f);
}

static void requester_call_fails(void) {
    fixture_t f;
    char address[64];
    int16_t code = -1;
    uint8_t *answer = NULL;
    size_t size = 0;
    request_options_t options = {.code = CODE_PARK, .version = 8, .request_code = -1, .timeout_us = 30000};
    fixture_start(&f, 1, NULL);
    (void)snprintf(address, sizeof address, "127.0.0.1:%d", f.port);
    CU_ASSERT_EQUAL(requester_call(address, &options, NULL, 0, &code, &answer, &size), APR_TIMEUP);
    options.code = CODE_CLOSE;
    CU_ASSERT_EQUAL(requester_call(address, &options, NULL, 0, &code, &answer, &size), QMQ_E_CLOSED);
    fixture_stop(&f);
    CU_ASSERT_EQUAL(requester_call(address, &options, NULL, 0, &code, &answer, &size), QMQ_E_UNREACHABLE);
    CU_ASSERT_EQUAL(requester_call("no-such-host.invalid:80", &options, NULL, 0, &code, &answer, &size), QMQ_E_UNREACHABLE);
    CU_ASSERT_EQUAL(requester_call("nonsense", &options, NULL, 0, &code, &answer, &size), QMQ_E_UNREACHABLE);
    CU_ASSERT_PTR_NULL(answer);
}

const test_case_t requester_many_cases[] = {
    TEST(requester_10000_in_flight),  TEST(requester_10000_time_out), TEST(requester_10000_fail_with_their_connection),
    TEST(requester_call_is_answered), TEST(requester_call_fails),     TEST_END,
};
