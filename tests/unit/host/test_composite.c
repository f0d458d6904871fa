#include "process.h"
#include "suites.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *member(json_t *health, const char *part, const char *name) {
    const char *text = json_string_value(json_object_get(json_object_get(health, part), name));
    return text == NULL ? "" : text;
}

static void children_share_the_process(void) {
    process_t *p = process_create(DUMMY_COMPOSITE, "dummy.properties", "dummy.cold=file\ndummy.hot=6\n");
    process_start(p, NO_ARGUMENTS);
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    int status = 0;
    json_t *health = process_health(p, &status);
    CU_ASSERT_EQUAL(status, 200);
    CU_ASSERT_STRING_EQUAL(member(health, "first", "cold"), "given"); /* the parent's word wins over the file */
    CU_ASSERT_STRING_EQUAL(member(health, "second", "cold"), "file");
    CU_ASSERT_STRING_EQUAL(member(health, "first", "log"), "composite/dummy");
    CU_ASSERT_STRING_EQUAL(member(health, "first", "address"), "127.0.0.1");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(health, "first"), "hot")), 5);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(health, "second"), "hot")), 6);
    json_decref(health);
    CU_ASSERT(process_port(p, "dummy.hot") > 0);
    CU_ASSERT(process_port(p, "monitor.port") > 0);
    char *page = process_get(p, "/metrics", &status);
    CU_ASSERT(has(page, "dummySeven{server=\"dummy\",instance=\"composite/dummy\",} 7.0"));
    memory_free(page);
    process_conf(p, "dummy.properties", "dummy.cold=file\ndummy.hot=66\n");
    process_ask(p, PROCESS_RELOAD);
    CU_ASSERT(process_wait_port(p, "dummy.hot", 66)); /* the second dummy's; the first has its own */
    process_ask(p, PROCESS_STOP);
    CU_ASSERT_EQUAL(process_end(p), 0);
    process_free(p);
}

static void set_reaches_the_children(void) {
    process_t *p = process_create(DUMMY_COMPOSITE, NULL, NULL);
    process_start(p, ARGUMENTS("--set", "composite.cold=asked", "--set", "dummy.hot=9"));
    CU_ASSERT_FATAL(process_wait_state(p, "serving"));
    int status = 0;
    json_t *health = process_health(p, &status);
    CU_ASSERT_STRING_EQUAL(member(health, "first", "cold"), "asked");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(health, "first"), "hot")), 9); /* wins over the parent's */
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(json_object_get(health, "second"), "hot")), 9);
    json_decref(health);
    process_free(p);
    p = process_create(DUMMY_COMPOSITE, NULL, NULL);
    process_start(p, ARGUMENTS("--set", "dummy.hod=9"));
    CU_ASSERT_EQUAL(process_end(p), 1);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, "dummy.hod"));
    free(errors);
    process_free(p);
}

static void a_child_that_fails_ends_all(void) {
    process_t *p = process_create(DUMMY_COMPOSITE, NULL, NULL);
    process_start(p, ARGUMENTS("--set", "dummy.start=unreachable", "--set", "log.level=error"));
    CU_ASSERT_EQUAL(process_end(p), 3);
    char *errors = process_errors(p);
    CU_ASSERT_STRING_EQUAL(errors, "qmq-composite: dummy: the peer does not answer. Start the peer\n");
    free(errors);
    CU_ASSERT_PTR_NULL(process_run_file(p));
    process_start(p, ARGUMENTS("--set", "dummy.start=wait", "--set", "dummy.file=run")); /* a file that is there */
    CU_ASSERT(process_wait_state(p, "serving"));
    process_free(p);
}

static void check_reads_the_files_of_the_parts(void) {
    process_t *p = process_create(DUMMY_COMPOSITE, "dummy.properties", "dummy.hot=x\n");
    process_start(p, ARGUMENTS("--check"));
    CU_ASSERT_EQUAL(process_end(p), 1);
    char *errors = process_errors(p);
    CU_ASSERT(has(errors, "dummy.properties:1"));
    free(errors);
    process_free(p);
}

const test_case_t composite_cases[] = {
    TEST(children_share_the_process),
    TEST(set_reaches_the_children),
    TEST(a_child_that_fails_ends_all),
    TEST(check_reads_the_files_of_the_parts),
    TEST_END,
};
