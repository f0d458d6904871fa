#include "base/crc32.h"
#include "base/cursor.h"
#include "base/memory.h"
#include "base/writer.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>

static void view_compares(void) {
    CU_ASSERT_TRUE(view_equal(view_of("ab"), view_make("abc", 2)));
    CU_ASSERT_FALSE(view_equal(view_of("ab"), view_of("ac")));
    CU_ASSERT_TRUE(view_equal(view_of(NULL), view_of("")));
    CU_ASSERT_TRUE(view_starts(view_of("%RETRY%a"), view_of("%RETRY%")));
    CU_ASSERT_FALSE(view_starts(view_of("%RET"), view_of("%RETRY%")));
    CU_ASSERT_TRUE(view_has(view_of("a/b"), '/'));
    CU_ASSERT_FALSE(view_has(view_of(NULL), '/'));
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void view_hash_depends_on_every_byte_and_the_length(void) {
    char text[80];
    uint64_t hashes[81 + 80 * 8];
    size_t n = 0;
    memset(text, 0, sizeof text);
    for (size_t size = 0; size <= sizeof text; size++) hashes[n++] = view_hash(view_make(text, size));
    for (size_t size = 1; size <= sizeof text; size++) {
        for (int bit = 0; bit < 8; bit++) {
            size_t at = (size * 7 + (size_t)bit) % size;
            text[at] = (char)(1 << bit);
            hashes[n++] = view_hash(view_make(text, size));
            text[at] = 0;
        }
    }
    qsort(hashes, n, sizeof *hashes, by_value);
    size_t equal = 0;
    for (size_t i = 1; i < n; i++) equal += hashes[i] == hashes[i - 1];
    CU_ASSERT_EQUAL(equal, 0);
}

static void view_hash_spreads_names_that_differ_by_a_number(void) {
    enum { KEYS = 65536, BUCKETS = 4096 };
    static int low[BUCKETS];
    static int high[BUCKETS];
    for (int i = 0; i < KEYS; i++) {
        char key[40];
        int size = snprintf(key, sizeof key, "order.changed.%d", i);
        uint64_t hash = view_hash(view_make(key, (size_t)size));
        low[hash % BUCKETS]++;
        high[hash >> 52]++;
    }
    double chi_low = 0;
    double chi_high = 0;
    for (int i = 0; i < BUCKETS; i++) {
        double expected = (double)KEYS / BUCKETS;
        chi_low += (low[i] - expected) * (low[i] - expected) / expected;
        chi_high += (high[i] - expected) * (high[i] - expected) / expected;
    }
    /* 4095 degrees of freedom: mean 4095, deviation 90; five deviations either way */
    CU_ASSERT_TRUE(chi_low > 3600 && chi_low < 4600);
    CU_ASSERT_TRUE(chi_high > 3600 && chi_high < 4600);
}

static void wire_15_crc_check_value(void) {
    CU_ASSERT_EQUAL(crc32_of("123456789", 9), 0xCBF43926u);
    CU_ASSERT_EQUAL(crc32_update(crc32_of("1234", 4), "56789", 5), 0xCBF43926u);
    CU_ASSERT_EQUAL(crc32_of(NULL, 0), 0);
    CU_ASSERT_EQUAL(crc32_update(0x12345678, NULL, 0), 0x12345678);
    /* the 8-byte field of a message */
    writer_t w;
    writer_init(&w, 8);
    writer_i64(&w, (int64_t)crc32_of("123456789", 9));
    cursor_t c = cursor_of(writer_view(&w));
    CU_ASSERT_EQUAL(cursor_u32(&c), 0);
    CU_ASSERT_EQUAL(cursor_u32(&c), 0xCBF43926u);
    writer_free(&w);
}

static void cursor_reads_big_endian(void) {
    static const uint8_t bytes[] = {0xfe, 0x80, 0x01, 0xff, 0xfe, 0x01, 0x02, 0x03, 0x04, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0xfe, 0x00, 0x02, 'h',  'i',  0x80, 0x00};
    cursor_t c = cursor_make(bytes, sizeof bytes);
    CU_ASSERT_EQUAL(cursor_i8(&c), -2);
    CU_ASSERT_EQUAL(cursor_u16(&c), 0x8001);
    CU_ASSERT_EQUAL(cursor_i16(&c), -2);
    CU_ASSERT_EQUAL(cursor_i32(&c), 0x01020304);
    CU_ASSERT_EQUAL(cursor_i64(&c), -2);
    CU_ASSERT_TRUE(view_equal(cursor_str(&c), view_of("hi")));
    CU_ASSERT_EQUAL(cursor_left(&c), 2);
    CU_ASSERT_EQUAL(cursor_rest(&c).size, 2);
    CU_ASSERT_FALSE(c.failed);
}

static void cursor_fails_for_good_at_the_end(void) {
    static const uint8_t bytes[] = {1, 2, 3};
    cursor_t c = cursor_make(bytes, sizeof bytes);
    CU_ASSERT_EQUAL(cursor_u8(&c), 1);
    CU_ASSERT_EQUAL(cursor_u32(&c), 0);
    CU_ASSERT_TRUE(c.failed);
    CU_ASSERT_EQUAL(cursor_u8(&c), 0); /* there was a byte, but it is too late */
    CU_ASSERT_EQUAL(cursor_take(&c, 1).size, 0);
    CU_ASSERT_EQUAL(cursor_rest(&c).size, 0);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);

    c = cursor_make(NULL, 0);
    CU_ASSERT_EQUAL(cursor_take(&c, 0).size, 0);
    CU_ASSERT_FALSE(c.failed);
    cursor_skip(&c, 1);
    CU_ASSERT_TRUE(c.failed);

    c = cursor_make(bytes, sizeof bytes);
    CU_ASSERT_EQUAL(cursor_take(&c, SIZE_MAX).size, 0);
    CU_ASSERT_TRUE(c.failed);
}

static void cursor_string_lengths(void) {
    static const uint8_t negative[] = {0xff, 0xff, 'a'};
    cursor_t c = cursor_make(negative, sizeof negative);
    CU_ASSERT_EQUAL(cursor_str(&c).size, 0);
    CU_ASSERT_TRUE(c.failed);

    static const uint8_t cut[] = {0x00, 0x05, 'a', 'b'};
    c = cursor_make(cut, sizeof cut);
    CU_ASSERT_EQUAL(cursor_str(&c).size, 0);
    CU_ASSERT_TRUE(c.failed);

    uint8_t *big = memory_zalloc(2 + 0x9000);
    put_u16(big, 0x9000);
    c = cursor_make(big, 2 + 0x9000);
    CU_ASSERT_EQUAL(cursor_str_unsigned(&c).size, 0x9000);
    CU_ASSERT_FALSE(c.failed);
    memory_free(big);
}

const test_case_t view_cases[] = {
    TEST(view_compares),
    TEST(view_hash_depends_on_every_byte_and_the_length),
    TEST(view_hash_spreads_names_that_differ_by_a_number),
    TEST(wire_15_crc_check_value),
    TEST(cursor_reads_big_endian),
    TEST(cursor_fails_for_good_at_the_end),
    TEST(cursor_string_lengths),
    TEST_END,
};
