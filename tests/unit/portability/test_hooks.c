/* The shifted clock and the file faults of test builds; other builds have none of it and skip these. */
#include "suites.h"

#include "portability/clock.h"
#include "portability/file.h"
#include "portability/mapping.h"
#include "portability/thread.h"

#include <apr_time.h>
#include <stdlib.h>
#include <string.h>

#ifdef QMQ_TEST_HOOKS

static void set_clock(const char *text) {
    CU_ASSERT_EQUAL_FATAL(file_replace(getenv("QMQ_TEST_CLOCK"), text, strlen(text)), APR_SUCCESS);
}

static int64_t wall_shift_ms(void) {
    return clock_wall_ms() - apr_time_now() / 1000;
}

static bool is_shifted(void *arg) {
    int64_t difference = wall_shift_ms() - *(int64_t *)arg;
    return difference > -1000 && difference < 1000;
}

static void the_wall_clock_is_shifted(void) {
    int64_t hours = -5 * (int64_t)3600000, none = 0, before = clock_mono_us();
    set_clock("-18000000 1\n");
    CU_ASSERT_TRUE(test_wait(is_shifted, &hours, 10));
    CU_ASSERT_TRUE(clock_mono_us() - before < 10000000); /* the monotonic one is not */
    set_clock("0 1\n");
    CU_ASSERT_TRUE(test_wait(is_shifted, &none, 10));
}

static bool runs_fast(void *arg) {
    int64_t start = *(int64_t *)arg;
    return clock_mono_us() - start > (int64_t)600 * 1000000;
}

static void both_clocks_are_accelerated(void) {
    int64_t start = clock_mono_us(), real = apr_time_now(), none = 0;
    set_clock("0 3600\n");
    CU_ASSERT_TRUE(test_wait(runs_fast, &start, 20));
    CU_ASSERT_TRUE(wall_shift_ms() > 500000);
    CU_ASSERT_TRUE(apr_time_now() - real < 20000000);
    int64_t before = clock_mono_us();
    set_clock("0 1\n");
    for (int i = 0; i < 2000; i++) {
        int64_t now = clock_mono_us();
        CU_ASSERT_TRUE_FATAL(now >= before);
        before = now;
        if (i % 100 == 0) thread_sleep_us(500);
    }
    CU_ASSERT_TRUE(test_wait(is_shifted, &none, 10));
}

static void fire_stop(loop_timer_t *t) {
    loop_stop((loop_t *)t->private_[3]);
}

static void waits_follow_the_accelerated_clock(void) {
    loop_t *l = NULL;
    CU_ASSERT_EQUAL_FATAL(loop_create(&l, "fast"), APR_SUCCESS);
    set_clock("0 3600\n");
    int64_t start = clock_mono_us(), real = apr_time_now();
    loop_timer_t timer = {.fire = fire_stop, .private_ = {NULL, NULL, NULL, l}};
    loop_timer_start(l, &timer, (int64_t)600 * 1000000);
    CU_ASSERT_EQUAL(loop_run(l), APR_SUCCESS);
    CU_ASSERT_TRUE(clock_mono_us() - start >= (int64_t)600 * 1000000);
    mutex_t lock;
    condition_t never;
    mutex_init(&lock);
    condition_init(&never);
    mutex_lock(&lock);
    start = clock_mono_us();
    CU_ASSERT_EQUAL(condition_wait_us(&never, &lock, (int64_t)600 * 1000000), APR_TIMEUP);
    CU_ASSERT_TRUE(clock_mono_us() - start >= (int64_t)600 * 1000000);
    mutex_unlock(&lock);
    condition_destroy(&never);
    mutex_destroy(&lock);
    CU_ASSERT_TRUE(apr_time_now() - real < 30000000);
    set_clock("0 1\n");
    loop_destroy(l);
}

static file_t *open_file(const char *path) {
    file_t *f = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_READ | IO_WRITE | IO_CREATE), APR_SUCCESS);
    return f;
}

static void set_faults(const char *text) {
    scratch_write(getenv("QMQ_TEST_FAULTS"), text);
}

static void chosen_operations_fail(void) {
    char *path = scratch_path("faulty"), *other = scratch_path("sound"), byte;
    file_t *f = open_file(path), *sound = open_file(other), *none = NULL;
    mapping_t *m = NULL;
    size_t got = 0;
    set_faults("write 2 ENOSPC path=faulty\nsync 1 EIO\nopen 1 EMFILE path=faulty\npreallocate 1+ ENOSPC\nrename 1 EACCES\n"
               "map 1 ENOMEM\nread 1 EIO\ntruncate 1 EROFS\nremove 1 EPERM\n");
    CU_ASSERT_EQUAL(file_write_at(f, "a", 1, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_write_at(sound, "a", 1, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_write_at(sound, "a", 1, 0), APR_SUCCESS);
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOSPC(file_write_at(f, "b", 1, 0)));
    CU_ASSERT_EQUAL(file_write_at(f, "c", 1, 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_data_sync(f), APR_FROM_OS_ERROR(EIO));
    CU_ASSERT_EQUAL(file_data_sync(f), APR_SUCCESS);
    CU_ASSERT_TRUE(APR_STATUS_IS_EMFILE(file_open(&none, path, IO_READ)));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOSPC(file_preallocate(f, 0, 10)));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOSPC(file_preallocate(f, 0, 10)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(path_rename(path, other)));
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOMEM(mapping_create(&m, f, 10)));
    CU_ASSERT_EQUAL(file_read_at(f, &byte, 1, 0, &got), APR_FROM_OS_ERROR(EIO));
    CU_ASSERT_EQUAL(file_truncate(f, 0), APR_FROM_OS_ERROR(EROFS));
    CU_ASSERT_EQUAL(path_remove(path), APR_FROM_OS_ERROR(EPERM));
    CU_ASSERT_EQUAL(file_read_at(f, &byte, 1, 0, &got), APR_SUCCESS);
    CU_ASSERT_EQUAL(byte, 'a');
    set_faults("");
    CU_ASSERT_EQUAL(file_preallocate(f, 0, 10), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(sound), APR_SUCCESS);
    free(path), free(other);
}

static void a_short_write_leaves_half(void) {
    char *path = scratch_path("short");
    file_t *f = open_file(path);
    io_slice_t slices[] = {{"abc", 3}, {"", 0}, {"defgh", 5}};
    int64_t size = -1;
    set_faults("write 1 ENOSPC short\n");
    CU_ASSERT_TRUE(APR_STATUS_IS_ENOSPC(file_writev_at(f, slices, 3, 0)));
    CU_ASSERT_EQUAL(file_size(f, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(size, 4);
    set_faults("");
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    free(path);
}

/* Whatever step of a replacement fails, the old content stays and no temporary file does. */
static void a_failed_replacement_keeps_the_old(void) {
    static const char *const faults[] = {"open 1 EMFILE path=.kept.tmp\n", "write 1 ENOSPC short\n", "sync 1 EIO\n", "rename 1 EIO\n",
                                         "truncate 1 EIO\n"};
    char *path = scratch_path("kept"), *temporary = scratch_path(".kept.tmp"), *text = NULL;
    size_t size = 0;
    path_info_t info;
    CU_ASSERT_EQUAL(file_replace(path, "old", 3), APR_SUCCESS);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        set_faults(faults[i]);
        CU_ASSERT_NOT_EQUAL(file_replace(path, "newer", 5), APR_SUCCESS);
        set_faults("");
        CU_ASSERT_EQUAL_FATAL(file_read_all(path, 100, &text, &size), APR_SUCCESS);
        CU_ASSERT_STRING_EQUAL(text, "old");
        free(text);
        CU_ASSERT_EQUAL(path_inspect(temporary, &info), APR_SUCCESS);
        CU_ASSERT_EQUAL(info.kind, PATH_MISSING);
    }
    free(path), free(temporary);
}

const test_case_t hooks_cases[] = {
    TEST(the_wall_clock_is_shifted),
    TEST(both_clocks_are_accelerated),
    TEST(waits_follow_the_accelerated_clock),
    TEST(chosen_operations_fail),
    TEST(a_short_write_leaves_half),
    TEST(a_failed_replacement_keeps_the_old),
    TEST_END,
};

#else

static void hooks_are_absent(void) {
    CU_ASSERT_TRUE(clock_mono_us() > 0);
    test_skip("built without QMQ_TEST_HOOKS");
}

const test_case_t hooks_cases[] = {TEST(hooks_are_absent), TEST_END};

#endif
