#include "base/cursor.h"
#include "base/memory.h"
#include "base/writer.h"
#include "suites.h"

static void writer_round_trip(void) {
    writer_t w;
    writer_init(&w, 0);
    writer_u8(&w, 200);
    writer_i8(&w, -3);
    writer_i16(&w, -300);
    writer_i32(&w, -70000);
    writer_u32(&w, 0xdeadbeef);
    writer_i64(&w, INT64_MIN);
    writer_bytes(&w, "raw", 3);
    writer_bytes(&w, NULL, 0);
    writer_str(&w, view_of("text"));
    writer_str(&w, view_of(NULL));
    writer_str_unsigned(&w, view_of("value"));
    CU_ASSERT_FALSE(w.failed);
    cursor_t c = cursor_of(writer_view(&w));
    CU_ASSERT_EQUAL(cursor_u8(&c), 200);
    CU_ASSERT_EQUAL(cursor_i8(&c), -3);
    CU_ASSERT_EQUAL(cursor_i16(&c), -300);
    CU_ASSERT_EQUAL(cursor_i32(&c), -70000);
    CU_ASSERT_EQUAL(cursor_u32(&c), 0xdeadbeef);
    CU_ASSERT_EQUAL(cursor_i64(&c), INT64_MIN);
    CU_ASSERT_TRUE(view_equal(cursor_take(&c, 3), view_of("raw")));
    CU_ASSERT_TRUE(view_equal(cursor_str(&c), view_of("text")));
    CU_ASSERT_EQUAL(cursor_str(&c).size, 0);
    CU_ASSERT_TRUE(view_equal(cursor_str_unsigned(&c), view_of("value")));
    CU_ASSERT_FALSE(c.failed);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    writer_free(&w);
}

static void wire_16_string_of_32768_bytes_is_refused(void) {
    char *text = memory_zalloc(WRITER_MAX_STR + 1);
    writer_t w;
    writer_init(&w, 0);
    writer_str(&w, view_make(text, WRITER_MAX_STR));
    CU_ASSERT_FALSE(w.failed);
    CU_ASSERT_EQUAL(writer_view(&w).size, 2 + WRITER_MAX_STR);
    writer_str(&w, view_make(text, WRITER_MAX_STR + 1));
    CU_ASSERT_TRUE(w.failed);
    CU_ASSERT_EQUAL(writer_view(&w).size, 0);
    writer_free(&w);
    memory_free(text);
}

static void writer_unsigned_string_limit(void) {
    char *text = memory_zalloc(UINT16_MAX + 1);
    writer_t w;
    writer_init(&w, 16);
    writer_str_unsigned(&w, view_make(text, UINT16_MAX));
    CU_ASSERT_FALSE(w.failed);
    writer_str_unsigned(&w, view_make(text, UINT16_MAX + 1));
    CU_ASSERT_TRUE(w.failed);
    writer_free(&w);
    memory_free(text);
}

static void writer_fixed_stops_at_its_end(void) {
    uint8_t memory[6] = {0};
    writer_t w;
    writer_init_fixed(&w, memory, sizeof memory);
    writer_i32(&w, 1);
    writer_i16(&w, 2);
    CU_ASSERT_FALSE(w.failed);
    writer_u8(&w, 3);
    CU_ASSERT_TRUE(w.failed);
    CU_ASSERT_EQUAL(memory[5], 2);
    size_t size = 1;
    CU_ASSERT_PTR_NULL(writer_take(&w, &size));
    CU_ASSERT_EQUAL(size, 0);

    /* nothing is written after a failure, even if it would fit */
    writer_init_fixed(&w, memory, sizeof memory);
    writer_i64(&w, -1);
    writer_u8(&w, 9);
    CU_ASSERT_TRUE(w.failed);
    CU_ASSERT_EQUAL(memory[0], 0);
    CU_ASSERT_PTR_NULL(writer_reserve(&w, 1));
    writer_free(&w);
}

static void writer_patches_what_was_written(void) {
    writer_t w;
    writer_init(&w, 0);
    writer_i32(&w, 0);
    writer_i64(&w, 0);
    writer_patch_i32(&w, 0, 0x01020304);
    writer_patch_i64(&w, 4, -5);
    cursor_t c = cursor_of(writer_view(&w));
    CU_ASSERT_EQUAL(cursor_i32(&c), 0x01020304);
    CU_ASSERT_EQUAL(cursor_i64(&c), -5);
    writer_patch_i64(&w, 5, 0);
    CU_ASSERT_TRUE(w.failed);
    writer_free(&w);
}

static void writer_hands_its_memory_over(void) {
    writer_t w;
    writer_init(&w, 1);
    for (int i = 0; i < 5000; i++) writer_i32(&w, i);
    size_t size = 0;
    uint8_t *data = writer_take(&w, &size);
    CU_ASSERT_EQUAL(size, 20000);
    cursor_t c = cursor_make(data, size);
    bool same = true;
    for (int i = 0; i < 5000; i++) same = same && cursor_i32(&c) == i;
    CU_ASSERT_TRUE(same);
    memory_free(data);
    CU_ASSERT_PTR_NULL(w.data);

    writer_init(&w, 0);
    data = writer_take(&w, &size);
    CU_ASSERT_PTR_NOT_NULL(data);
    CU_ASSERT_EQUAL(size, 0);
    memory_free(data);
}

static void writer_reserve_of_an_absurd_size_fails(void) {
    writer_t w;
    writer_init(&w, 8);
    writer_u8(&w, 1);
    CU_ASSERT_PTR_NULL(writer_reserve(&w, SIZE_MAX));
    CU_ASSERT_TRUE(w.failed);
    writer_free(&w);
}

const test_case_t writer_cases[] = {
    TEST(writer_round_trip),
    TEST(wire_16_string_of_32768_bytes_is_refused),
    TEST(writer_unsigned_string_limit),
    TEST(writer_fixed_stops_at_its_end),
    TEST(writer_patches_what_was_written),
    TEST(writer_hands_its_memory_over),
    TEST(writer_reserve_of_an_absurd_size_fails),
    TEST_END,
};
