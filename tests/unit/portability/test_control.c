#include "suites.h"

#include "portability/clock.h"
#include "portability/control.h"
#include "portability/host.h"
#include "portability/thread.h"

static void request_stop(void *arg) {
    (void)arg;
    control_request_stop();
}

/* One case, because the stop is told once a process. */
static void control_tells_stop_then_stop_now(void) {
    CU_ASSERT_EQUAL_FATAL(control_install(), APR_SUCCESS);
    CU_ASSERT_TRUE(APR_STATUS_IS_EEXIST(control_install()));
    CU_ASSERT_EQUAL(control_wait(0), CONTROL_NONE);
    int64_t start = clock_mono_us();
    CU_ASSERT_EQUAL(control_wait(3000), CONTROL_NONE);
    CU_ASSERT_TRUE(clock_mono_us() - start >= 3000);

    thread_t *t = NULL;
    CU_ASSERT_EQUAL_FATAL(thread_start(&t, "request-stop", request_stop, NULL), APR_SUCCESS);
    CU_ASSERT_EQUAL(control_wait(-1), CONTROL_STOP);
    thread_join(t);
    control_request_stop(); /* the same stop, said twice */
    CU_ASSERT_EQUAL(control_wait(0), CONTROL_NONE);
    CU_ASSERT_EQUAL(process_ask_stop(process_id()), APR_SUCCESS);
    CU_ASSERT_EQUAL(control_wait(30000000), CONTROL_STOP_NOW);
    CU_ASSERT_EQUAL(control_wait(0), CONTROL_NONE);
}

const test_case_t control_cases[] = {
    TEST(control_tells_stop_then_stop_now),
    TEST_END,
};
