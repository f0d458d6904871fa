#include "asking.h"

#include "base/status.h"
#include "portability/clock.h"
#include "suites.h"

#include <stdio.h>

static void requester_asks_and_is_answered(void) {
    asking_t a;
    ask_t q[3] = {0};
    asking_start(&a, NULL);
    for (int i = 0; i < 3; i++) asking_send(&a, &q[i], CODE_ECHO, i * 1000, 0);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_FATAL(ask_wait(&q[i]));
        CU_ASSERT_EQUAL(q[i].status, APR_SUCCESS);
        CU_ASSERT_EQUAL(q[i].code, 0);
        CU_ASSERT_EQUAL(q[i].opaque, i); /* counted from 0 */
        CU_ASSERT_EQUAL(q[i].tag, i * 1000);
        CU_ASSERT(!q[i].inside_send);
    }
    CU_ASSERT_EQUAL(net_server_connections(a.f.server), 1);
    asking_stop(&a);
}

/* Answers come in another order than the questions. */
static void wire_13_answers_in_any_order(void) {
    asking_t a;
    ask_t q[50] = {0};
    parked_t p;
    asking_start(&a, NULL);
    for (int i = 0; i < 50; i++) asking_send(&a, &q[i], CODE_PARK, i, 0);
    CU_ASSERT_FATAL(fixture_wait_parked(&a.f, 50));
    for (size_t left = 50; left > 0; left--) {
        CU_ASSERT_FATAL(fixture_take(&a.f, (left * 7) % left, &p));
        reply_tag(&p.reply, 4, p.tag + 1);
    }
    for (int i = 0; i < 50; i++) {
        CU_ASSERT_FATAL(ask_wait(&q[i]));
        CU_ASSERT_EQUAL(q[i].status, APR_SUCCESS);
        CU_ASSERT_EQUAL(q[i].code, 4);
        CU_ASSERT_EQUAL(q[i].tag, i + 1);
    }
    asking_stop(&a);
}

/* A server that answers with the wrong opaque first, then with the right one, twice. */
static void wire_13_client_60_unknown_opaque_is_ignored(void) {
    asking_t a;
    ask_t q = {0};
    client_t listener;
    client_t c = {0};
    uint8_t head[24];
    uint8_t answers[3][24];
    int port = 0;
    CU_ASSERT_FATAL(client_listen(&listener, &port));
    asking_start(&a, NULL);
    asking_point_to(&a, port);
    asking_send(&a, &q, 30, 1, 0);
    CU_ASSERT_FATAL(client_accept(&listener, &c));
    CU_ASSERT_FATAL(client_read(&c, head, sizeof head));
    CU_ASSERT(client_read(&c, answers[0], 4));
    for (int i = 0; i < 3; i++) {
        memcpy(answers[i], head, sizeof head);
        answers[i][3] = 20;
        answers[i][10] = 0;
        answers[i][11] = 51;
        answers[i][21] = FRAME_FLAG_RESPONSE;
    }
    answers[0][17] = 77;
    CU_ASSERT(client_write(&c, answers, sizeof answers));
    CU_ASSERT_FATAL(ask_wait(&q));
    CU_ASSERT_EQUAL(q.status, APR_SUCCESS);
    CU_ASSERT_EQUAL(q.code, 51);
    CU_ASSERT_EQUAL(q.opaque, 0);
    asking_send(&a, &q, 30, 1, 0);
    CU_ASSERT(client_read(&c, head, sizeof head)); /* the connection goes on */
    CU_ASSERT_EQUAL(head[17], 1);
    client_close(&c);
    CU_ASSERT_FATAL(ask_wait(&q));
    CU_ASSERT_EQUAL(q.status, QMQ_E_CLOSED);
    client_close(&listener);
    asking_stop(&a);
}

static void wire_14_time_out(void) {
    static const int64_t timeouts[] = {20000, 50000, 1, 120000};
    asking_t a;
    ask_t q[4] = {0};
    parked_t p;
    asking_start(&a, NULL);
    asking_send(&a, &q[0], CODE_ECHO, 4, 10000000); /* what times out before there is a connection is never sent */
    CU_ASSERT_FATAL(ask_wait(&q[0]));
    for (int i = 0; i < 4; i++) asking_send(&a, &q[i], CODE_PARK, i, timeouts[i]);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_FATAL(ask_wait(&q[i]));
        CU_ASSERT_EQUAL(q[i].status, APR_TIMEUP);
        CU_ASSERT(q[i].ended_us - q[i].sent_us >= timeouts[i]);
    }
    /* The late answers are dropped; the connection stays. */
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_FATAL(fixture_wait_parked(&a.f, 1));
        CU_ASSERT_FATAL(fixture_take(&a.f, 0, &p));
        reply_tag(&p.reply, 0, 1);
    }
    asking_send(&a, &q[0], CODE_ECHO, 5, 10000000);
    CU_ASSERT_FATAL(ask_wait(&q[0]));
    CU_ASSERT_EQUAL(q[0].status, APR_SUCCESS);
    CU_ASSERT_EQUAL(net_server_connections(a.f.server), 1);
    asking_stop(&a);
}

static void wire_14_lost_connection_fails_all_at_once(void) {
    asking_t a;
    static ask_t q[101];
    asking_start(&a, NULL);
    for (int i = 0; i < 100; i++) asking_send(&a, &q[i], CODE_PARK, i, 0);
    CU_ASSERT_FATAL(fixture_wait_parked(&a.f, 100));
    asking_send(&a, &q[100], CODE_CLOSE, 0, 0);
    for (int i = 0; i <= 100; i++) {
        CU_ASSERT_FATAL(ask_wait(&q[i]));
        CU_ASSERT_EQUAL(q[i].status, QMQ_E_CLOSED);
    }
    asking_send(&a, &q[0], CODE_ECHO, 7, 0); /* connects anew */
    CU_ASSERT_FATAL(ask_wait(&q[0]));
    CU_ASSERT_EQUAL(q[0].status, APR_SUCCESS);
    CU_ASSERT_EQUAL(q[0].tag, 7);
    asking_stop(&a);
}

static void requester_connection_refused(void) {
    asking_t a;
    ask_t q[5] = {0};
    client_t listener;
    int port = 0;
    CU_ASSERT_FATAL(client_listen(&listener, &port));
    client_close(&listener); /* free, and nobody listens */
    asking_start(&a, NULL);
    asking_point_to(&a, port);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5; i++) asking_send(&a, &q[i], CODE_ECHO, i, 0);
        for (int i = 0; i < 5; i++) {
            CU_ASSERT_FATAL(ask_wait(&q[i]));
            CU_ASSERT_EQUAL(q[i].status, QMQ_E_UNREACHABLE);
        }
    }
    asking_stop(&a);
}

static void requester_bad_addresses(void) {
    static const char *const bad[] = {
        "", ":", ":80", "host", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "1.2.3:80", "1.2.3.4.5:80"};
    asking_t a;
    ask_t q = {0};
    asking_start(&a, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(a.address, sizeof a.address, "%s", bad[i]);
        asking_send(&a, &q, CODE_ECHO, 1, 0);
        CU_ASSERT_FATAL(ask_wait(&q));
        CU_ASSERT_EQUAL(q.status, QMQ_E_UNREACHABLE);
        CU_ASSERT(!q.inside_send);
    }
    asking_stop(&a);
}

static void requester_resolves_names(void) {
    asking_t a;
    ask_t q[2] = {0};
    executor_t *resolver = NULL;
    CU_ASSERT_FATAL(executor_create(&resolver, "resolver", 1, 10) == APR_SUCCESS);
    asking_start(&a, &(requester_options_t){.resolver = resolver});
    (void)snprintf(a.address, sizeof a.address, "localhost:%d:ignored", a.f.port);
    for (int i = 0; i < 2; i++) asking_send(&a, &q[i], CODE_ECHO, i, 0);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_FATAL(ask_wait(&q[i]));
        CU_ASSERT_EQUAL(q[i].status, APR_SUCCESS);
    }
    CU_ASSERT_EQUAL(net_server_connections(a.f.server), 1);
    (void)snprintf(a.address, sizeof a.address, "no-such-host.invalid:1");
    asking_send(&a, &q[0], CODE_ECHO, 1, 0);
    CU_ASSERT_FATAL(ask_wait(&q[0]));
    CU_ASSERT_EQUAL(q[0].status, QMQ_E_UNREACHABLE);
    (void)snprintf(a.address, sizeof a.address, "localhost:%d", a.f.port);
    asking_send(&a, &q[0], CODE_ECHO, 1, 0); /* stopped while it resolves or connects */
    asking_stop(&a);
    CU_ASSERT(q[0].status == QMQ_E_CLOSED || q[0].status == APR_SUCCESS);
}

static void requester_without_resolver_takes_addresses_only(void) {
    asking_t a;
    ask_t q = {0};
    asking_start(&a, NULL);
    (void)snprintf(a.address, sizeof a.address, "localhost:%d", a.f.port);
    asking_send(&a, &q, CODE_ECHO, 1, 0);
    CU_ASSERT_FATAL(ask_wait(&q));
    CU_ASSERT_EQUAL(q.status, QMQ_E_UNREACHABLE);
    asking_stop(&a);
}

static void requester_separate_connection(void) {
    asking_t a;
    ask_t q[4] = {0};
    asking_start(&a, NULL);
    for (int i = 0; i < 4; i++) {
        q[i].separate = i % 2 == 1;
        asking_send(&a, &q[i], CODE_ECHO, i, 0);
    }
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_FATAL(ask_wait(&q[i]));
        CU_ASSERT_EQUAL(q[i].status, APR_SUCCESS);
        CU_ASSERT_EQUAL(q[i].tag, i);
    }
    CU_ASSERT_EQUAL(net_server_connections(a.f.server), 2);
    asking_stop(&a);
}

static void requester_idle_connection_closes(void) {
    asking_t a;
    ask_t q = {0};
    asking_start(&a, &(requester_options_t){.idle_close_us = 60000});
    int64_t start_us = clock_mono_us();
    for (int i = 0; i < 2; i++) {
        asking_send(&a, &q, CODE_ECHO, 1, 0);
        CU_ASSERT_FATAL(ask_wait(&q));
        CU_ASSERT_EQUAL(q.status, APR_SUCCESS);
        CU_ASSERT(fixture_wait_connections(&a.f, 0));
        CU_ASSERT(clock_mono_us() - start_us >= (int64_t)60000 * (i + 1));
    }
    asking_stop(&a);
}

/* What moves on the connection puts its end off. */
static void requester_busy_connection_stays(void) {
    asking_t a;
    ask_t q = {0};
    int64_t last_us = 0;
    asking_start(&a, &(requester_options_t){.idle_close_us = 200000});
    int64_t start_us = clock_mono_us();
    while (clock_mono_us() - start_us < 400000) {
        last_us = clock_mono_us();
        asking_send(&a, &q, CODE_ECHO, 1, 0);
        CU_ASSERT_FATAL(ask_wait(&q));
        CU_ASSERT_EQUAL(q.status, APR_SUCCESS);
    }
    CU_ASSERT_EQUAL(a.f.opened, 1);
    CU_ASSERT(fixture_wait_connections(&a.f, 0));
    CU_ASSERT(clock_mono_us() - last_us >= 200000);
    asking_stop(&a);
}

static void requester_destroy_fails_what_is_in_flight(void) {
    asking_t a;
    ask_t q[20] = {0};
    asking_start(&a, NULL);
    for (int i = 0; i < 20; i++) asking_send(&a, &q[i], CODE_PARK, i, 0);
    CU_ASSERT_FATAL(fixture_wait_parked(&a.f, 20));
    asking_stop(&a);
    for (int i = 0; i < 20; i++) CU_ASSERT_EQUAL(q[i].status, QMQ_E_CLOSED);
}

/* A callback may ask again and may end the requester. */
static void requester_is_used_out_of_callbacks(void) {
    asking_t a;
    ask_t q[3] = {0};
    asking_start(&a, NULL);
    q[0].again = 5;
    asking_send(&a, &q[0], CODE_ECHO, 1, 0);
    CU_ASSERT_FATAL(ask_wait(&q[0]));
    CU_ASSERT_EQUAL(q[0].again, 0);
    CU_ASSERT_EQUAL(q[0].opaque, 5);
    asking_send(&a, &q[1], CODE_PARK, 1, 0);
    CU_ASSERT_FATAL(fixture_wait_parked(&a.f, 1));
    q[1].again = 1; /* its failure makes it ask a stopping requester */
    q[2].destroys = true;
    asking_send(&a, &q[2], CODE_ECHO, 1, 0);
    CU_ASSERT_FATAL(ask_wait(&q[2]));
    CU_ASSERT_FATAL(ask_wait(&q[1]));
    CU_ASSERT_EQUAL(q[1].status, QMQ_E_CLOSED);
    CU_ASSERT_EQUAL(q[1].again, 0);
    asking_stop(&a);
}

/* Destroyed while a connection attempt hangs: an address that answers nothing, or an error at once where there is no network. */
static void requester_destroy_while_connecting(void) {
    asking_t a;
    ask_t q = {0};
    asking_start(&a, NULL);
    (void)snprintf(a.address, sizeof a.address, "192.0.2.1:9");
    asking_send(&a, &q, CODE_ECHO, 1, 0);
    int64_t start_us = clock_mono_us();
    asking_stop(&a);
    CU_ASSERT(q.status == QMQ_E_CLOSED || q.status == QMQ_E_UNREACHABLE);
    CU_ASSERT(clock_mono_us() - start_us < 4000000);
}

static void client_61_wrong_magic_closes_the_connection(void) {
    asking_t a;
    ask_t q = {0};
    client_t listener;
    client_t c = {0};
    int port = 0;
    CU_ASSERT_FATAL(client_listen(&listener, &port));
    asking_start(&a, NULL);
    asking_point_to(&a, port);
    asking_send(&a, &q, CODE_ECHO, 1, 0);
    CU_ASSERT_FATAL(client_accept(&listener, &c));
    CU_ASSERT(client_write(&c, "HTTP/1.1 400 Bad Request\r\n\r\n", 28));
    CU_ASSERT_FATAL(ask_wait(&q));
    CU_ASSERT_EQUAL(q.status, QMQ_E_CLOSED);
    client_close(&c);
    client_close(&listener);
    asking_stop(&a);
}

const test_case_t requester_cases[] = {
    TEST(requester_asks_and_is_answered),
    TEST(wire_13_answers_in_any_order),
    TEST(wire_13_client_60_unknown_opaque_is_ignored),
    TEST(wire_14_time_out),
    TEST(wire_14_lost_connection_fails_all_at_once),
    TEST(requester_connection_refused),
    TEST(requester_bad_addresses),
    TEST(requester_resolves_names),
    TEST(requester_without_resolver_takes_addresses_only),
    TEST(requester_separate_connection),
    TEST(requester_idle_connection_closes),
    TEST(requester_busy_connection_stays),
    TEST(requester_destroy_fails_what_is_in_flight),
    TEST(requester_is_used_out_of_callbacks),
    TEST(requester_destroy_while_connecting),
    TEST(client_61_wrong_magic_closes_the_connection),
    TEST_END,
};
