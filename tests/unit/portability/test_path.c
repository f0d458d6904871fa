#include "suites.h"

#include "portability/clock.h"
#include "portability/file.h"
#include "portability/thread.h"

#include <stdlib.h>
#include <string.h>

static path_info_t inspect(const char *path) {
    path_info_t info;
    CU_ASSERT_EQUAL(path_inspect(path, &info), APR_SUCCESS);
    return info;
}

static void inspection_tells_kind_and_size(void) {
    char *path = scratch_path("inspect"), *below = scratch_path("inspect/below");
    CU_ASSERT_EQUAL(inspect(path).kind, PATH_MISSING);
    CU_ASSERT_EQUAL(inspect(test_directory()).kind, PATH_DIRECTORY);
    scratch_write(path, "12345");
    path_info_t info = inspect(path);
    CU_ASSERT_EQUAL(info.kind, PATH_FILE);
    CU_ASSERT_EQUAL(info.size, 5);
    int64_t age = clock_wall_ms() - info.modified_ms;
    CU_ASSERT_TRUE(age > -1000 && age < 60000);
    CU_ASSERT_EQUAL(inspect(below).kind, PATH_MISSING);
    free(below);
    free(path);
}

static apr_status_t count_entry(void *arg, const char *name) {
    int *count = arg;
    if (strcmp(name, "stop") == 0) return APR_EOF;
    (*count)++;
    return APR_SUCCESS;
}

static void directories_are_made_and_listed(void) {
    char *deep = scratch_path("d1/d2//d3/"), *top = scratch_path("d1"), *file = scratch_path("d1/file"), *stop = scratch_path("d1/d2/stop");
    int count = 0;
    CU_ASSERT_EQUAL(directory_create(deep), APR_SUCCESS);
    CU_ASSERT_EQUAL(directory_create(deep), APR_SUCCESS);
    scratch_write(file, "");
    CU_ASSERT_EQUAL(directory_list(top, count_entry, &count), APR_SUCCESS);
    CU_ASSERT_EQUAL(count, 2);
    CU_ASSERT_EQUAL(directory_sync(top), APR_SUCCESS);
    CU_ASSERT_NOT_EQUAL(directory_create(file), APR_SUCCESS);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(directory_list(stop, count_entry, &count)));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(directory_sync(stop)));
    scratch_write(stop, "");
    char *middle = scratch_path("d1/d2");
    CU_ASSERT_EQUAL(directory_list(middle, count_entry, &count), APR_EOF);
    free(middle);
    free(deep), free(top), free(file), free(stop);
}

static void names_are_moved_and_removed(void) {
    char *a = scratch_path("move-a"), *b = scratch_path("move-b"), *directory = scratch_path("move-d"), *inner = scratch_path("move-d/x");
    scratch_write(a, "aaa");
    scratch_write(b, "b");
    CU_ASSERT_EQUAL(path_rename(a, b), APR_SUCCESS);
    CU_ASSERT_EQUAL(inspect(a).kind, PATH_MISSING);
    CU_ASSERT_EQUAL(inspect(b).size, 3);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(path_rename(a, b)));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(path_remove(a)));
    CU_ASSERT_EQUAL(directory_create(directory), APR_SUCCESS);
    scratch_write(inner, "");
    CU_ASSERT_NOT_EQUAL(path_remove(directory), APR_SUCCESS);
    CU_ASSERT_EQUAL(path_remove(inner), APR_SUCCESS);
    CU_ASSERT_EQUAL(path_remove(directory), APR_SUCCESS);
    CU_ASSERT_EQUAL(inspect(directory).kind, PATH_MISSING);
    free(a), free(b), free(directory), free(inner);
}

static void expect_text(const char *path, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, 1000, &text, &size), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

static apr_status_t find_temporary(void *arg, const char *name) {
    (void)arg;
    return strstr(name, ".tmp") == NULL ? APR_SUCCESS : APR_EGENERAL;
}

static void replacement_leaves_no_litter(void) {
    char *path = scratch_path("replace"), *nowhere = scratch_path("no/such/replace");
    CU_ASSERT_EQUAL(file_replace(path, "first", 5), APR_SUCCESS);
    expect_text(path, "first");
    CU_ASSERT_EQUAL(file_replace(path, "2nd", 3), APR_SUCCESS);
    expect_text(path, "2nd");
    CU_ASSERT_EQUAL(file_replace(path, "", 0), APR_SUCCESS);
    expect_text(path, "");
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(file_replace(nowhere, "x", 1)));
    CU_ASSERT_EQUAL(directory_list(test_directory(), find_temporary, NULL), APR_SUCCESS);
    free(path), free(nowhere);
}

#define REPLACED_SIZE 60000

typedef struct replacer {
    const char *path;
    char letter;
    apr_status_t status;
} replacer_t;

static void replace_often(void *arg) {
    replacer_t *r = arg;
    char *text = malloc(REPLACED_SIZE);
    if (text == NULL) abort();
    memset(text, r->letter, REPLACED_SIZE);
    for (int i = 0; i < 50 && r->status == APR_SUCCESS; i++) r->status = file_replace(r->path, text, REPLACED_SIZE);
    free(text);
}

static bool is_one_letter(const char *text, size_t size) {
    for (size_t i = 1; i < size; i++) {
        if (text[i] != text[0]) return false;
    }
    return size == REPLACED_SIZE;
}

/* Two writers of one path and a reader: the reader sees one or the other, whole. */
static void replacement_is_atomic(void) {
    char *path = scratch_path("atomic");
    replacer_t a = {path, 'a', APR_SUCCESS}, b = {path, 'b', APR_SUCCESS};
    replace_often(&a);
    thread_t *threads[2];
    CU_ASSERT_EQUAL_FATAL(thread_start(&threads[0], "replace-a", replace_often, &a), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(thread_start(&threads[1], "replace-b", replace_often, &b), APR_SUCCESS);
    for (int i = 0; i < 500; i++) {
        char *text = NULL;
        size_t size = 0;
        CU_ASSERT_EQUAL_FATAL(file_read_all(path, REPLACED_SIZE, &text, &size), APR_SUCCESS);
        CU_ASSERT_TRUE(is_one_letter(text, size));
        free(text);
    }
    thread_join(threads[0]);
    thread_join(threads[1]);
    CU_ASSERT_EQUAL(a.status, APR_SUCCESS);
    CU_ASSERT_EQUAL(b.status, APR_SUCCESS);
    CU_ASSERT_EQUAL(directory_list(test_directory(), find_temporary, NULL), APR_SUCCESS);
    free(path);
}

static void disk_space_is_plausible(void) {
    int64_t available = -1, total = -1;
    CU_ASSERT_EQUAL(disk_space(test_directory(), &available, &total), APR_SUCCESS);
    CU_ASSERT_TRUE(available >= 0 && total > 0 && available <= total);
    char *missing = scratch_path("no/such/place");
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOENT(disk_space(missing, &available, &total)));
    free(missing);
}

static void expect_absolute(const char *path, const char *base, const char *expected) {
    char *text = NULL;
    CU_ASSERT_EQUAL_FATAL(path_absolute(path, base, &text), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

static void paths_become_absolute(void) {
    char *plain = scratch_path("data/x"), *odd = scratch_path(".//data/./x/");
    expect_absolute("./data//x/.", test_directory(), plain);
    expect_absolute(odd, NULL, plain);
    expect_absolute(odd, "ignored", plain);
    char *here = NULL, *relative = NULL;
    CU_ASSERT_EQUAL_FATAL(path_absolute(".", NULL, &here), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(path_absolute("y", "x", &relative), APR_SUCCESS);
    CU_ASSERT_NSTRING_EQUAL(relative, here, strlen(here));
    CU_ASSERT_EQUAL(inspect(here).kind, PATH_DIRECTORY);
    free(here), free(relative), free(plain), free(odd);
}

const test_case_t path_cases[] = {
    TEST(inspection_tells_kind_and_size), TEST(directories_are_made_and_listed),
    TEST(names_are_moved_and_removed),    TEST(replacement_leaves_no_litter),
    TEST(replacement_is_atomic),          TEST(disk_space_is_plausible),
    TEST(paths_become_absolute),          TEST_END,
};
