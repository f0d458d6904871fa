#include "test.h"

#include "portability/windows/system.h"

#include <stdlib.h>

void *test_hold(const char *path) {
    wchar_t *wide = wide_path(path);
    if (wide == NULL) return NULL;
    /* shares what a store needs that has the file open already; removal is not among it */
    HANDLE file = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    free(wide);
    CU_ASSERT_NOT_EQUAL_FATAL(file, INVALID_HANDLE_VALUE);
    return file;
}

void test_let_go(void *held) {
    CU_ASSERT_TRUE(CloseHandle(held));
}
