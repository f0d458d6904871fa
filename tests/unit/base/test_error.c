#include "base/error.h"
#include "base/status.h"
#include "suites.h"

#include <string.h>

static void error_carries_status_message_and_remedy(void) {
    qmq_error_t *e = error_create(QMQ_E_LOCKED, "Stop process 7 first", "the data directory %s is locked", "/data");
    CU_ASSERT_EQUAL(qmq_error_status(e), QMQ_E_LOCKED);
    CU_ASSERT_STRING_EQUAL(qmq_error_message(e), "the data directory /data is locked");
    CU_ASSERT_STRING_EQUAL(qmq_error_remedy(e), "Stop process 7 first");
    e = error_wrap(e, "cannot start %s", "broker");
    CU_ASSERT_EQUAL(qmq_error_status(e), QMQ_E_LOCKED);
    error_set_remedy(e, "stop process %d first", 8);
    char *line = error_line(e);
    CU_ASSERT_STRING_EQUAL(line, "cannot start broker: the data directory /data is locked. stop process 8 first");
    memory_free(line);
    qmq_error_free(e);
}

static void error_without_remedy(void) {
    qmq_error_t *e = error_create(APR_EINVAL, NULL, "bad");
    char *line = error_line(e);
    CU_ASSERT_STRING_EQUAL(line, "bad");
    CU_ASSERT_STRING_EQUAL(qmq_error_remedy(e), "");
    memory_free(line);
    qmq_error_free(e);
}

static void error_null_is_no_error(void) {
    CU_ASSERT_EQUAL(qmq_error_status(NULL), 0);
    CU_ASSERT_STRING_EQUAL(qmq_error_message(NULL), "");
    CU_ASSERT_STRING_EQUAL(qmq_error_remedy(NULL), "");
    qmq_error_free(NULL);
    char *line = error_line(NULL);
    CU_ASSERT_STRING_EQUAL(line, "");
    memory_free(line);
}

static void status_texts(void) {
    char text[100];
    char other[100];
    for (apr_status_t s = QMQ_E_MALFORMED; s <= QMQ_E_LIMIT; s++) {
        CU_ASSERT_PTR_EQUAL(status_text(s, text, sizeof text), text);
        CU_ASSERT_NOT_EQUAL(strlen(text), 0);
        CU_ASSERT_STRING_NOT_EQUAL(text, apr_strerror(s, other, sizeof other));
    }
    CU_ASSERT_STRING_EQUAL(status_text(APR_ENOENT, text, sizeof text), apr_strerror(APR_ENOENT, other, sizeof other));
    CU_ASSERT_STRING_EQUAL(status_text(QMQ_E_READONLY, text, 10), "no writes");
}

const test_case_t error_cases[] = {
    TEST(error_carries_status_message_and_remedy), TEST(error_without_remedy), TEST(error_null_is_no_error), TEST(status_texts), TEST_END,
};
