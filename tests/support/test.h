/* The little that every unit test program shares: registering tests in one table, a scratch directory, waiting with a deadline.
 * CUnit's assertions and all of this are for the main thread; other threads leave results behind and are joined. */
#ifndef QMQ_TESTS_SUPPORT_TEST_H
#define QMQ_TESTS_SUPPORT_TEST_H

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct test_case {
    const char *name; /* after the checklist item it proves where there is one: "storage_17_poll_stays_in_segment" */
    void (*run)(void);
} test_case_t;

/* Ends with a row whose name is NULL. */
typedef struct test_suite {
    const char *name;
    const test_case_t *cases;
} test_suite_t;

#define TEST(function)                                                                                                                     \
    { #function, function }
#define TEST_END                                                                                                                           \
    { NULL, NULL }

/* Runs the suites (array ending with name NULL), or only the cases whose name contains argv[1]; prints "N passed, N failed" and returns the
 * exit code for main. */
int test_main(int argc, char **argv, const test_suite_t *suites);

/* A new empty directory, removed at exit when all tests passed (else it is left and named). The text lives until exit. */
const char *test_directory(void);
/* Folder of recorded fixtures, or NULL (then say so with test_skip and return). */
const char *test_fixtures(void);
/* Prints "skipped: <why>" for the running test. */
void test_skip(const char *why);
/* Makes file operations fail by these rules (portability/posix/fault.c) until the next call; "" for none. False (and the test is skipped)
 * in builds without hooks. */
bool test_faults(const char *rules);
/* The clocks of portability/clock.h run at speed times the real one from now on (noticed within 10 ms); 1 is the usual. False
 * (and the test is skipped) in builds without hooks. */
bool test_clock_speed(int speed);
/* The wall clock jumps to that much before or behind the real one; the monotonic one does not. Likewise. */
bool test_clock_shift(long long ms);
/* Polls until done(arg) is true, at most seconds; false when the time ran out. */
bool test_wait(bool (*done)(void *arg), void *arg, double seconds);

/* Opens a file as another program does that shares it with readers and writers, so that it can be neither removed nor moved. NULL: this
 * system lets nobody do that. */
void *test_hold(const char *path);
void test_let_go(void *held);
/* Removes a file, or a directory with all that is in it; nothing happens when there is nothing. Fails the running test when it cannot. */
void test_remove(const char *path);
/* Makes a file look as if it was written so many seconds ago. */
void test_make_old(const char *path, int seconds);
/* Copies a directory that may be written to meanwhile: files that vanish are left out, holes stay holes where a page is zero. */
void test_copy(const char *from, const char *to);

#endif
