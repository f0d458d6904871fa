#include "process.h"
#include "suites.h"

#include <stdlib.h>
#include <string.h>

/* Runs it with these arguments to its end; standard error must have these parts. */
static void ends(const char *conf, const char *const *arguments, int code, int lines, const char *const *parts) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", conf);
    process_start(p, arguments);
    CU_ASSERT_EQUAL(process_end(p), code);
    char *errors = process_errors(p);
    if (lines >= 0) CU_ASSERT_EQUAL(count_lines(errors), lines);
    for (; *parts != NULL; parts++) CU_ASSERT(has(errors, *parts));
    free(errors);
    process_free(p);
}

static void help_lists_every_key(void) {
    process_t *p = process_create(DUMMY_SERVER, NULL, NULL);
    process_start_bare(p, ARGUMENTS("--help"));
    CU_ASSERT_EQUAL(process_end(p), 0);
    char *text = process_output(p);
    CU_ASSERT(has(text, "--set KEY=VALUE"));
    CU_ASSERT(has(text,
                  "dummy.properties\n  dummy.hot\n      A number that is shown as a port.\n      whole number from 0 to 1000, default 1, "
                  "acts without restart"));
    CU_ASSERT(has(text, "dummy.token\n      A secret.\n      text, no default\n"));
    CU_ASSERT(has(text, "  monitor.port\n"));
    CU_ASSERT(has(text, "  listen.address\n"));
    CU_ASSERT(has(text, "  host.stop.deadline.seconds\n"));
    free(text);
    process_free(p);
    p = process_create(DUMMY_COMPOSITE, NULL, NULL);
    process_start_bare(p, ARGUMENTS("--help"));
    CU_ASSERT_EQUAL(process_end(p), 0);
    text = process_output(p);
    CU_ASSERT(has(text, "composite.properties\n  composite.cold\n"));
    CU_ASSERT(has(text, "Of its part dummy:\n\ndummy.properties\n  dummy.hot\n"));
    free(text);
    process_free(p);
}

static void version_is_one_line(void) {
    process_t *p = process_create(DUMMY_SERVER, NULL, NULL);
    process_start_bare(p, ARGUMENTS("--version"));
    CU_ASSERT_EQUAL(process_end(p), 0);
    char *text = process_output(p);
    CU_ASSERT_STRING_EQUAL(text, "qmq-dummy " QMQ_VERSION "\n");
    free(text);
    process_free(p);
}

static void wrong_usage_is_named(void) {
    ends("", ARGUMENTS("--hom"), 2, 1, ARGUMENTS("qmq-dummy: unknown option --hom", "--home"));
    ends("", ARGUMENTS("--chek=1"), 2, 1, ARGUMENTS("unknown option --chek=1", "--check"));
    ends("", ARGUMENTS("--check=1"), 2, 1, ARGUMENTS("--check"));
    ends("", ARGUMENTS("--conf"), 2, 1, ARGUMENTS("a value is missing after --conf"));
    ends("", ARGUMENTS("--conf="), 2, 1, ARGUMENTS("--conf"));
    ends("", ARGUMENTS("--set", "dummy.hot"), 2, 1, ARGUMENTS("dummy.hot", "key=value"));
    ends("", ARGUMENTS("strat"), 2, 1, ARGUMENTS("unknown command strat"));
    process_t *p = process_create(DUMMY_SERVER, NULL, NULL);
    process_start_bare(p, ARGUMENTS("strat"));
    CU_ASSERT_EQUAL(process_end(p), 2);
    char *errors = process_errors(p);
    CU_ASSERT_STRING_EQUAL(errors, "qmq-dummy: unknown command strat. The nearest known one is start; --help shows all\n");
    free(errors);
    process_free(p);
}

static void a_malformed_property_names_file_and_line(void) {
    ends("# first\ndummy.hot=many\n", NO_ARGUMENTS, 1, 1, ARGUMENTS("qmq-dummy: ", "conf/dummy.properties:2", "dummy.hot=many", "1000"));
    ends("dummy.hot=1001\n", NO_ARGUMENTS, 1, 1, ARGUMENTS("conf/dummy.properties:1", "out of range"));
    ends("a=\\u12\n", NO_ARGUMENTS, 1, 1, ARGUMENTS("conf/dummy.properties", "1"));
    ends("", ARGUMENTS("--set", "dummy.hot=x"), 1, 1, ARGUMENTS("--set dummy.hot=x"));
    ends("", ARGUMENTS("--set=dummy.hod=1"), 1, 1, ARGUMENTS("dummy.hod", "dummy.hot"));
    ends("log.level=loud\n", NO_ARGUMENTS, 1, 1, ARGUMENTS("log.level=loud", "dummy.properties:1", "debug, info, warn or error"));
    ends("listen.address=localhost\n", NO_ARGUMENTS, 1, 1, ARGUMENTS("listen.address=localhost", "dummy.properties:1"));
    ends("", ARGUMENTS("--ip", "host:1"), 1, 1, ARGUMENTS("--ip host:1"));
}

static void a_missing_file_is_named(void) {
    ends(NULL, NO_ARGUMENTS, 1, 1, ARGUMENTS("conf/dummy.properties does not exist", "--conf"));
}

static void an_unknown_key_is_a_warning_with_the_nearest(void) {
    ends("dummy.hott=1\ndummy.start=fail\n", NO_ARGUMENTS, 1, -1, ARGUMENTS("WARN", "dummy.properties:1", "dummy.hott", "dummy.hot"));
}

static void check_reports_and_starts_nothing(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "dummy.hot=7\ndummy.token=hush\n");
    process_start(p, ARGUMENTS("--check", "--set", "dummy.cold=snow"));
    CU_ASSERT_EQUAL(process_end(p), 0);
    char *text = process_output(p);
    CU_ASSERT(has(text, "is good"));
    CU_ASSERT(has(text, process_home(p)));
    CU_ASSERT(has(text, "dummy.hot=7 ("));
    CU_ASSERT(has(text, "dummy.properties:1)"));
    CU_ASSERT(has(text, "dummy.cold=snow (--set)"));
    CU_ASSERT(has(text, "dummy.token=***"));
    CU_ASSERT(strstr(text, "hush") == NULL);
    free(text);
    CU_ASSERT_PTR_NULL(process_run_file(p));
    process_free(p);
    ends("dummy.hot=x\n", ARGUMENTS("--check"), 1, 1, ARGUMENTS("dummy.properties:1"));
    ends("monitor.type=carrier-pigeon\n", ARGUMENTS("--check"), 1, 1, ARGUMENTS("monitor.type=carrier-pigeon", "dummy.properties:1"));
}

const test_case_t arguments_cases[] = {
    TEST(help_lists_every_key),
    TEST(version_is_one_line),
    TEST(wrong_usage_is_named),
    TEST(a_malformed_property_names_file_and_line),
    TEST(a_missing_file_is_named),
    TEST(an_unknown_key_is_a_warning_with_the_nearest),
    TEST(check_reports_and_starts_nothing),
    TEST_END,
};
