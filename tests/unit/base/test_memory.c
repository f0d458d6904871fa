#include "base/block.h"
#include "base/memory.h"
#include "suites.h"

#include <string.h>

static void memory_copies(void) {
    char *a = memory_strndup("abcdef", 3);
    char *b = memory_dup("xyz", 4);
    char *c = memory_zalloc(16);
    CU_ASSERT_STRING_EQUAL(a, "abc");
    CU_ASSERT_STRING_EQUAL(b, "xyz");
    CU_ASSERT_EQUAL(c[15], 0);
    a = memory_realloc(a, 1000);
    CU_ASSERT_STRING_EQUAL(a, "abc");
    memory_free(a);
    memory_free(b);
    memory_free(c);
    memory_free(NULL);
}

static void memory_empty_sizes_are_pointers(void) {
    void *a = memory_alloc(0);
    void *b = memory_try(0);
    void *c = memory_dup(NULL, 0);
    CU_ASSERT_PTR_NOT_NULL(a);
    CU_ASSERT_PTR_NOT_NULL(b);
    CU_ASSERT_PTR_NOT_NULL(c);
    memory_free(a);
    memory_free(b);
    memory_free(c);
}

static void memory_printf_of_any_length(void) {
    char *s = memory_printf("%s-%d-%0500d", "a", 7, 1);
    CU_ASSERT_EQUAL(strlen(s), 504);
    CU_ASSERT_EQUAL(s[503], '1');
    CU_ASSERT_EQUAL(strncmp(s, "a-7-0", 5), 0);
    memory_free(s);
}

static void block_is_freed_with_the_last_reference(void) {
    block_t *b = block_create(100);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    CU_ASSERT_EQUAL(b->capacity, 100);
    memset(b->data, 1, 100);
    block_retain(b);
    CU_ASSERT_FALSE(shared_is_sole(&b->shared));
    block_release(b);
    CU_ASSERT_TRUE(shared_is_sole(&b->shared));
    CU_ASSERT_EQUAL(b->data[99], 1);
    block_release(b); /* the leak check of ASan tells whether it was freed */
    block_release(NULL);
    CU_ASSERT_PTR_NULL(block_create((size_t)-1));
}

const test_case_t memory_cases[] = {
    TEST(memory_copies),
    TEST(memory_empty_sizes_are_pointers),
    TEST(memory_printf_of_any_length),
    TEST(block_is_freed_with_the_last_reference),
    TEST_END,
};
