#include "base/memory.h"
#include "fake.h"
#include "portability/clock.h"
#include "protocol/codes.h"
#include "protocol/send.h"
#include "receiver.h"
#include "suites.h"

#include <stdlib.h>

#define RETRY "%RETRY%s%g"
#define DEAD "%DEAD_RETRY%s%g"

static qmq_consumer_t *begin(qmq_client_t *c, receiver_t *r, int max_retry) {
    qmq_consumer_options_t o;
    qmq_consumer_options_init(&o);
    o.group = "g";
    o.max_retry = max_retry;
    qmq_consumer_t *consumer = qmq_consumer_start(c, "s", &o, receiver_handle, r, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(consumer);
    CU_ASSERT_EQUAL(qmq_consumer_ready(consumer, 20000, NULL), QMQ_OK);
    return consumer;
}

static void end(qmq_consumer_t *consumer, qmq_client_t *c, fake_t *f, receiver_t *r) {
    qmq_consumer_stop(consumer, 5000);
    qmq_client_destroy(c);
    fake_stop(f);
    receiver_free(r);
    memory_free(r);
}

static receiver_t *new_receiver(int fails) {
    receiver_t *r = memory_alloc(sizeof *r);
    receiver_init(r);
    r->fails = fails;
    return r;
}

static void client_41_failure_goes_to_the_retry_subject(void) {
    static const char *const attributes[] = {"orderNo", "A1", "qtrace_id", "7", NULL};
    fake_t f;
    char text[64];
    fake_request_t sent, acked;
    fake_start(&f, 1);
    receiver_t *r = new_receiver(1);
    qmq_client_t *c = fake_client(&f);
    fake_put(&f, 0, "s", "m", attributes);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(receiver_wait(r, 2)); /* comes again through the retry subject */
    CU_ASSERT_EQUAL(r->attempts[0], 1);
    CU_ASSERT_EQUAL(r->attempts[1], 2);
    CU_ASSERT_STRING_EQUAL(r->ids[1], "m");
    fake_sent_attribute(&f, RETRY, "m", "qmq_times", text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "2");
    fake_sent_attribute(&f, RETRY, "m", "orderNo", text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "A1");
    fake_sent_attribute(&f, RETRY, "m", "qtrace_id", text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "7");
    fake_sent_attribute(&f, RETRY, "m", "qmq_createTime", text, sizeof text);
    CU_ASSERT(llabs(strtoll(text, NULL, 10) - clock_wall_ms()) < 60000);
    fake_sent_attribute(&f, RETRY, "m", "qmq_maxRetryNum", text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "32"); /* client_43 */
    CU_ASSERT(fake_wait_count(&f, REQUEST_ACK, 1));
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 0, &sent));
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_ACK, 0, &acked));
    CU_ASSERT(sent.at_us <= acked.at_us);
    end(consumer, c, &f, r);
}

/* Deliveries until the dead letter, for a limit in the message or of the consumer. */
static void check_limit(const char *limit, int max_retry, int deliveries) {
    const char *attributes[] = {limit == NULL ? NULL : "qmq_maxRetryNum", limit, NULL};
    fake_t f;
    fake_start(&f, 1);
    receiver_t *r = new_receiver(1000);
    qmq_client_t *c = fake_client(&f);
    fake_put(&f, 0, "s", "m", attributes);
    qmq_consumer_t *consumer = begin(c, r, max_retry);
    CU_ASSERT(fake_wait_stored(&f, DEAD, 1));
    CU_ASSERT_EQUAL(receiver_count(r), (size_t)deliveries);
    CU_ASSERT_EQUAL(fake_stored(&f, RETRY), (size_t)(deliveries - 1));
    end(consumer, c, &f, r);
}

static void client_42_43_dead_letters(void) {
    check_limit("3", 32, 3);
    check_limit("1", 32, 1);
    check_limit("0", 32, 1);
    check_limit(NULL, 2, 2);
    check_limit("nonsense", 2, 2);
    check_limit("-1", 2, 2);
}

/* The limit nobody set is 32: the 32nd failure is a dead letter, the 31st is not. */
static void client_43_thirty_two_by_default(void) {
    static const char *const times[] = {"31", "32"};
    for (int i = 0; i < 2; i++) {
        const char *attributes[] = {"qmq_times", times[i], NULL};
        qmq_consumer_options_t o;
        fake_t f;
        fake_start(&f, 1);
        receiver_t *r = new_receiver(1);
        qmq_client_t *c = fake_client(&f);
        qmq_consumer_options_init(&o);
        fake_put(&f, 0, "s", "m", attributes);
        qmq_consumer_t *consumer = begin(c, r, o.max_retry);
        CU_ASSERT(fake_wait_stored(&f, i == 0 ? RETRY : DEAD, 1));
        CU_ASSERT(fake_wait_count(&f, REQUEST_ACK, 1));
        CU_ASSERT_EQUAL(fake_stored(&f, i == 0 ? DEAD : RETRY), 0);
        end(consumer, c, &f, r);
    }
}

/* Refused in every way, then stored; only then it is acknowledged. */
static void retry_is_stored_before_the_ack(void) {
    fake_t f;
    fake_start(&f, 2);
    receiver_t *r = new_receiver(1);
    qmq_client_t *c = fake_client(&f);
    f.result_code = SEND_READ_ONLY;
    f.result_times = 1;
    f.refuse_request = REQUEST_SEND_MESSAGE;
    f.refuse_code = RESPONSE_BROKER_REJECT;
    f.refuse_times = 1;
    fake_put(&f, 0, "s", "m", NULL);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(fake_wait_stored(&f, RETRY, 1));
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, -2), 3);
    CU_ASSERT(fake_wait_count(&f, REQUEST_ACK, 1));
    end(consumer, c, &f, r);
}

static void retry_that_the_broker_has_already(void) {
    fake_t f;
    fake_start(&f, 1);
    receiver_t *r = new_receiver(1);
    qmq_client_t *c = fake_client(&f);
    f.result_code = SEND_DUPLICATE;
    f.result_times = 1;
    fake_put(&f, 0, "s", "m", NULL);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(fake_wait_count(&f, REQUEST_ACK, 1));
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, -2), 1);
    end(consumer, c, &f, r);
}

/* The dead letters themselves are consumed; one that fails stays a dead letter. */
static void retry_of_a_dead_letter(void) {
    static const char *const of_g[] = {"qmq_consumerGroupName", "g", NULL};
    fake_t f;
    fake_start(&f, 1);
    receiver_t *r = new_receiver(1);
    qmq_client_t *c = fake_client(&f);
    qmq_consumer_options_t o;
    qmq_consumer_options_init(&o);
    o.group = "undertaker";
    fake_put(&f, 0, DEAD, "m", of_g);
    qmq_consumer_t *consumer = qmq_consumer_start(c, DEAD, &o, receiver_handle, r, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(consumer);
    CU_ASSERT(receiver_wait(r, 2));
    CU_ASSERT_STRING_EQUAL(r->subject, DEAD);
    CU_ASSERT_EQUAL(fake_stored(&f, DEAD), 2);
    end(consumer, c, &f, r);
}

/* Given up while nobody takes the copy. */
static void retry_stop_while_it_cannot_be_stored(void) {
    fake_t f;
    fake_start(&f, 1);
    receiver_t *r = new_receiver(5);
    qmq_client_t *c = fake_client(&f);
    f.refuse_request = REQUEST_SEND_MESSAGE;
    f.refuse_code = -1;
    f.refuse_times = 1000;
    fake_put(&f, 0, "s", "a", NULL);
    fake_put(&f, 0, "s", "b", NULL);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(fake_wait_count(&f, REQUEST_SEND_MESSAGE, 2));
    qmq_consumer_stop(consumer, 100);
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_ACK, -2), 0);
    end(NULL, c, &f, r);
}

static void client_44_at_a_time_through_a_delay_server(void) {
    fake_t f;
    fake_request_t r1;
    message_t wire;
    fake_start(&f, 1);
    f.has_delay = true;
    receiver_t *r = new_receiver(1);
    r->fails_for_later = true;
    r->in_ms = 3000;
    qmq_client_t *c = fake_client(&f);
    int64_t put_ms = clock_wall_ms();
    fake_put(&f, 0, "s", "m", NULL);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(fake_wait_count(&f, REQUEST_ACK, 1));
    CU_ASSERT_EQUAL_FATAL(fake_count(&f, REQUEST_SEND_MESSAGE, FAKE_DELAY), 1);
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_SEND_MESSAGE, 0, &r1));
    cursor_t in = cursor_make(r1.body, r1.size);
    CU_ASSERT_FATAL(message_parse_wire(&in, &wire));
    CU_ASSERT_EQUAL(wire.flag, MESSAGE_DELAYED);
    CU_ASSERT(view_equal(wire.subject, view_of("s")));
    CU_ASSERT(view_equal(wire.id, view_of("m")));
    CU_ASSERT(wire.expire_time >= put_ms + 3000 && wire.expire_time <= clock_wall_ms() + 3000);
    view_t group = {NULL, 0};
    CU_ASSERT(message_attribute(&wire, view_of("qmq_consumerGroupName"), &group));
    CU_ASSERT(view_equal(group, view_of("g")));
    CU_ASSERT_EQUAL(fake_stored(&f, RETRY), 0);
    end(consumer, c, &f, r);
}

static void client_44_at_a_time_without_a_delay_server(void) {
    fake_t f;
    fake_start(&f, 1);
    receiver_t *r = new_receiver(1);
    r->fails_for_later = true;
    r->in_ms = 3000;
    qmq_client_t *c = fake_client(&f);
    fake_put(&f, 0, "s", "m", NULL);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(fake_wait_stored(&f, RETRY, 1));
    CU_ASSERT(receiver_wait(r, 2));
    CU_ASSERT_EQUAL(r->attempts[1], 2);
    end(consumer, c, &f, r);
}

static void client_44_last_try_is_a_dead_letter(void) {
    static const char *const last[] = {"qmq_maxRetryNum", "1", NULL};
    fake_t f;
    fake_start(&f, 1);
    f.has_delay = true;
    receiver_t *r = new_receiver(1);
    r->fails_for_later = true;
    r->in_ms = 3000;
    qmq_client_t *c = fake_client(&f);
    fake_put(&f, 0, "s", "m", last);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(fake_wait_stored(&f, DEAD, 1));
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, FAKE_DELAY), 0);
    end(consumer, c, &f, r);
}

static void client_47_again_at_once(void) {
    fake_t f;
    fake_start(&f, 1);
    receiver_t *r = new_receiver(3);
    r->fails_for_later = true;
    qmq_client_t *c = fake_client(&f);
    fake_put(&f, 0, "s", "m", NULL);
    qmq_consumer_t *consumer = begin(c, r, 32);
    CU_ASSERT(fake_wait_count(&f, REQUEST_ACK, 1));
    CU_ASSERT_EQUAL(receiver_count(r), 4);
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(r->local_retries[i], i);
        CU_ASSERT_EQUAL(r->attempts[i], 1);
    }
    CU_ASSERT_EQUAL(fake_count(&f, REQUEST_SEND_MESSAGE, -2), 0);
    end(consumer, c, &f, r);
}

const test_case_t retry_cases[] = {
    TEST(client_44_at_a_time_through_a_delay_server),
    TEST(client_44_at_a_time_without_a_delay_server),
    TEST(client_44_last_try_is_a_dead_letter),
    TEST(client_47_again_at_once),
    TEST(client_41_failure_goes_to_the_retry_subject),
    TEST(client_42_43_dead_letters),
    TEST(client_43_thirty_two_by_default),
    TEST(retry_is_stored_before_the_ack),
    TEST(retry_that_the_broker_has_already),
    TEST(retry_of_a_dead_letter),
    TEST(retry_stop_while_it_cannot_be_stored),
    TEST_END,
};
