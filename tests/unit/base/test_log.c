#include "base/log.h"
#include "base/log_rotate.h"
#include "base/status.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "portability/thread.h"
#include "suites.h"

#include <apr_time.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const log_t *test_log(void) {
    static log_t l;
    log_init(&l, "unit/base");
    return &l;
}

/* A path of its own for each test; valid until the next call. */
static const char *log_path(const char *name) {
    static char path[1000];
    (void)snprintf(path, sizeof path, "%s/%s", test_directory(), name);
    return path;
}

static char *content(const char *path) {
    char *text = NULL;
    size_t size = 0;
    if (file_read_all(path, 100 * 1024 * 1024, &text, &size) != APR_SUCCESS) return NULL;
    return text;
}

static bool exists(const char *path) {
    path_info_t info = {PATH_MISSING, 0, 0};
    return path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_FILE;
}

static void log_line_has_time_level_and_name(void) {
    const char *path = log_path("line.log");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 0), APR_SUCCESS);
    log_warn(test_log(), "port %d is %s", 20881, "taken");
    log_close();
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    int year, month, day, hour, minute, second, ms;
    CU_ASSERT_EQUAL(sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d.%3d", &year, &month, &day, &hour, &minute, &second, &ms), 7);
    CU_ASSERT_TRUE(year >= 2020 && month >= 1 && month <= 12 && hour <= 23 && ms <= 999);
    CU_ASSERT_STRING_EQUAL(text + 23, " WARN  [unit/base] port 20881 is taken\n");
    free(text);
}

static void log_levels_below_the_lowest_are_left_out(void) {
    const char *path = log_path("level.log");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 0), APR_SUCCESS);
    log_debug(test_log(), "no");
    log_set_level(LOG_LEVEL_DEBUG);
    CU_ASSERT_EQUAL(log_level(), LOG_LEVEL_DEBUG);
    log_debug(test_log(), "one");
    log_set_level(LOG_LEVEL_ERROR);
    log_info(test_log(), "no");
    log_warn(test_log(), "no");
    log_error(test_log(), "two");
    log_set_level(LOG_LEVEL_INFO);
    log_close();
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NULL(strstr(text, "] no"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, " DEBUG [unit/base] one\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, " ERROR [unit/base] two\n"));
    free(text);
}

static void log_line_of_a_stranger_stays_one_line(void) {
    const char *path = log_path("stranger.log");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 0), APR_SUCCESS);
    log_info(test_log(), "subject %s", "a\nERROR forged\r\x1b[31m\x7f\tb \xe4\xb8\xad");
    log_close();
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "subject a?ERROR forged??[31m?\tb \xe4\xb8\xad\n"));
    CU_ASSERT_PTR_EQUAL(strchr(text, '\n'), text + strlen(text) - 1);
    free(text);
}

static void log_long_lines(void) {
    const char *path = log_path("long.log");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 0), APR_SUCCESS);
    static char big[100000];
    memset(big, 'x', sizeof big - 1);
    for (int size = 900; size < 1100; size++) log_info(test_log(), "%.*s", size, big);
    log_info(test_log(), "%s", big);
    log_close();
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    char *line = text;
    bool right = true;
    for (size_t size = 900; size < 1100; size++) {
        size_t got = strcspn(line, "\n");
        right = right && got == 23 + strlen(" INFO  [unit/base] ") + size;
        line += got + 1;
    }
    CU_ASSERT_TRUE(right);
    CU_ASSERT_TRUE(strlen(line) > 32000 && strlen(line) < 34000);
    free(text);
}

static void log_problem_has_message_and_remedy(void) {
    const char *path = log_path("problem.log");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 0), APR_SUCCESS);
    qmq_error_t *e = error_create(QMQ_E_LOCKED, "Stop it first", "100%% of %s is locked", "/data");
    log_problem(test_log(), LOG_LEVEL_ERROR, e);
    log_problem(test_log(), LOG_LEVEL_DEBUG, e);
    log_close();
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, " ERROR [unit/base] 100% of /data is locked. Stop it first\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "DEBUG"));
    qmq_error_free(e);
    free(text);
}

static void log_is_appended_to(void) {
    const char *path = log_path("append.log");
    CU_ASSERT_EQUAL_FATAL(file_replace(path, "before\n", 7), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 0), APR_SUCCESS);
    log_info(test_log(), "after");
    /* emptied by an operator to save space: goes on at the start, without a hole */
    CU_ASSERT_EQUAL(file_replace(log_path("other"), "", 0), APR_SUCCESS);
    path = log_path("append.log");
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(strncmp(text, "before\n20", 9), 0);
    free(text);
    file_t *f = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_WRITE), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_truncate(f, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    log_info(test_log(), "again");
    log_close();
    text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_EQUAL(strncmp(text, "20", 2), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "] again\n"));
    free(text);
}

static void log_rotates_by_size(void) {
    char path[1000];
    char name[1100];
    (void)snprintf(path, sizeof path, "%s", log_path("rotate.log"));
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 1000, 3), APR_SUCCESS);
    for (int i = 0; i < 100; i++) log_info(test_log(), "line %03d of a hundred", i);
    log_close();
    int next = 99;
    for (int k = 0; k <= 3; k++) {
        (void)snprintf(name, sizeof name, k == 0 ? "%s" : "%s.%d", path, k);
        char *text = content(name);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        CU_ASSERT_TRUE(strlen(text) <= 1000);
        /* newest last within a file, newer files first: walk back line by line */
        size_t lines = 0;
        for (const char *c = text; *c != 0; c++) lines += *c == '\n';
        CU_ASSERT_TRUE(k == 0 || lines == 1000 / 64);
        for (size_t i = 0; i < lines; i++) {
            char expected[40];
            (void)snprintf(expected, sizeof expected, "line %03d", next - (int)i);
            CU_ASSERT_PTR_NOT_NULL(strstr(text, expected));
        }
        next -= (int)lines;
        free(text);
    }
    (void)snprintf(name, sizeof name, "%s.4", path);
    CU_ASSERT_FALSE(exists(name));
}

static void log_rotation_without_old_files(void) {
    char path[1000];
    char name[1100];
    (void)snprintf(path, sizeof path, "%s", log_path("keep0.log"));
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 500, 0), APR_SUCCESS);
    for (int i = 0; i < 50; i++) log_info(test_log(), "line %03d", i);
    log_close();
    char *text = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_TRUE(strlen(text) <= 500);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "line 049\n"));
    free(text);
    (void)snprintf(name, sizeof name, "%s.1", path);
    CU_ASSERT_FALSE(exists(name));
}

/* What was written in another period is moved away at the first line of this one. */
static void log_rotates_by_time(void) {
    char path[1000], name[1100];
    (void)snprintf(path, sizeof path, "%s", log_path("time.log"));
    (void)snprintf(name, sizeof name, "%s.1", path);
    log_rotate_every(24);
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 3), APR_SUCCESS);
    log_info(test_log(), "first");
    log_info(test_log(), "second");
    log_close();
    CU_ASSERT_FALSE(exists(name));
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 3), APR_SUCCESS);
    log_close();
    test_make_old(path, 25 * 3600);
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 0, 3), APR_SUCCESS);
    log_info(test_log(), "third");
    log_info(test_log(), "fourth");
    log_close();
    log_rotate_every(0);
    char *old = content(name), *new = content(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(old);
    CU_ASSERT_PTR_NOT_NULL_FATAL(new);
    CU_ASSERT_TRUE(strstr(old, "first\n") != NULL && strstr(old, "second\n") != NULL && strstr(old, "third") == NULL);
    CU_ASSERT_TRUE(strstr(new, "third\n") != NULL && strstr(new, "fourth\n") != NULL && strstr(new, "second") == NULL);
    free(old);
    free(new);
}

static void log_periods_end_with_the_local_day(void) {
    CU_ASSERT_EQUAL(log_period_end(1000, 0), INT64_MAX);
    int64_t now = clock_wall_ms(), end = log_period_end(now, 24);
    CU_ASSERT_TRUE(end > now && end <= now + 24 * 3600 * 1000LL);
    apr_time_exp_t t;
    CU_ASSERT_EQUAL(apr_time_exp_tz(&t, end * 1000, 0), APR_SUCCESS);
    CU_ASSERT_TRUE(t.tm_sec == 0);
    int64_t hour = log_period_end(now, 1);
    CU_ASSERT_TRUE(hour > now && hour <= now + 3600 * 1000LL);
    CU_ASSERT_EQUAL(log_period_end(hour, 1), hour + 3600 * 1000LL);
    CU_ASSERT_EQUAL(log_period_end(hour - 1, 1), hour);
}

static void log_file_that_cannot_be_opened(void) {
    CU_ASSERT_NOT_EQUAL(log_to_file(log_path("no/such/directory.log"), 0, 0), APR_SUCCESS);
}

enum { WRITERS = 4, LINES = 500 };

static void write_lines(void *arg) {
    const char *name = arg;
    log_t l;
    log_init(&l, name);
    for (int i = 0; i < LINES; i++) log_info(&l, "%s %d.", name, i);
}

static void log_lines_of_threads_stay_whole_across_rotation(void) {
    static char names[WRITERS][8];
    thread_t *threads[WRITERS];
    char path[1000];
    (void)snprintf(path, sizeof path, "%s", log_path("threads.log"));
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 8000, 100), APR_SUCCESS);
    for (int i = 0; i < WRITERS; i++) {
        (void)snprintf(names[i], sizeof names[i], "w%d", i);
        CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], names[i], write_lines, names[i]), APR_SUCCESS);
    }
    for (int i = 0; i < WRITERS; i++) thread_join(threads[i]);
    log_close();
    int seen[WRITERS] = {0};
    int broken = 0;
    for (int k = 0;; k++) {
        char name[1100];
        (void)snprintf(name, sizeof name, k == 0 ? "%s" : "%s.%d", path, k);
        char *text = content(name);
        if (text == NULL) break;
        for (char *line = text; *line != 0;) {
            char *end = strchr(line, '\n');
            if (end == NULL) break;
            *end = 0;
            int a = 0;
            int b = 0;
            int number = 0;
            if (sscanf(line + 23, " INFO  [w%d] w%d %d.", &a, &b, &number) == 3 && a == b && a < WRITERS) {
                seen[a]++;
            } else {
                broken++;
            }
            line = end + 1;
        }
        free(text);
    }
    CU_ASSERT_EQUAL(broken, 0);
    for (int i = 0; i < WRITERS; i++) CU_ASSERT_EQUAL(seen[i], LINES);
}

static void log_permit_once_in_an_interval(void) {
    static log_limit_t limit;
    static log_limit_t always;
    int64_t suppressed = -1;
    CU_ASSERT_TRUE(log_permit(&limit, INT64_C(3600) * 1000000, &suppressed));
    CU_ASSERT_EQUAL(suppressed, 0);
    for (int i = 0; i < 5; i++) CU_ASSERT_FALSE(log_permit(&limit, INT64_C(3600) * 1000000, &suppressed));
    CU_ASSERT_EQUAL(atomic_load(&limit.swallowed), 5);
    atomic_store(&limit.next_us, 1); /* the interval is over */
    CU_ASSERT_TRUE(log_permit(&limit, 1000000, &suppressed));
    CU_ASSERT_EQUAL(suppressed, 5);
    CU_ASSERT_TRUE(log_permit(&always, 0, &suppressed));
    CU_ASSERT_TRUE(log_permit(&always, 0, &suppressed));
}

const test_case_t log_cases[] = {
    TEST(log_line_has_time_level_and_name),
    TEST(log_levels_below_the_lowest_are_left_out),
    TEST(log_line_of_a_stranger_stays_one_line),
    TEST(log_long_lines),
    TEST(log_problem_has_message_and_remedy),
    TEST(log_is_appended_to),
    TEST(log_rotates_by_size),
    TEST(log_rotation_without_old_files),
    TEST(log_rotates_by_time),
    TEST(log_periods_end_with_the_local_day),
    TEST(log_file_that_cannot_be_opened),
    TEST(log_lines_of_threads_stay_whole_across_rotation),
    TEST(log_permit_once_in_an_interval),
    TEST_END,
};
