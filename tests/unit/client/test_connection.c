/* Connections and registrations: what time does to them (the clock runs ahead), and answers that are none. */
#include "base/memory.h"
#include "fake.h"
#include "portability/clock.h"
#include "protocol/client_register.h"
#include "protocol/codes.h"
#include "suites.h"

#define SPEED 400
#define SECOND_US 1000000LL

static void send_one(qmq_client_t *c, qmq_producer_t *p) {
    qmq_message_t *m = qmq_message_create(c, "s", NULL);
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 20000 * SPEED, NULL), QMQ_OK);
    qmq_message_destroy(m);
}

/* Times of the n-th registration of a producer of "s", and of one of a consumer. */
static bool registered_at(fake_t *f, int type, size_t n, int64_t *at_us) {
    fake_request_t r;
    client_register_request_t q;
    for (size_t i = 0; fake_request_at(f, REQUEST_CLIENT_REGISTER, i, &r); i++) {
        if (!client_register_request_read(view_make(r.body, r.size), &q) || q.client_type != type) continue;
        *at_us = r.at_us;
        if (n-- == 0) return true;
    }
    return false;
}

typedef struct registrations {
    fake_t *f;
    int64_t times[2][4];
} registrations_t;

static bool four_of_each(void *arg) {
    registrations_t *r = arg;
    for (int type = 0; type < 2; type++) {
        for (size_t i = 0; i < 4; i++) {
            if (!registered_at(r->f, type == 0 ? CLIENT_PRODUCER : CLIENT_CONSUMER, i, &r->times[type][i])) return false;
        }
    }
    return true;
}

static void client_02_registered_again_every_minute(void) {
    fake_t f;
    qmq_message_t *m[1];
    size_t count = 0;
    qmq_consumer_options_t o;
    if (!test_clock_speed(1)) return;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    qmq_consumer_options_init(&o);
    o.group = "g";
    qmq_puller_t *puller = qmq_puller_create(c, "s", &o, NULL);
    send_one(c, p);
    CU_ASSERT_EQUAL(qmq_puller_pull(puller, m, 1, 20000, &count, NULL), QMQ_OK);
    for (size_t i = 0; i < count; i++) qmq_message_destroy(m[i]);
    CU_ASSERT(test_clock_speed(SPEED));
    registrations_t r = {.f = &f};
    CU_ASSERT_FATAL(test_wait(four_of_each, &r, FAKE_PATIENCE));
    CU_ASSERT(test_clock_speed(1));
    for (int i = 1; i < 4; i++) {
        /* The consumer has two keys, its subject and its retry subject: every other registration is of the same one. */
        CU_ASSERT(r.times[0][i] - r.times[0][i - 1] >= 60 * SECOND_US);
        if (i > 1) CU_ASSERT(r.times[1][i] - r.times[1][i - 2] >= 60 * SECOND_US);
    }
    qmq_puller_destroy(puller, 0);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static bool is_not_connected(void *arg) {
    return net_server_connections(((fake_t *)arg)->brokers[0]) == 0;
}

static void client_56_idle_connection_is_closed_and_opened_again(void) {
    fake_t f;
    if (!test_clock_speed(1)) return;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    send_one(c, p);
    CU_ASSERT_EQUAL(net_server_connections(f.brokers[0]), 1);
    int64_t began = clock_mono_us();
    CU_ASSERT(test_clock_speed(SPEED));
    CU_ASSERT_FATAL(test_wait(is_not_connected, &f, FAKE_PATIENCE));
    CU_ASSERT(test_clock_speed(1));
    CU_ASSERT(clock_mono_us() - began >= 120 * SECOND_US);
    send_one(c, p);
    CU_ASSERT_EQUAL(net_server_connections(f.brokers[0]), 1);
    CU_ASSERT_EQUAL(fake_stored(&f, "s"), 2);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static bool has_one_connection(void *arg) {
    return net_server_connections(((fake_t *)arg)->brokers[0]) == 1;
}

/* The stray answer says that all went wrong; it is nobody's. */
static void client_60_unknown_opaque_is_ignored(void) {
    fake_t f;
    fake_request_t first, last;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    fake_lock(&f);
    f.stray_times = 3;
    fake_unlock(&f);
    for (int i = 0; i < 3; i++) send_one(c, p);
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, -2), 3);
    CU_ASSERT_EQUAL(fake_stored(&f, "s"), 3);
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 0, &first));
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 2, &last));
    CU_ASSERT_STRING_EQUAL(first.peer, last.peer); /* the connection stayed */
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void client_61_wrong_magic_closes(void) {
    fake_t f;
    fake_request_t first, second;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    fake_lock(&f);
    f.nonsense_times = 1;
    fake_unlock(&f);
    send_one(c, p); /* tried again on a new connection */
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, -2), 2);
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 0, &first));
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 1, &second));
    CU_ASSERT_STRING_NOT_EQUAL(first.peer, second.peer);
    CU_ASSERT(test_wait(has_one_connection, &f, FAKE_PATIENCE)); /* the fake closes none by itself */
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

typedef struct after {
    int64_t until_us;
} after_t;

static bool is_over(void *arg) {
    return clock_mono_us() >= ((after_t *)arg)->until_us;
}

/* Messages to two groups, of which the first fails each time; how many tries it saw. */
static size_t tries_of_first(fake_t *f, qmq_client_t *c, qmq_producer_t *p, int messages) {
    for (int i = 0; i < messages; i++) send_one(c, p);
    return fake_count(f, REQUEST_SEND_MESSAGE, 0);
}

static void client_30_failing_group_is_left_for_five_seconds(void) {
    fake_t f;
    if (!test_clock_speed(1)) return;
    fake_start(&f, 2);
    f.refuse_broker = 0;
    f.nonsense_times = 1000; /* the connection is lost each time */
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    size_t messages = 1;
    for (; tries_of_first(&f, c, p, 1) < 100; messages++) CU_ASSERT_FATAL(messages < 1000);
    int64_t left_at = clock_mono_us();
    after_t five_seconds = {left_at + 5 * SECOND_US};
    for (int i = 0; i < 20; i++) {
        size_t tries = tries_of_first(&f, c, p, 1);
        if (clock_mono_us() - left_at < 4 * SECOND_US) CU_ASSERT_EQUAL(tries, 100); /* a slow machine sends fewer in the time */
    }
    fake_lock(&f);
    f.nonsense_times = 0;
    fake_unlock(&f);
    CU_ASSERT(test_clock_speed(20));
    CU_ASSERT_FATAL(test_wait(is_over, &five_seconds, FAKE_PATIENCE));
    CU_ASSERT(test_clock_speed(1));
    CU_ASSERT(tries_of_first(&f, c, p, 4) > 100);
    CU_ASSERT_EQUAL(fake_stored(&f, "s"), messages + 24); /* none was lost */
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

/* It said no once; the metaserver goes on to list it, so it is asked again. */
static void client_62_rejected_group_is_used_again(void) {
    fake_t f;
    fake_start(&f, 2);
    f.refuse_broker = 0;
    f.refuse_request = REQUEST_SEND_MESSAGE;
    f.refuse_code = RESPONSE_BROKER_REJECT;
    f.refuse_times = 1;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    CU_ASSERT_EQUAL(tries_of_first(&f, c, p, 2), 1);
    CU_ASSERT_FATAL(fake_wait_count(&f, REQUEST_CLIENT_REGISTER, 2));
    for (int i = 0; i < 200 && tries_of_first(&f, c, p, 1) < 2; i++) continue;
    CU_ASSERT(fake_count(&f, REQUEST_SEND_MESSAGE, 0) >= 2);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

const test_case_t connection_cases[] = {
    TEST(client_30_failing_group_is_left_for_five_seconds),
    TEST(client_62_rejected_group_is_used_again),
    TEST(client_02_registered_again_every_minute),
    TEST(client_56_idle_connection_is_closed_and_opened_again),
    TEST(client_60_unknown_opaque_is_ignored),
    TEST(client_61_wrong_magic_closes),
    TEST_END,
};
