#include "base/properties.h"
#include "base/status.h"
#include "portability/file.h"
#include "suites.h"

#include <stdio.h>
#include <string.h>

static properties_t *parse(const char *text) {
    qmq_error_t *e = NULL;
    properties_t *p = properties_parse("a.properties", text, strlen(text), &e);
    if (p == NULL) CU_FAIL(qmq_error_message(e));
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_PTR_NULL(e);
    return p;
}

static bool has(const properties_t *p, const char *key, const char *value) {
    const char *found = properties_get(p, key);
    if (found == NULL || value == NULL) return found == value;
    return strcmp(found, value) == 0;
}

static void properties_separators_and_comments(void) {
    properties_t *p = parse("# comment = 1\n"
                            "! comment = 2 \\\n"
                            "a=1\n"
                            "  b : 2\n"
                            "c 3\n"
                            "\t d \t = \t 4 = 5 \t \n"
                            "\n"
                            "   \n"
                            "e\n"
                            "f==6\n"
                            "http://x=y\n"
                            "last = no line end");
    CU_ASSERT_TRUE(has(p, "a", "1"));
    CU_ASSERT_TRUE(has(p, "b", "2"));
    CU_ASSERT_TRUE(has(p, "c", "3"));
    CU_ASSERT_TRUE(has(p, "d", "4 = 5"));
    CU_ASSERT_TRUE(has(p, "e", NULL));
    CU_ASSERT_TRUE(has(p, "f", "=6"));
    CU_ASSERT_TRUE(has(p, "http", "//x=y"));
    CU_ASSERT_TRUE(has(p, "last", "no line end"));
    CU_ASSERT_TRUE(has(p, "comment", NULL));
    CU_ASSERT_EQUAL(properties_line(p, "a"), 3);
    CU_ASSERT_EQUAL(properties_line(p, "e"), 9);
    CU_ASSERT_EQUAL(properties_line(p, "nowhere"), 0);
    properties_free(p);
}

static void properties_escapes(void) {
    properties_t *p = parse("a\\ b\\=c\\:d = x\n"
                            "t = 1\\t2\\n3\\r4\\f5\\\\6\\q7\n"
                            "u = \\u4e2d\\u00e9\\u0041\n"
                            "pair = \\ud83d\\ude00\n"
                            "half = \\ud83d!\n"
                            "trimmed = \\ \\t x \\t\\ \n"
                            "blank = \\ \n"
                            "hash = a#b!c\n");
    CU_ASSERT_TRUE(has(p, "a b=c:d", "x"));
    CU_ASSERT_TRUE(has(p, "t", "1\t2\n3\r4\f5\\6q7"));
    CU_ASSERT_TRUE(has(p, "u",
                       "\xe4\xb8\xad\xc3\xa9"
                       "A"));
    CU_ASSERT_TRUE(has(p, "pair", "\xf0\x9f\x98\x80"));
    CU_ASSERT_TRUE(has(p, "half", "\xef\xbf\xbd!"));
    CU_ASSERT_TRUE(has(p, "trimmed", "x"));
    CU_ASSERT_TRUE(has(p, "blank", NULL));
    CU_ASSERT_TRUE(has(p, "hash", "a#b!c"));
    properties_free(p);
}

static void properties_continuation(void) {
    properties_t *p = parse("list = a,\\\n"
                            "   b,\\\r\n"
                            "\t# no comment,\\\n"
                            "c\n"
                            "ke\\\n"
                            "  y = v\n"
                            "gap \\\n"
                            " = w\n"
                            "even = x\\\\\n"
                            "odd = y\\\\\\\n"
                            "z\n"
                            "end = q\\");
    CU_ASSERT_TRUE(has(p, "list", "a,b,# no comment,c"));
    CU_ASSERT_TRUE(has(p, "key", "v"));
    CU_ASSERT_TRUE(has(p, "gap", "w"));
    CU_ASSERT_TRUE(has(p, "even", "x\\"));
    CU_ASSERT_TRUE(has(p, "odd", "y\\z"));
    CU_ASSERT_TRUE(has(p, "end", "q"));
    CU_ASSERT_EQUAL(properties_line(p, "list"), 1);
    CU_ASSERT_EQUAL(properties_line(p, "key"), 5);
    CU_ASSERT_EQUAL(properties_line(p, "end"), 12);
    properties_free(p);
}

static void properties_line_ends(void) {
    properties_t *p = parse("a=1\r\nb=2\rc=3\n\r\nd=4");
    CU_ASSERT_TRUE(has(p, "a", "1"));
    CU_ASSERT_TRUE(has(p, "b", "2"));
    CU_ASSERT_TRUE(has(p, "c", "3"));
    CU_ASSERT_TRUE(has(p, "d", "4"));
    CU_ASSERT_EQUAL(properties_line(p, "b"), 2);
    CU_ASSERT_EQUAL(properties_line(p, "d"), 5);
    properties_free(p);
}

static void properties_last_duplicate_wins(void) {
    properties_t *p = parse("a=1\nb=2\na=3\n");
    const char *key = NULL;
    const char *value = NULL;
    CU_ASSERT_TRUE(has(p, "a", "3"));
    CU_ASSERT_EQUAL(properties_line(p, "a"), 3);
    CU_ASSERT_TRUE(properties_at(p, 0, &key, &value));
    CU_ASSERT_STRING_EQUAL(key, "a");
    CU_ASSERT_STRING_EQUAL(value, "3");
    CU_ASSERT_TRUE(properties_at(p, 1, &key, &value));
    CU_ASSERT_STRING_EQUAL(key, "b");
    CU_ASSERT_FALSE(properties_at(p, 2, &key, &value));
    properties_free(p);
}

static void properties_keys_without_value_are_walked(void) {
    properties_t *p = parse("token1=\n=x\ntoken2");
    const char *key = NULL;
    const char *value = NULL;
    CU_ASSERT_TRUE(properties_at(p, 0, &key, &value));
    CU_ASSERT_STRING_EQUAL(key, "token1");
    CU_ASSERT_STRING_EQUAL(value, "");
    CU_ASSERT_TRUE(properties_at(p, 1, &key, &value));
    CU_ASSERT_STRING_EQUAL(key, "");
    CU_ASSERT_STRING_EQUAL(value, "x");
    CU_ASSERT_TRUE(properties_at(p, 2, &key, &value));
    CU_ASSERT_STRING_EQUAL(key, "token2");
    properties_free(p);
}

static void properties_byte_order_mark_is_skipped(void) {
    properties_t *p = parse("\xef\xbb\xbf"
                            "a=\xe4\xb8\xad");
    CU_ASSERT_TRUE(has(p, "a", "\xe4\xb8\xad"));
    properties_free(p);
    p = parse("");
    const char *key = NULL;
    const char *value = NULL;
    CU_ASSERT_FALSE(properties_at(p, 0, &key, &value));
    properties_free(p);
}

static void refused(const char *text, size_t size, const char *message) {
    qmq_error_t *e = NULL;
    CU_ASSERT_PTR_NULL(properties_parse("a.properties", text, size, &e));
    CU_ASSERT_EQUAL(qmq_error_status(e), QMQ_E_MALFORMED);
    CU_ASSERT_STRING_EQUAL(qmq_error_message(e), message);
    CU_ASSERT_STRING_NOT_EQUAL(qmq_error_remedy(e), "");
    qmq_error_free(e);
}

static void properties_utf16_is_refused(void) {
    refused("\xff\xfe"
            "a\0=\0",
            6, "a.properties:1: the file is UTF-16 text");
    refused("\xfe\xff\0a", 4, "a.properties:1: the file is UTF-16 text");
    refused("a=1\nb\0", 6, "a.properties:2: there is a zero byte: the file is UTF-16 or no text");
}

static void properties_malformed_unicode_names_its_line(void) {
    static const char *const wrong[] = {"a=1\nb=\\u12", "a=1\nb=\\u12g4", "a=1\nb\\u=1", "a=1\nb=C:\\users\\x", "a=1\nb=\\u0000"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        refused(wrong[i], strlen(wrong[i]), "a.properties:2: malformed \\uXXXX escape");
    }
    static const char late[] = "# \\uzzzz in a comment is none\n\na=1,\\\n 2,\\\n \\uXXXX";
    refused(late, sizeof late - 1, "a.properties:5: malformed \\uXXXX escape");
}

static void properties_raw_keeps_the_escapes(void) {
    properties_t *p = parse("path = D:\\data\\\\x \nc = a\\\n  b\n");
    CU_ASSERT_STRING_EQUAL(properties_raw(p, "path"), "D:\\data\\\\x");
    CU_ASSERT_TRUE(has(p, "path", "D:data\\x"));
    CU_ASSERT_STRING_EQUAL(properties_raw(p, "c"), "a\\\nb");
    CU_ASSERT_PTR_NULL(properties_raw(p, "nowhere"));
    properties_free(p);
}

static void properties_file(void) {
    char path[1000];
    (void)snprintf(path, sizeof path, "%s/some.properties", test_directory());
    qmq_error_t *e = NULL;
    CU_ASSERT_PTR_NULL(properties_read(path, &e));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(qmq_error_status(e)));
    CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(e), path));
    CU_ASSERT_STRING_NOT_EQUAL(qmq_error_remedy(e), "");
    qmq_error_free(e);

    e = NULL;
    CU_ASSERT_EQUAL_FATAL(file_replace(path, "a = 1\n", 6), APR_SUCCESS);
    properties_t *p = properties_read(path, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_TRUE(has(p, "a", "1"));
    properties_free(p);
}

static void properties_many_keys(void) {
    enum { KEYS = 5000 };
    char *text = memory_zalloc(KEYS * 32);
    size_t size = 0;
    for (int i = 0; i < KEYS; i++) size += (size_t)sprintf(text + size, "key.%d=%d\n", i, i);
    qmq_error_t *e = NULL;
    properties_t *p = properties_parse("many", text, size, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_TRUE(has(p, "key.0", "0"));
    CU_ASSERT_TRUE(has(p, "key.4999", "4999"));
    properties_free(p);
    memory_free(text);
}

const test_case_t properties_cases[] = {
    TEST(properties_separators_and_comments),
    TEST(properties_escapes),
    TEST(properties_continuation),
    TEST(properties_line_ends),
    TEST(properties_last_duplicate_wins),
    TEST(properties_keys_without_value_are_walked),
    TEST(properties_byte_order_mark_is_skipped),
    TEST(properties_utf16_is_refused),
    TEST(properties_malformed_unicode_names_its_line),
    TEST(properties_raw_keeps_the_escapes),
    TEST(properties_file),
    TEST(properties_many_keys),
    TEST_END,
};
