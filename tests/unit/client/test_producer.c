#include "base/memory.h"
#include "fake.h"
#include "portability/clock.h"
#include "protocol/codes.h"
#include "protocol/message.h"
#include "protocol/send.h"
#include "suites.h"

#include <stdatomic.h>
#include <stdio.h>

typedef struct verdicts {
    atomic_int good;
    atomic_int bad;
    atomic_int status; /* of the last bad one */
} verdicts_t;

static void on_sent(void *arg, const qmq_message_t *message, const qmq_error_t *error) {
    verdicts_t *v = arg;
    (void)message;
    if (error == NULL) {
        atomic_fetch_add(&v->good, 1);
    } else {
        atomic_store(&v->status, qmq_error_status(error));
        atomic_fetch_add(&v->bad, 1);
    }
}

static qmq_message_t *make(qmq_client_t *c, const char *subject) {
    qmq_message_t *m = qmq_message_create(c, subject, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    return m;
}

static void send_many(qmq_producer_t *p, qmq_client_t *c, const char *subject, int count, verdicts_t *v) {
    for (int i = 0; i < count; i++) CU_ASSERT_EQUAL(qmq_producer_send(p, make(c, subject), 1000, on_sent, v, NULL), QMQ_OK);
}

/* Messages of the n-th SEND, and whether all have one subject. */
static int messages_in(fake_t *f, size_t n, bool *one_subject) {
    fake_request_t r;
    message_t m;
    view_t first = {NULL, 0};
    int count = 0;
    *one_subject = true;
    if (!fake_request_at(f, REQUEST_SEND_MESSAGE, n, &r)) return -1;
    for (cursor_t c = cursor_make(r.body, r.size); cursor_left(&c) > 0 && message_parse_wire(&c, &m); count++) {
        CU_ASSERT(message_crc_is_right(&m));
        if (count == 0) first = m.subject;
        *one_subject = *one_subject && view_equal(first, m.subject);
    }
    return count;
}

/* The route is not there yet when they are handed over, so that all wait together. */
static void client_21_22_batches(void) {
    fake_t f;
    verdicts_t v = {0};
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    for (int i = 0; i < 50; i++) {
        send_many(p, c, "one", 1, &v);
        send_many(p, c, "two", 1, &v);
    }
    CU_ASSERT_EQUAL(qmq_producer_flush(p, 20000), QMQ_OK);
    CU_ASSERT_EQUAL(v.good, 100);
    int sum = 0;
    bool one_subject;
    for (size_t i = 0; i < fake_count(&f, REQUEST_SEND_MESSAGE, -2); i++) {
        int count = messages_in(&f, i, &one_subject);
        CU_ASSERT(count >= 1 && count <= 30);
        CU_ASSERT(one_subject);
        sum += count;
    }
    CU_ASSERT_EQUAL(sum, 100);
    CU_ASSERT_EQUAL(fake_stored(&f, "one"), 50);
    CU_ASSERT_EQUAL(fake_stored(&f, "two"), 50);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void client_23_groups_take_turns(void) {
    fake_t f;
    fake_start(&f, 2);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    for (int i = 0; i < 10; i++) {
        qmq_message_t *m = make(c, "s");
        CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 20000, NULL), QMQ_OK);
        qmq_message_destroy(m);
    }
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, 0), 5);
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, 1), 5);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

/* One message with a result; how often it was sent and what came of it. */
static void check_result(int result, int times, int max_tries, int want_tries, int want_status) {
    fake_t f;
    qmq_producer_options_t o;
    qmq_error_t *error = NULL;
    fake_start(&f, 1);
    f.result_code = result;
    f.result_times = times;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_options_init(&o);
    o.max_tries = max_tries;
    qmq_producer_t *p = qmq_producer_create(c, &o, NULL);
    qmq_message_t *m = make(c, "s");
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 60000, &error), want_status);
    CU_ASSERT_EQUAL(qmq_error_status(error), want_status);
    if (want_status != QMQ_OK) CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "as the test asked"));
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, -2), (size_t)want_tries);
    qmq_error_free(error);
    qmq_message_destroy(m);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void client_24_25_29_results(void) {
    check_result(0, 0, 10, 1, QMQ_OK);
    check_result(1, 1000, 10, 1, QMQ_REFUSED);
    check_result(2, 1000, 10, 1, QMQ_OK);
    check_result(3, 1000, 4, 4, QMQ_REFUSED);
    check_result(4, 1000, 4, 4, QMQ_REFUSED);
    check_result(5, 1000, 10, 1, QMQ_REFUSED);
    check_result(6, 1000, 10, 10, QMQ_REFUSED);
    check_result(6, 2, 10, 3, QMQ_OK);
}

static void client_25_ten_tries_by_default(void) {
    qmq_producer_options_t o;
    qmq_producer_options_init(&o);
    CU_ASSERT_EQUAL(o.max_tries, 10);
    CU_ASSERT_EQUAL(o.batch, 30);
    CU_ASSERT_EQUAL(o.timeout_ms, 5000);
    CU_ASSERT_EQUAL(o.max_queue, 10000);
}

/* Half of a batch is refused for good, the other half is not touched by it. */
static void client_24_listed_messages_only(void) {
    fake_t f;
    verdicts_t v = {0};
    fake_start(&f, 1);
    f.result_code = SEND_BLOCK;
    f.result_times = 5;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    send_many(p, c, "s", 10, &v);
    CU_ASSERT_EQUAL(qmq_producer_flush(p, 20000), QMQ_OK);
    CU_ASSERT_EQUAL(v.good, 5);
    CU_ASSERT_EQUAL(v.bad, 5);
    CU_ASSERT_EQUAL(fake_stored(&f, "s"), 5);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void client_26_rejected_group_is_avoided(void) {
    fake_t f;
    fake_request_t first, second;
    fake_start(&f, 2);
    f.refuse_request = REQUEST_SEND_MESSAGE;
    f.refuse_code = RESPONSE_BROKER_REJECT;
    f.refuse_times = 1;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    qmq_message_t *m = make(c, "s");
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 20000, NULL), QMQ_OK);
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 0, &first));
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 1, &second));
    CU_ASSERT_NOT_EQUAL(first.broker, second.broker);
    CU_ASSERT(fake_wait_count(&f, REQUEST_CLIENT_REGISTER, 2));
    qmq_message_destroy(m);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

/* Every message gets one verdict, also when the producer goes away before. */
static void client_27_one_verdict_each(void) {
    fake_t f;
    verdicts_t v = {0};
    fake_start(&f, 1);
    f.refuse_request = REQUEST_SEND_MESSAGE;
    f.refuse_code = -1; /* no answer at all */
    f.refuse_times = 1000;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    send_many(p, c, "s", 500, &v);
    CU_ASSERT(fake_wait_count(&f, REQUEST_SEND_MESSAGE, 4)); /* the window is full */
    CU_ASSERT_EQUAL(qmq_producer_flush(p, 10), QMQ_TIMED_OUT);
    qmq_producer_destroy(p, 0);
    CU_ASSERT_EQUAL(v.good, 0);
    CU_ASSERT_EQUAL(v.bad, 500);
    CU_ASSERT_EQUAL(v.status, QMQ_CLOSED);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void client_28_full_queue(void) {
    fake_t f;
    verdicts_t v = {0};
    qmq_error_t *error = NULL;
    qmq_producer_options_t o;
    fake_start(&f, 1);
    f.refuse_request = REQUEST_SEND_MESSAGE;
    f.refuse_code = -1;
    f.refuse_times = 1000;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_options_init(&o);
    o.max_queue = 10;
    qmq_producer_t *p = qmq_producer_create(c, &o, NULL);
    send_many(p, c, "s", 10, &v);
    int64_t start = clock_mono_us();
    CU_ASSERT_EQUAL(qmq_producer_send(p, make(c, "s"), 50, on_sent, &v, &error), QMQ_FULL);
    int64_t took = clock_mono_us() - start;
    CU_ASSERT(took >= 50000 && took < 2000000); /* and not until a request times out */
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "10"));
    qmq_error_free(error);
    qmq_producer_destroy(p, 0);
    CU_ASSERT_EQUAL(v.bad, 10); /* not the one that was not taken */
    qmq_client_destroy(c);
    fake_stop(&f);
}

/* A callback may send; the queue has room for it. */
typedef struct chain_of {
    qmq_client_t *client;
    qmq_producer_t *producer;
    atomic_int left;
    atomic_int good;
} chain_of_t;

static void send_next(void *arg, const qmq_message_t *message, const qmq_error_t *error) {
    chain_of_t *n = arg;
    (void)message;
    if (error == NULL) atomic_fetch_add(&n->good, 1);
    if (atomic_fetch_sub(&n->left, 1) <= 0) return;
    (void)qmq_producer_send(n->producer, make(n->client, "s"), 5000, send_next, n, NULL);
}

static bool chain_is_over(void *arg) {
    return ((chain_of_t *)arg)->good == 21;
}

static void producer_callback_may_send(void) {
    fake_t f;
    qmq_producer_options_t o;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_options_init(&o);
    o.max_queue = 1;
    chain_of_t n = {.client = c, .producer = qmq_producer_create(c, &o, NULL), .left = 20};
    CU_ASSERT_EQUAL(qmq_producer_send(n.producer, make(c, "s"), 5000, send_next, &n, NULL), QMQ_OK);
    CU_ASSERT(test_wait(chain_is_over, &n, FAKE_PATIENCE));
    qmq_producer_destroy(n.producer, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void client_18_19_delayed_goes_to_the_delay_server(void) {
    fake_t f;
    fake_request_t r;
    message_t wire;
    fake_start(&f, 1);
    f.has_delay = true;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_t *p = qmq_producer_create(c, NULL, NULL);
    qmq_message_t *m = make(c, "s");
    qmq_message_set_delay_ms(m, 60000);
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 20000, NULL), QMQ_OK);
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 0, &r));
    CU_ASSERT_EQUAL(r.broker, FAKE_DELAY);
    cursor_t in = cursor_make(r.body, r.size);
    CU_ASSERT_FATAL(message_parse_wire(&in, &wire));
    CU_ASSERT_EQUAL(wire.flag, MESSAGE_DELAYED);
    CU_ASSERT(wire.expire_time > clock_wall_ms() + 1000);
    qmq_message_destroy(m);
    m = make(c, "s");
    qmq_message_set_delay_ms(m, 499);
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 20000, NULL), QMQ_OK);
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 1, &r));
    CU_ASSERT_EQUAL(r.broker, 0);
    qmq_message_destroy(m);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void producer_without_a_group_says_why(void) {
    fake_t f;
    qmq_error_t *error = NULL;
    qmq_producer_options_t o;
    fake_start(&f, 0);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_options_init(&o);
    o.timeout_ms = 300;
    qmq_producer_t *p = qmq_producer_create(c, &o, NULL);
    qmq_message_t *m = make(c, "nowhere");
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 20000, &error), QMQ_NO_ROUTE);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "nowhere"));
    qmq_error_free(error);
    qmq_message_set_delay_ms(m, 5000);
    error = NULL;
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 20000, &error), QMQ_NO_ROUTE);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "delay server"));
    qmq_error_free(error);
    fake_lock(&f);
    f.http_status = 500;
    fake_unlock(&f);
    qmq_client_t *stranger = fake_client(&f);
    qmq_producer_t *q = qmq_producer_create(stranger, &o, NULL);
    error = NULL;
    CU_ASSERT_EQUAL(qmq_producer_send_wait(q, m, 20000, &error), QMQ_UNREACHABLE);
    qmq_error_free(error);
    qmq_message_destroy(m);
    qmq_producer_destroy(q, 0);
    qmq_client_destroy(stranger);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

/* The wait ends before the verdict comes; nothing is lost or freed twice. */
static void producer_wait_that_ends_first(void) {
    fake_t f;
    fake_start(&f, 1);
    f.refuse_request = REQUEST_SEND_MESSAGE;
    f.refuse_code = -1;
    f.refuse_times = 1;
    qmq_client_t *c = fake_client(&f);
    qmq_producer_options_t o;
    qmq_producer_options_init(&o);
    o.timeout_ms = 400;
    qmq_producer_t *p = qmq_producer_create(c, &o, NULL);
    qmq_message_t *m = make(c, "s");
    CU_ASSERT_EQUAL(qmq_producer_send_wait(p, m, 100, NULL), QMQ_TIMED_OUT);
    qmq_message_destroy(m);
    CU_ASSERT_EQUAL(qmq_producer_flush(p, 20000), QMQ_OK);
    CU_ASSERT_EQUAL(fake_stored(&f, "s"), 1);
    qmq_producer_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void producer_bad_options(void) {
    fake_t f;
    qmq_error_t *error = NULL;
    qmq_producer_options_t o;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_producer_options_init(&o);
    o.batch = 0;
    CU_ASSERT_PTR_NULL(qmq_producer_create(c, &o, &error));
    CU_ASSERT_EQUAL(qmq_error_status(error), QMQ_INVALID);
    qmq_error_free(error);
    qmq_client_destroy(c);
    fake_stop(&f);
}

const test_case_t producer_cases[] = {
    TEST(client_21_22_batches),
    TEST(client_23_groups_take_turns),
    TEST(client_24_25_29_results),
    TEST(client_25_ten_tries_by_default),
    TEST(client_24_listed_messages_only),
    TEST(client_26_rejected_group_is_avoided),
    TEST(client_27_one_verdict_each),
    TEST(client_28_full_queue),
    TEST(producer_callback_may_send),
    TEST(client_18_19_delayed_goes_to_the_delay_server),
    TEST(producer_without_a_group_says_why),
    TEST(producer_wait_that_ends_first),
    TEST(producer_bad_options),
    TEST_END,
};
