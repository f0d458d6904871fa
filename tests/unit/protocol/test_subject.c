#include "base/memory.h"
#include "protocol/subject.h"
#include "suites.h"
#include "wire.h"

static bool splits(view_t name, view_t real, view_t group) {
    view_t r;
    view_t g;
    subject_split(name, &r, &g);
    return view_equal(r, real) && view_equal(g, group);
}

/* Does not take apart: it is its own real subject. */
static bool stays(view_t name) {
    return splits(name, name, VIEW(""));
}

static void kinds_by_prefix(void) {
    CU_ASSERT_EQUAL(subject_kind(VIEW("order.changed")), SUBJECT_NORMAL);
    CU_ASSERT_EQUAL(subject_kind(VIEW("%RETRY%a%b")), SUBJECT_RETRY);
    CU_ASSERT_EQUAL(subject_kind(VIEW("%RETRYx")), SUBJECT_RETRY);
    CU_ASSERT_EQUAL(subject_kind(VIEW("%DEAD_RETRY%a%b")), SUBJECT_DEAD);
    CU_ASSERT_EQUAL(subject_kind(VIEW("%DEAD_RETRY")), SUBJECT_DEAD);
    CU_ASSERT_EQUAL(subject_kind(VIEW("%RETR")), SUBJECT_NORMAL);
    CU_ASSERT_EQUAL(subject_kind(VIEW("%retry%a%b")), SUBJECT_NORMAL);
    CU_ASSERT_EQUAL(subject_kind(VIEW("x%RETRY%a%b")), SUBJECT_NORMAL);
    CU_ASSERT_EQUAL(subject_kind(view_make(NULL, 0)), SUBJECT_NORMAL);
}

static void real_subjects(void) {
    CU_ASSERT_TRUE(splits(VIEW("%RETRY%a%b"), VIEW("a"), VIEW("b")));
    CU_ASSERT_TRUE(splits(VIEW("%DEAD_RETRY%order.changed%ticket"), VIEW("order.changed"), VIEW("ticket")));
    CU_ASSERT_TRUE(splits(VIEW("%RETRYx%a%b"), VIEW("a"), VIEW("b")));
    CU_ASSERT_TRUE(splits(VIEW("%RETRY%%a%%b%%"), VIEW("a"), VIEW("b")));
    CU_ASSERT_TRUE(splits(VIEW("%RETRY% a\t% \n b \xe3\x80\x80%"), VIEW("a"), VIEW("b")));
    CU_ASSERT_TRUE(splits(VIEW("%RETRY%\xc2\xa0 a%\xe2\x80\x87%b\xe2\x80\xaf"), VIEW("a"), VIEW("b")));
    CU_ASSERT_TRUE(stays(VIEW("%RETRY%a%b%c")));
    CU_ASSERT_TRUE(stays(VIEW("%RETRY%a")));
    CU_ASSERT_TRUE(stays(VIEW("%RETRY%a% ")));
    CU_ASSERT_TRUE(stays(VIEW("%RETRY")));
    CU_ASSERT_TRUE(stays(VIEW("a%b%c")));
    CU_ASSERT_TRUE(stays(VIEW("")));
    CU_ASSERT_TRUE(stays(view_make(NULL, 0)));
}

static void retry_names(void) {
    char to[64];
    size_t size = subject_retry_name(VIEW("order.changed"), VIEW("ticket"), to, sizeof to);
    CU_ASSERT_TRUE(view_equal(view_make(to, size), VIEW("%RETRY%order.changed%ticket")));
    CU_ASSERT_TRUE(splits(view_make(to, size), VIEW("order.changed"), VIEW("ticket")));
    size = subject_dead_name(VIEW("s"), VIEW("g"), to, sizeof to);
    CU_ASSERT_TRUE(view_equal(view_make(to, size), VIEW("%DEAD_RETRY%s%g")));

    memset(to, '#', sizeof to);
    CU_ASSERT_EQUAL(subject_retry_name(VIEW("s"), VIEW("g"), to, 10), 10);
    CU_ASSERT_EQUAL(to[10], '#');
    memset(to, '#', sizeof to);
    CU_ASSERT_EQUAL(subject_retry_name(VIEW("s"), VIEW("g"), to, 9), 10);
    CU_ASSERT_EQUAL(to[0], '#');
    CU_ASSERT_EQUAL(subject_retry_name(VIEW("s"), VIEW("g"), NULL, 0), 10);
}

/* UTF-8 of one character below U+10000. */
static size_t encode(unsigned character, char *to) {
    if (character < 0x80) {
        to[0] = (char)character;
        return 1;
    }
    if (character < 0x800) {
        to[0] = (char)(0xC0 | character >> 6);
        to[1] = (char)(0x80 | (character & 0x3F));
        return 2;
    }
    to[0] = (char)(0xE0 | character >> 12);
    to[1] = (char)(0x80 | (character >> 6 & 0x3F));
    to[2] = (char)(0x80 | (character & 0x3F));
    return 3;
}

/* wire-protocol.md 8.3 step 2. */
static bool is_illegal(unsigned c) {
    return c == '/' || (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0x1680 || (c >= 0x2000 && c <= 0x2006) ||
           (c >= 0x2008 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x205F || c == 0x3000;
}

static void wire_39_every_character(void) {
    unsigned wrong = 0;
    for (unsigned c = 0; c < 0x10000; c++) {
        char text[8] = "ab";
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        size_t size = 2 + encode(c, text + 2);
        text[size++] = 'c';
        if (subject_has_illegal_character(view_make(text, size)) != is_illegal(c)) wrong++;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_FALSE(subject_has_illegal_character(VIEW("\xf0\x9f\x98\x80")));
    CU_ASSERT_FALSE(subject_has_illegal_character(VIEW("\xe8\xae\xa2\xe5\x8d\x95")));
    CU_ASSERT_FALSE(subject_has_illegal_character(VIEW("\xe2\x80"))); /* cut in a character: read no further */
    CU_ASSERT_FALSE(subject_has_illegal_character(VIEW("\xc2")));
    CU_ASSERT_FALSE(subject_has_illegal_character(view_make(NULL, 0)));
    CU_ASSERT_TRUE(subject_has_illegal_character(VIEW("\xe2\x80\x82")));
}

static void names_that_can_be_directories(void) {
    char *p = memory_alloc(SUBJECT_MAX_BYTES + 1);
    memset(p, 'x', SUBJECT_MAX_BYTES + 1);
    CU_ASSERT_TRUE(subject_is_storable(view_make(p, SUBJECT_MAX_BYTES)));
    CU_ASSERT_FALSE(subject_is_storable(view_make(p, SUBJECT_MAX_BYTES + 1)));
    memory_free(p);
    CU_ASSERT_TRUE(subject_is_storable(VIEW("%RETRY%a%b")));
    CU_ASSERT_TRUE(subject_is_storable(VIEW("...")));
    CU_ASSERT_TRUE(subject_is_storable(VIEW(".a")));
    CU_ASSERT_FALSE(subject_is_storable(VIEW("")));
    CU_ASSERT_FALSE(subject_is_storable(VIEW(".")));
    CU_ASSERT_FALSE(subject_is_storable(VIEW("..")));
    CU_ASSERT_FALSE(subject_is_storable(VIEW("a\0b")));
    CU_ASSERT_FALSE(subject_is_storable(VIEW("a/b")));
    CU_ASSERT_FALSE(subject_is_storable(VIEW("a b")));
}

const test_case_t subject_cases[] = {TEST(kinds_by_prefix),
                                     TEST(real_subjects),
                                     TEST(retry_names),
                                     TEST(wire_39_every_character),
                                     TEST(names_that_can_be_directories),
                                     TEST_END};
