#include "suites.h"

#include "base/memory.h"
#include "http/form.h"

#include <string.h>

#define MARK "\xEF\xBF\xBD"

static char collected[1024];

static void collect(void *arg, char *name, char *value) {
    (void)arg;
    strcat(collected, "[");
    strcat(collected, name);
    strcat(collected, "|");
    strcat(collected, value);
    strcat(collected, "]");
    memory_free(name);
    memory_free(value);
}

static const char *parse(const char *body) {
    collected[0] = 0;
    form_parse(view_of(body), collect, NULL);
    return collected;
}

static void fields_are_split_and_decoded(void) {
    CU_ASSERT_STRING_EQUAL(parse("a=1&b=x+y%26z&c=%e4%b8%bb"), "[a|1][b|x y&z][c|\xe4\xb8\xbb]");
    CU_ASSERT_STRING_EQUAL(parse("a=b=c&d"), "[a|b=c][d|]");
    CU_ASSERT_STRING_EQUAL(parse("&&a=&=v&"), "[a|][|v]");
    CU_ASSERT_STRING_EQUAL(parse(""), "");
}

static void a_percent_that_is_no_escape_stays(void) {
    CU_ASSERT_STRING_EQUAL(parse("a=100%&b=%zz&c=%4"), "[a|100%][b|%zz][c|%4]");
}

static void what_is_not_utf8_becomes_a_replacement_character(void) {
    CU_ASSERT_STRING_EQUAL(parse("a=%ff"), "[a|" MARK "]");
    CU_ASSERT_STRING_EQUAL(parse("a=x%00y"), "[a|x" MARK "y]");
    CU_ASSERT_STRING_EQUAL(parse("a=%e4%b8"), "[a|" MARK MARK "]");
    CU_ASSERT_STRING_EQUAL(parse("a=%c0%af"), "[a|" MARK MARK "]");
    CU_ASSERT_STRING_EQUAL(parse("a=%ed%a0%80"), "[a|" MARK MARK MARK "]");
    CU_ASSERT_STRING_EQUAL(parse("a=%f4%90%80%80"), "[a|" MARK MARK MARK MARK "]");
    CU_ASSERT_STRING_EQUAL(parse("a=%f0%9f%98%80"), "[a|\xf0\x9f\x98\x80]");
}

const test_case_t form_cases[] = {
    TEST(fields_are_split_and_decoded),
    TEST(a_percent_that_is_no_escape_stays),
    TEST(what_is_not_utf8_becomes_a_replacement_character),
    TEST_END,
};
