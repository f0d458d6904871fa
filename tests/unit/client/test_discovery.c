#include "base/memory.h"
#include "client/discovery.h"
#include "suites.h"

static void client_06_answer_of_the_address(void) {
    static const char *const good[][2] = {
        {"10.2.3.5:20880", "10.2.3.5:20880"}, {"  h:1\r\n", "h:1"}, {"h:0", "h:0"}, {"h:65535\n", "h:65535"}};
    static const char *const bad[] = {"", "\n", "h", "h:", ":1", "h:65536", "h:-1", "h:x", "<html>", "h:1x"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char *address = discovery_read_answer(good[i][0]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(address);
        CU_ASSERT_STRING_EQUAL(address, good[i][1]);
        memory_free(address);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CU_ASSERT_PTR_NULL(discovery_read_answer(bad[i]));
}

static void discovery_urls(void) {
    static const char *const cases[][2] = {{"h:8080", "http://h:8080/meta/address"},
                                           {"h", "http://h/meta/address"},
                                           {"http://h:8080/meta/address", "http://h:8080/meta/address"},
                                           {"h:8080/other", "http://h:8080/other"}};
    bool implied;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *url = discovery_url(cases[i][0], &implied);
        CU_ASSERT_STRING_EQUAL(url, cases[i][1]);
        CU_ASSERT_EQUAL(implied, i == 1);
        memory_free(url);
    }
}

const test_case_t discovery_cases[] = {TEST(client_06_answer_of_the_address), TEST(discovery_urls), TEST_END};
