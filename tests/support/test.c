#include "test.h"

#include "base/memory.h"
#include "portability/file.h"

#include <CUnit/TestRun.h>
#include <apr_env.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static apr_pool_t *pool;
static char *directory;
static const char *program = "unit";
static unsigned failed_tests;
static unsigned passed_tests;

static void on_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failures) {
    if (failures == NULL) {
        passed_tests++;
        return;
    }
    failed_tests++;
    for (const CU_FailureRecord *f = failures; f != NULL; f = f->pNext) {
        printf("%s:%u: %s.%s: %s\n", f->strFileName == NULL ? "?" : f->strFileName, f->uiLineNumber, suite->pName, test->pName,
               f->strCondition == NULL ? "failed" : f->strCondition);
    }
}

static void on_start(const CU_pTest test, const CU_pSuite suite) {
    (void)test;
    (void)suite;
    fflush(stdout);
}

static bool is_wanted(const char *name, const char *part) {
    return part == NULL || strstr(name, part) != NULL;
}

static bool add_suite(const test_suite_t *suite, const char *part, unsigned *added) {
    CU_pSuite registered = NULL;
    for (const test_case_t *c = suite->cases; c->name != NULL; c++) {
        if (!is_wanted(c->name, part)) continue;
        if (registered == NULL) registered = CU_add_suite(suite->name, NULL, NULL);
        if (registered == NULL || CU_add_test(registered, c->name, c->run) == NULL) {
            fprintf(stderr, "cannot register %s.%s: %s; names must be unique\n", suite->name, c->name, CU_get_error_msg());
            return false;
        }
        (*added)++;
    }
    return true;
}

static void remove_tree(const char *path) {
    apr_dir_t *dir = NULL;
    if (apr_dir_open(&dir, path, pool) == APR_SUCCESS) {
        apr_finfo_t entry;
        while (apr_dir_read(&entry, APR_FINFO_NAME | APR_FINFO_TYPE, dir) == APR_SUCCESS) {
            if (strcmp(entry.name, ".") == 0 || strcmp(entry.name, "..") == 0) continue;
            char *child = apr_pstrcat(pool, path, "/", entry.name, NULL);
            if (entry.filetype == APR_DIR) {
                remove_tree(child);
            } else if (apr_file_remove(child, pool) != APR_SUCCESS) {
                printf("cannot remove %s\n", child);
            }
        }
        apr_dir_close(dir);
    }
    if (apr_dir_remove(path, pool) != APR_SUCCESS) printf("cannot remove %s\n", path);
}

static void end_directory(void) {
    if (directory == NULL) return;
    if (failed_tests == 0) {
        remove_tree(directory);
    } else {
        printf("files of the failed run: %s\n", directory);
    }
    free(directory);
    directory = NULL;
}

#ifdef QMQ_TEST_HOOKS
/* Before anything asks for the time: the clock looks at its environment once. */
static bool name_clock(void) {
    char *path = NULL;
    if (apr_env_get(&path, "QMQ_TEST_CLOCK", pool) == APR_SUCCESS) return true;
    return apr_env_set("QMQ_TEST_CLOCK", apr_psprintf(pool, "%s/clock", test_directory()), pool) == APR_SUCCESS;
}
#else
static bool name_clock(void) {
    return true;
}
#endif

int test_main(int argc, char **argv, const test_suite_t *suites) {
    const char *part = argc > 1 ? argv[1] : NULL;
    unsigned added = 0;
    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS || CU_initialize_registry() != CUE_SUCCESS) {
        fprintf(stderr, "the test program cannot start: no memory\n");
        return 2;
    }
    if (argc > 0) program = apr_filepath_name_get(argv[0]);
    if (!name_clock()) return 2;
    for (const test_suite_t *s = suites; s->name != NULL; s++) {
        if (!add_suite(s, part, &added)) return 2;
    }
    if (added == 0) {
        fprintf(stderr, "no test has a name with \"%s\" in it\n", part == NULL ? "" : part);
        return 2;
    }
    CU_set_test_start_handler(on_start);
    CU_set_test_complete_handler(on_complete);
    bool ran = CU_run_all_tests() == CUE_SUCCESS && passed_tests + failed_tests == added;
    if (!ran) printf("%s: CUnit stopped early: %s\n", program, CU_get_error_msg());
    end_directory();
    CU_cleanup_registry();
    apr_pool_destroy(pool);
    pool = NULL;
    printf("%u passed, %u failed\n", passed_tests, failed_tests);
    fflush(stdout);
    return failed_tests == 0 && ran ? 0 : 1;
}

const char *test_directory(void) {
    if (directory != NULL) return directory;
    const char *root = NULL;
    apr_status_t status = apr_temp_dir_get(&root, pool);
    for (int i = 0; status == APR_SUCCESS && i < 1000; i++) {
        unsigned char random[6];
        status = apr_generate_random_bytes(random, sizeof random);
        if (status != APR_SUCCESS) break;
        char *path = apr_psprintf(pool, "%s/qmq-%s-%02x%02x%02x%02x%02x%02x", root, program, random[0], random[1], random[2], random[3],
                                  random[4], random[5]);
        status = apr_dir_make(path, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE, pool);
        if (status == APR_SUCCESS && path_absolute(path, NULL, &directory) == APR_SUCCESS)
            return directory; /* as our own paths are spelled */
        if (APR_STATUS_IS_EEXIST(status)) status = APR_SUCCESS;
    }
    char text[120];
    fprintf(stderr, "no scratch directory in %s: %s; set TMPDIR to a writable directory\n", root == NULL ? "the system's one" : root,
            apr_strerror(status, text, sizeof text));
    exit(2);
}

const char *test_fixtures(void) {
    char *path = NULL;
    if (apr_env_get(&path, "QMQ_FIXTURES", pool) != APR_SUCCESS || *path == 0) path = apr_pstrdup(pool, TEST_FIXTURES);
    apr_finfo_t info;
    if (apr_stat(&info, path, APR_FINFO_TYPE, pool) != APR_SUCCESS || info.filetype != APR_DIR) return NULL;
    return path;
}

void test_make_old(const char *path, int seconds) {
    CU_ASSERT_EQUAL(apr_file_mtime_set(path, apr_time_now() - apr_time_from_sec(seconds), pool), APR_SUCCESS);
}

void test_skip(const char *why) {
    CU_pTest test = CU_get_current_test();
    printf("%s: skipped: %s\n", test == NULL ? "?" : test->pName, why);
}

bool test_wait(bool (*done)(void *arg), void *arg, double seconds) {
    apr_time_t end = apr_time_now() + (apr_time_t)(seconds * 1e6);
    for (;;) {
        if (done(arg)) return true;
        if (apr_time_now() >= end) return false;
        apr_sleep(1000);
    }
}

#ifdef QMQ_TEST_HOOKS
static void write_hook(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_NOT_EQUAL(fputs(text, f), EOF);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

bool test_faults(const char *rules) {
    char *path = memory_printf("%s/faults", test_directory());
    write_hook(path, rules);
    memory_free(path);
    return true;
}

static bool bend_clock(long long shift_ms, int speed) {
    char text[60];
    char *path = NULL;
    CU_ASSERT_FATAL(apr_env_get(&path, "QMQ_TEST_CLOCK", pool) == APR_SUCCESS);
    (void)snprintf(text, sizeof text, "%lld %d\n", shift_ms, speed);
    write_hook(path, text);
    return true;
}

bool test_clock_speed(int speed) {
    return bend_clock(0, speed);
}

bool test_clock_shift(long long ms) {
    return bend_clock(ms, 1);
}
#else
static bool without_hooks(void) {
    test_skip("needs a build with QMQ_TEST_HOOKS");
    return false;
}

bool test_faults(const char *rules) {
    (void)rules;
    return without_hooks();
}

bool test_clock_speed(int speed) {
    (void)speed;
    return without_hooks();
}

bool test_clock_shift(long long ms) {
    (void)ms;
    return without_hooks();
}
#endif
