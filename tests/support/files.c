/* Trees of files, as a shell's rm -r and cp -r. */
#include "test.h"

#include "base/memory.h"
#include "portability/file.h"

#include <string.h>

#define PAGE_SIZE 4096

typedef struct names {
    char **list;
    size_t count;
} names_t;

static apr_status_t add_name(void *arg, const char *name) {
    names_t *names = arg;
    names->list = memory_realloc(names->list, (names->count + 1) * sizeof *names->list);
    names->list[names->count++] = memory_strdup(name);
    return APR_SUCCESS;
}

/* All names first: what is done with them may change the directory. */
static void for_each(const char *directory, void (*act)(const char *path, const char *name, const char *arg), const char *arg) {
    names_t names = {NULL, 0};
    CU_ASSERT_EQUAL(directory_list(directory, add_name, &names), APR_SUCCESS);
    for (size_t i = 0; i < names.count; i++) {
        char *path = memory_printf("%s/%s", directory, names.list[i]);
        act(path, names.list[i], arg);
        memory_free(path);
        memory_free(names.list[i]);
    }
    memory_free(names.list);
}

static path_kind_t kind_of(const char *path) {
    path_info_t info;
    CU_ASSERT_EQUAL(path_inspect(path, &info), APR_SUCCESS);
    return info.kind;
}

static void remove_entry(const char *path, const char *name, const char *arg) {
    (void)name, (void)arg;
    test_remove(path);
}

void test_remove(const char *path) {
    path_kind_t kind = kind_of(path);
    if (kind == PATH_MISSING) return;
    if (kind == PATH_DIRECTORY) for_each(path, remove_entry, NULL);
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
}

static bool is_hole(const unsigned char *page, size_t size) {
    static const unsigned char zeros[PAGE_SIZE];
    return memcmp(page, zeros, size) == 0;
}

static apr_status_t copy_bytes(file_t *from, file_t *to) {
    unsigned char page[PAGE_SIZE];
    int64_t size = 0;
    apr_status_t status = file_size(from, &size);
    if (status == APR_SUCCESS) status = file_truncate(to, size);
    for (int64_t offset = 0; status == APR_SUCCESS && offset < size; offset += PAGE_SIZE) {
        size_t got = 0;
        status = file_read_at(from, page, sizeof page, offset, &got);
        if (status != APR_SUCCESS || got == 0) break;
        if (!is_hole(page, got)) status = file_write_at(to, page, got, offset);
    }
    return status;
}

static void copy_file(const char *from, const char *to) {
    file_t *in = NULL, *out = NULL;
    apr_status_t status = file_open(&in, from, IO_READ);
    if (APR_STATUS_IS_ENOENT(status)) return;
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(file_open(&out, to, IO_WRITE | IO_CREATE | IO_TRUNCATE | IO_SPARSE), APR_SUCCESS);
    CU_ASSERT_EQUAL(copy_bytes(in, out), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(in), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(out), APR_SUCCESS);
}

static void copy_entry(const char *path, const char *name, const char *to) {
    char *target = memory_printf("%s/%s", to, name);
    if (kind_of(path) == PATH_DIRECTORY) {
        test_copy(path, target);
    } else {
        copy_file(path, target);
    }
    memory_free(target);
}

void test_copy(const char *from, const char *to) {
    if (kind_of(from) == PATH_MISSING) return;
    CU_ASSERT_EQUAL_FATAL(directory_create(to), APR_SUCCESS);
    for_each(from, copy_entry, to);
}
