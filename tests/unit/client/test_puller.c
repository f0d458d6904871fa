#include "base/memory.h"
#include "fake.h"
#include "portability/clock.h"
#include "protocol/ack.h"
#include "protocol/codes.h"
#include "protocol/pull.h"
#include "suites.h"

#include <stdio.h>

static qmq_puller_t *begin(qmq_client_t *c) {
    qmq_consumer_options_t o;
    qmq_consumer_options_init(&o);
    o.group = "g";
    qmq_puller_t *p = qmq_puller_create(c, "s", &o, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static void client_53_looking_and_waiting(void) {
    fake_t f;
    qmq_message_t *m[10];
    size_t count = 1;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_puller_t *p = begin(c);
    CU_ASSERT_EQUAL(qmq_puller_pull(p, m, 10, -1, &count, NULL), QMQ_OK);
    CU_ASSERT_EQUAL(count, 0);
    int64_t start = clock_mono_us();
    CU_ASSERT_EQUAL(qmq_puller_pull(p, m, 10, 300, &count, NULL), QMQ_OK);
    CU_ASSERT_EQUAL(count, 0);
    CU_ASSERT(clock_mono_us() - start >= 290000);
    fake_release_pulls(&f);
    fake_put(&f, 0, "s", "a", NULL);
    fake_put(&f, 0, "s", "b", NULL);
    size_t sum = 0;
    while (sum < 2 && qmq_puller_pull(p, m + sum, 10 - sum, 10000, &count, NULL) == QMQ_OK && count > 0) sum += count;
    CU_ASSERT_EQUAL_FATAL(sum, 2);
    CU_ASSERT_STRING_EQUAL(qmq_message_id(m[0]), "a");
    CU_ASSERT_EQUAL(qmq_message_pull_offset(m[1]), 1);
    for (size_t i = 0; i < 2; i++) qmq_message_ack(m[i], NULL);
    qmq_puller_destroy(p, 5000);
    CU_ASSERT(fake_count(&f, REQUEST_ACK, -2) >= 1);
    qmq_client_destroy(c);
    fake_stop(&f);
}

/* The subject of the n-th pull, or of none. */
static bool pull_is_of(fake_t *f, size_t n, const char *subject) {
    fake_request_t r;
    pull_request_t q;
    return fake_request_at(f, REQUEST_PULL_MESSAGE, n, &r) && pull_request_read(view_make(r.body, r.size), r.version, &q) &&
           view_equal(q.subject, view_of(subject));
}

static bool knows_retry(fake_t *f, qmq_puller_t *p) {
    qmq_message_t *m[1];
    size_t count = 0;
    CU_ASSERT_EQUAL(qmq_puller_pull(p, m, 1, -1, &count, NULL), QMQ_OK);
    size_t asked = fake_count(f, REQUEST_PULL_MESSAGE, -2);
    return asked >= 2 && pull_is_of(f, asked - 2, "%RETRY%s%g") && pull_is_of(f, asked - 1, "s");
}

/* With both routes known every call asks for the retry subject first, and what is there comes first. */
static void client_54_every_call_begins_with_the_retry_subject(void) {
    fake_t f;
    qmq_message_t *m[10];
    size_t count = 0;
    fake_start(&f, 1);
    qmq_client_t *c = fake_client(&f);
    qmq_puller_t *p = begin(c);
    int64_t deadline = clock_mono_us() + 20000000;
    while (!knows_retry(&f, p) && clock_mono_us() < deadline) continue;
    fake_put(&f, 0, "s", "new", NULL);
    fake_put(&f, 0, "%RETRY%s%g", "old", NULL);
    size_t asked = fake_count(&f, REQUEST_PULL_MESSAGE, -2);
    CU_ASSERT_EQUAL_FATAL(qmq_puller_pull(p, m, 10, 10000, &count, NULL), QMQ_OK);
    CU_ASSERT(pull_is_of(&f, asked, "%RETRY%s%g"));
    CU_ASSERT_FATAL(count >= 1);
    CU_ASSERT_STRING_EQUAL(qmq_message_id(m[0]), "old");
    for (size_t i = 0; i < count; i++) qmq_message_ack(m[i], NULL);
    qmq_puller_destroy(p, 5000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void client_54_retry_subject_first(void) {
    fake_t f;
    qmq_message_t *m[10];
    size_t count = 0;
    fake_request_t r;
    pull_request_t q;
    fake_start(&f, 1);
    fake_put(&f, 0, "s", "new", NULL);
    fake_put(&f, 0, "%RETRY%s%g", "old", NULL);
    qmq_client_t *c = fake_client(&f);
    qmq_puller_t *p = begin(c);
    /* The route of the retry subject is there before that of the subject is asked for long. */
    while (count == 0) CU_ASSERT_EQUAL_FATAL(qmq_puller_pull(p, m, 10, 10000, &count, NULL), QMQ_OK);
    size_t sum = count;
    while (sum < 2) {
        CU_ASSERT_EQUAL_FATAL(qmq_puller_pull(p, m + sum, 10, 10000, &count, NULL), QMQ_OK);
        sum += count;
    }
    CU_ASSERT_FATAL(fake_request_at(&f, REQUEST_PULL_MESSAGE, 0, &r));
    CU_ASSERT_FATAL(pull_request_read(view_make(r.body, r.size), r.version, &q));
    CU_ASSERT(!q.has_tag_filter);
    for (size_t i = 0; i < 2; i++) {
        CU_ASSERT_STRING_EQUAL(qmq_message_subject(m[i]), "s");
        qmq_message_ack(m[i], NULL);
    }
    qmq_puller_destroy(p, 5000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

/* What a pull brought beyond what was asked for is kept for the next call, without a request. */
static void puller_keeps_what_is_too_much(void) {
    fake_t f;
    qmq_message_t *m[30];
    size_t count = 0;
    char id[24];
    fake_start(&f, 1);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(id, sizeof id, "m%d", i);
        fake_put(&f, 0, "s", id, NULL);
    }
    qmq_client_t *c = fake_client(&f);
    qmq_puller_t *p = begin(c);
    for (size_t sum = 0; sum < 30; sum += count) {
        CU_ASSERT_EQUAL_FATAL(qmq_puller_pull(p, m + sum, 7 < 30 - sum ? 7 : 30 - sum, 10000, &count, NULL), QMQ_OK);
        CU_ASSERT(count > 0 && count <= 7);
        for (size_t i = sum; i < sum + count; i++) {
            (void)snprintf(id, sizeof id, "m%zu", i);
            CU_ASSERT_STRING_EQUAL(qmq_message_id(m[i]), id);
        }
    }
    for (size_t i = 0; i < 20; i++) qmq_message_ack(m[i], NULL);
    for (size_t i = 20; i < 30; i++) qmq_message_destroy(m[i]); /* given back: they come again */
    qmq_puller_destroy(p, 5000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void puller_failure_goes_to_retry(void) {
    fake_t f;
    qmq_message_t *m[1];
    size_t count = 0;
    fake_start(&f, 1);
    fake_put(&f, 0, "s", "m", NULL);
    qmq_client_t *c = fake_client(&f);
    qmq_puller_t *p = begin(c);
    CU_ASSERT_EQUAL_FATAL(qmq_puller_pull(p, m, 1, 10000, &count, NULL), QMQ_OK);
    CU_ASSERT_EQUAL_FATAL(count, 1);
    qmq_message_ack(m[0], "not today");
    CU_ASSERT(fake_wait_stored(&f, "%RETRY%s%g", 1));
    qmq_puller_destroy(p, 5000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

static void puller_without_a_group_says_why(void) {
    fake_t f;
    qmq_message_t *m[1];
    size_t count = 0;
    qmq_error_t *error = NULL;
    fake_start(&f, 0);
    qmq_client_t *c = fake_client(&f);
    qmq_puller_t *p = begin(c);
    CU_ASSERT_EQUAL(qmq_puller_pull(p, m, 1, 300, &count, &error), QMQ_NO_ROUTE);
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "subject s"));
    qmq_error_free(error);
    qmq_puller_destroy(p, 1000);
    qmq_client_destroy(c);
    fake_stop(&f);
}

const test_case_t puller_cases[] = {
    TEST(client_53_looking_and_waiting),
    TEST(client_54_retry_subject_first),
    TEST(client_54_every_call_begins_with_the_retry_subject),
    TEST(puller_keeps_what_is_too_much),
    TEST(puller_failure_goes_to_retry),
    TEST(puller_without_a_group_says_why),
    TEST_END,
};
