#include "base/id.h"
#include "suites.h"

#include <stdlib.h>
#include <time.h>

static void id_md5(void) {
    char hex[33];
    id_md5_hex(view_of("abc"), hex);
    CU_ASSERT_STRING_EQUAL(hex, "900150983cd24fb0d6963f7d28e17f72");
    id_md5_hex(view_of(NULL), hex);
    CU_ASSERT_STRING_EQUAL(hex, "d41d8cd98f00b204e9800998ecf8427e");
}

static void id_time_stamp_is_local(void) {
    char text[16];
    struct tm local = {.tm_year = 126, .tm_mon = 0, .tm_mday = 9, .tm_hour = 7, .tm_min = 5, .tm_sec = 3, .tm_isdst = -1};
    time_t seconds = mktime(&local);
    id_time_stamp((int64_t)seconds * 1000 + 999, text);
    CU_ASSERT_STRING_EQUAL(text, "260109.070503");
}

static bool parses(const char *text, int64_t expected) {
    int64_t value = 0;
    return id_parse_i64(view_of(text), &value) && value == expected;
}

static bool parses_32(const char *text, int32_t expected) {
    int32_t value = 0;
    return id_parse_i32(view_of(text), &value) && value == expected;
}

static void id_parses_exactly_the_whole_text(void) {
    CU_ASSERT_TRUE(parses("0", 0));
    CU_ASSERT_TRUE(parses("-12", -12));
    CU_ASSERT_TRUE(parses("+12", 12));
    CU_ASSERT_TRUE(parses("000000000000000000000000012", 12));
    CU_ASSERT_TRUE(parses("9223372036854775807", INT64_MAX));
    CU_ASSERT_TRUE(parses("-9223372036854775808", INT64_MIN));
    static const char *const wrong[] = {
        "", "-", "+", " 1", "1 ", "1.0", "0x10", "--1", "9223372036854775808", "-9223372036854775809", "99999999999999999999", "\xd9\xa1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int64_t value = 77;
        CU_ASSERT_FALSE(id_parse_i64(view_of(wrong[i]), &value));
        CU_ASSERT_EQUAL(value, 77);
    }
}

static void id_parses_java_int(void) {
    int32_t value = 0;
    CU_ASSERT_TRUE(parses_32("2147483647", INT32_MAX));
    CU_ASSERT_TRUE(parses_32("-2147483648", INT32_MIN));
    CU_ASSERT_FALSE(id_parse_i32(view_of("2147483648"), &value));
    CU_ASSERT_FALSE(id_parse_i32(view_of("-2147483649"), &value));
    CU_ASSERT_FALSE(id_parse_i32(view_of("1L"), &value));
}

const test_case_t id_cases[] = {
    TEST(id_md5), TEST(id_time_stamp_is_local), TEST(id_parses_exactly_the_whole_text), TEST(id_parses_java_int), TEST_END,
};
