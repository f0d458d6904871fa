#include "base/log.h"
#include "portability/file.h"
#include "suites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef QMQ_TEST_HOOKS
static char rules[1100];

/* The rules count operations on the log file only, or they would hit their own writing. */
static void set_rules(const char *text) {
    FILE *f = fopen(rules, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_NOT_EQUAL(fputs(text, f), EOF);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

static char *content(const char *path) {
    char *text = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, 1 << 20, &text, &size), APR_SUCCESS);
    return text;
}

static size_t lines_of(const char *text) {
    size_t lines = 0;
    for (const char *c = text; *c != 0; c++) lines += *c == '\n';
    return lines;
}
#endif

/* What cannot be written goes to standard error (seen in the output of this program), and leaves no half line in the file. */
static void log_full_disk_leaves_whole_lines(void) {
#ifdef QMQ_TEST_HOOKS
    static char setting[1200];
    char path[1100];
    log_t l;
    log_init(&l, "faults");
    (void)snprintf(path, sizeof path, "%s/full.log", test_directory());
    (void)snprintf(rules, sizeof rules, "%s/faults", test_directory());
    (void)snprintf(setting, sizeof setting, "QMQ_TEST_FAULTS=%s", rules);
    CU_ASSERT_EQUAL(putenv(setting), 0);
    set_rules("write 2 ENOSPC short path=full.log\n");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 0), APR_SUCCESS);
    log_info(&l, "first");
    log_info(&l, "second, on standard error because the disk is full");
    log_info(&l, "third");
    log_close();
    char *text = content(path);
    CU_ASSERT_EQUAL(lines_of(text), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "] first\n20"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "] third\n"));
    free(text);
#else
    test_skip("needs a build with QMQ_TEST_HOOKS");
#endif
}

static void log_that_cannot_rotate_grows_on(void) {
#ifdef QMQ_TEST_HOOKS
    char path[1100];
    log_t l;
    log_init(&l, "faults");
    (void)snprintf(path, sizeof path, "%s/stuck.log", test_directory());
    set_rules("rename 1 EIO path=stuck.log\n");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 500, 2), APR_SUCCESS);
    for (int i = 0; i < 18; i++) log_info(&l, "line %02d", i); /* 50 bytes each: over 500, and not yet over 1000 */
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "cannot be rotated, it grows on"));
    size_t lines = lines_of(text);
    CU_ASSERT_TRUE(lines > 500 / 50);
    free(text);
    for (int i = 18; i < 30; i++) log_info(&l, "line %02d", i); /* the second attempt works */
    log_close();
    text = content(path);
    CU_ASSERT_TRUE(lines_of(text) < lines);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "line 29\n"));
    free(text);
    set_rules("");
#else
    test_skip("needs a build with QMQ_TEST_HOOKS");
#endif
}

/* Between the rotation and the next line somebody may have the file for himself. */
static void log_that_cannot_be_opened_again_comes_back(void) {
#ifdef QMQ_TEST_HOOKS
    char path[1100];
    log_t l;
    log_init(&l, "faults");
    (void)snprintf(path, sizeof path, "%s/lost.log", test_directory());
    set_rules("open 2 EACCES path=lost.log\nopen 3 EACCES path=lost.log\nopen 4 EACCES path=lost.log\n");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 500, 2), APR_SUCCESS);
    for (int i = 0; i < 15; i++) log_info(&l, "line %02d", i); /* one opens it, three of the others find it shut */
    log_close();
    set_rules("");
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "line 14\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "line 00\n"));
    free(text);
#else
    test_skip("needs a build with QMQ_TEST_HOOKS");
#endif
}

const test_case_t log_faults_cases[] = {
    TEST(log_full_disk_leaves_whole_lines),
    TEST(log_that_cannot_rotate_grows_on),
    TEST(log_that_cannot_be_opened_again_comes_back),
    TEST_END,
};
