#include "suites.h"

#include "base/status.h"
#include "portability/file.h"
#include "portability/mapping.h"

#include <stdlib.h>
#include <string.h>

static file_t *open_new(char **path, const char *name, int flags) {
    file_t *f = NULL;
    *path = scratch_path(name);
    CU_ASSERT_EQUAL_FATAL(file_open(&f, *path, flags | IO_CREATE | IO_EXCLUSIVE), APR_SUCCESS);
    return f;
}

static void close_and_free(file_t *f, char *path) {
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    free(path);
}

static void expect_size(file_t *f, int64_t expected) {
    int64_t size = -1;
    CU_ASSERT_EQUAL(file_size(f, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(size, expected);
}

static void open_tells_why_not(void) {
    char *path = scratch_path("open"), *missing = scratch_path("no/such/file");
    file_t *f = NULL;
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(file_open(&f, path, IO_READ)));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(file_open(&f, missing, IO_WRITE | IO_CREATE)));
    CU_ASSERT_EQUAL(file_open(&f, path, IO_CREATE), APR_EINVAL);
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_READ | IO_WRITE | IO_CREATE | IO_EXCLUSIVE), APR_SUCCESS);
    file_t *second = NULL;
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(file_open(&second, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE)));
    CU_ASSERT_EQUAL(file_write_at(f, "abc", 3, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(file_open(&second, path, IO_WRITE | IO_CREATE | IO_TRUNCATE), APR_SUCCESS);
    expect_size(f, 0);
    CU_ASSERT_EQUAL(file_close(second), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(NULL), APR_SUCCESS);
    close_and_free(f, path);
    free(missing);
}

static void read_stops_at_the_end(void) {
    char *path, bytes[10] = "";
    size_t got = 99;
    file_t *f = open_new(&path, "read", IO_READ | IO_WRITE | IO_SPARSE);
    CU_ASSERT_EQUAL(file_write_at(f, "abcdef", 6, 100), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_read_at(f, bytes, 4, 101, &got), APR_SUCCESS);
    CU_ASSERT_EQUAL(got, 4);
    CU_ASSERT_NSTRING_EQUAL(bytes, "bcde", 4);
    CU_ASSERT_EQUAL(file_read_at(f, bytes, 10, 103, &got), APR_SUCCESS);
    CU_ASSERT_EQUAL(got, 3);
    CU_ASSERT_EQUAL(file_read_at(f, bytes, 10, 106, &got), APR_SUCCESS);
    CU_ASSERT_EQUAL(got, 0);
    CU_ASSERT_EQUAL(file_read_at(f, bytes, 1, 50, &got), APR_SUCCESS);
    CU_ASSERT_TRUE(got == 1 && bytes[0] == 0);
    close_and_free(f, path);
}

static void vectors_longer_than_the_systems_limit_are_written(void) {
    enum { COUNT = 3000 };
    static io_slice_t slices[COUNT];
    static unsigned char expected[COUNT * 8], bytes[COUNT * 8];
    size_t total = 0, got = 0;
    for (size_t i = 0; i < COUNT; i++) {
        size_t size = i % 8; /* every eighth is empty */
        slices[i] = (io_slice_t){expected + total, size};
        for (size_t k = 0; k < size; k++) expected[total++] = (unsigned char)(i + k);
    }
    char *path;
    file_t *f = open_new(&path, "vectors", IO_READ | IO_WRITE);
    CU_ASSERT_EQUAL(file_writev_at(f, slices, COUNT, 5), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_read_at(f, bytes, sizeof bytes, 5, &got), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(got, total);
    CU_ASSERT_EQUAL(memcmp(bytes, expected, total), 0);
    CU_ASSERT_EQUAL(file_writev_at(f, slices, 0, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_writev_at(f, slices, 1, 0), APR_SUCCESS);
    expect_size(f, (int64_t)total + 5);
    close_and_free(f, path);
}

static void write_without_permission_fails(void) {
    char *path;
    file_t *writer = open_new(&path, "read-only", IO_WRITE), *reader = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&reader, path, IO_READ), APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(file_write_at(reader, "x", 1, 0), APR_SUCCESS);
    expect_size(writer, 0);
    CU_ASSERT_EQUAL(file_close(reader), APR_SUCCESS);
    close_and_free(writer, path);
}

static void preallocation_extends_and_keeps(void) {
    char *path, bytes[4] = "";
    size_t got = 0;
    file_t *f = open_new(&path, "preallocate", IO_READ | IO_WRITE);
    CU_ASSERT_EQUAL(file_write_at(f, "abc", 3, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_preallocate(f, 0, 1 << 20), APR_SUCCESS);
    expect_size(f, 1 << 20);
    CU_ASSERT_EQUAL(file_preallocate(f, 0, 100), APR_SUCCESS);
    expect_size(f, 1 << 20);
    CU_ASSERT_EQUAL(file_read_at(f, bytes, 4, 0, &got), APR_SUCCESS);
    CU_ASSERT_EQUAL(got, 4);
    CU_ASSERT_EQUAL(memcmp(bytes, "abc", 4), 0);
    CU_ASSERT_EQUAL(file_truncate(f, 2), APR_SUCCESS);
    expect_size(f, 2);
    CU_ASSERT_EQUAL(file_data_sync(f), APR_SUCCESS);
    close_and_free(f, path);
}

static void lock_is_held_by_one_handle(void) {
    char *path;
    file_t *first = open_new(&path, "lock", IO_WRITE), *second = NULL;
    CU_ASSERT_EQUAL(file_lock(first), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(file_open(&second, path, IO_WRITE), APR_SUCCESS);
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(file_lock(second)));
    file_t *third = NULL; /* opening and closing another handle does not let go of it */
    CU_ASSERT_EQUAL_FATAL(file_open(&third, path, IO_READ), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(third), APR_SUCCESS);
    CU_ASSERT_TRUE(APR_STATUS_IS_EAGAIN(file_lock(second)));
    CU_ASSERT_EQUAL(file_close(first), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_lock(second), APR_SUCCESS);
    close_and_free(second, path);
}

static void whole_files_are_read_to_a_limit(void) {
    char *path = scratch_path("whole"), *text = NULL;
    size_t size = 0;
    scratch_write(path, "0123456789");
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, 10, &text, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(size, 10);
    CU_ASSERT_STRING_EQUAL(text, "0123456789");
    free(text);
    text = NULL;
    CU_ASSERT_EQUAL(file_read_all(path, 9, &text, &size), QMQ_E_TOO_LONG);
    CU_ASSERT_EQUAL(file_read_all(path, 0, &text, &size), QMQ_E_TOO_LONG);
    scratch_write(path, "");
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, 0, &text, &size), APR_SUCCESS);
    CU_ASSERT_TRUE(size == 0 && text[0] == 0);
    free(text);
    free(path);
    path = scratch_path("whole-missing");
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(file_read_all(path, 10, &text, &size)));
    free(path);
}

static void mapping_follows_the_file(void) {
    char *path;
    file_t *f = open_new(&path, "mapping", IO_READ | IO_WRITE | IO_SPARSE);
    size_t size = 1 << 20;
    CU_ASSERT_EQUAL(file_preallocate(f, 0, (int64_t)size), APR_SUCCESS);
    mapping_t *m = NULL;
    CU_ASSERT_EQUAL_FATAL(mapping_create(&m, f, size), APR_SUCCESS);
    CU_ASSERT_EQUAL(mapping_size(m), size);
    CU_ASSERT_EQUAL(mapping_data(m)[5000], 0);
    CU_ASSERT_EQUAL(file_write_at(f, "abc", 3, 5000), APR_SUCCESS);
    CU_ASSERT_EQUAL(memcmp(mapping_data(m) + 5000, "abc", 3), 0);
    file_t *other = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&other, path, IO_WRITE), APR_SUCCESS);
    close_and_free(f, path);
    CU_ASSERT_EQUAL(file_write_at(other, "x", 1, (int64_t)size - 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(mapping_data(m)[size - 1], 'x');
    CU_ASSERT_EQUAL(file_close(other), APR_SUCCESS);
    mapping_destroy(m);
    mapping_destroy(NULL);
}

static void empty_mapping_is_refused(void) {
    char *path;
    file_t *f = open_new(&path, "mapping-empty", IO_READ | IO_WRITE);
    mapping_t *m = NULL;
    CU_ASSERT_NOT_EQUAL(mapping_create(&m, f, 0), APR_SUCCESS);
    close_and_free(f, path);
}

const test_case_t file_cases[] = {
    TEST(open_tells_why_not),
    TEST(read_stops_at_the_end),
    TEST(vectors_longer_than_the_systems_limit_are_written),
    TEST(write_without_permission_fails),
    TEST(preallocation_extends_and_keeps),
    TEST(lock_is_held_by_one_handle),
    TEST(whole_files_are_read_to_a_limit),
    TEST(mapping_follows_the_file),
    TEST(empty_mapping_is_refused),
    TEST_END,
};
