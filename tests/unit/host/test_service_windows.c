/* The dummy as a service of the manager. */
#include "dummy.h"
#include "process.h"
#include "suites.h"

#include "base/memory.h"
#include "host/service_commands.h"
#include "portability/file.h"
#include "portability/host.h"
#include "portability/service.h"
#include "portability/windows/service_private.h"

#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME "qmq-dummy"
#define SECONDS 60
#define STEPS 3

typedef struct watch {
    service_phase_t phase;
    uint32_t progress;
    int steps; /* times that the progress was a new one in this phase */
} watch_t;

static bool is_in_phase(void *arg) {
    watch_t *w = arg;
    service_info_t info;
    CU_ASSERT_EQUAL_FATAL(service_inspect(NAME, &info), APR_SUCCESS);
    return info.phase == w->phase;
}

static bool makes_progress(void *arg) {
    watch_t *w = arg;
    service_info_t info;
    CU_ASSERT_EQUAL_FATAL(service_inspect(NAME, &info), APR_SUCCESS);
    if (info.phase != w->phase) return false;
    CU_ASSERT_TRUE(info.progress >= w->progress);
    if (info.progress > w->progress) w->steps++;
    w->progress = info.progress;
    return w->steps > STEPS;
}

static void expect_phase(service_phase_t phase) {
    watch_t w = {.phase = phase};
    CU_ASSERT_TRUE(test_wait(is_in_phase, &w, SECONDS));
}

static void expect_progress(service_phase_t phase) {
    watch_t w = {.phase = phase};
    CU_ASSERT_TRUE(test_wait(makes_progress, &w, SECONDS));
}

static void expect_end(uint32_t exit_code) {
    service_info_t info;
    expect_phase(SERVICE_PHASE_STOPPED);
    CU_ASSERT_EQUAL(service_inspect(NAME, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(info.exit_code, exit_code);
}

static void install(process_t *p, const char *setting, const char *other) {
    process_start_bare(p, ARGUMENTS("install", "--home", process_home(p), "--set", "monitor.port=0", "--set", setting, "--set", other));
    CU_ASSERT_EQUAL_FATAL(process_end(p), 0);
}

static void uninstall(process_t *p) {
    process_start_bare(p, ARGUMENTS("uninstall"));
    CU_ASSERT_EQUAL(process_end(p), 0);
    process_free(p);
}

/* However long it takes: what the manager sees goes on, so that it takes nothing for a hang. */
static void progress_is_told_while_it_recovers_and_while_it_stops(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    install(p, "dummy.start=wait", "dummy.stop=wait");
    CU_ASSERT_EQUAL(service_start(NAME), APR_SUCCESS);
    expect_progress(SERVICE_PHASE_STARTING);
    CU_ASSERT_EQUAL(file_replace(process_path(p, "go"), "", 0), APR_SUCCESS);
    expect_phase(SERVICE_PHASE_RUNNING);
    CU_ASSERT_EQUAL(service_stop(NAME), APR_SUCCESS);
    CU_ASSERT_EQUAL(service_stop(NAME), APR_SUCCESS); /* cuts nothing off */
    expect_progress(SERVICE_PHASE_STOPPING);
    CU_ASSERT_EQUAL(path_remove(process_path(p, "go")), APR_SUCCESS);
    expect_end(0);
    uninstall(p);
}

static void a_service_that_recovers_is_stopped(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    install(p, "dummy.start=wait", "dummy.hot=1");
    CU_ASSERT_EQUAL(service_start(NAME), APR_SUCCESS);
    expect_progress(SERVICE_PHASE_STARTING);
    CU_ASSERT_EQUAL(service_stop(NAME), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_replace(process_path(p, "go"), "", 0), APR_SUCCESS);
    expect_end(0);
    uninstall(p);
}

/* What its manager does not pass on the service hears by its own event. */
static void a_service_that_starts_hears_its_event(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    service_info_t info;
    install(p, "dummy.start=wait", "dummy.hot=1");
    CU_ASSERT_EQUAL(service_start(NAME), APR_SUCCESS);
    expect_progress(SERVICE_PHASE_STARTING);
    CU_ASSERT_EQUAL(service_inspect(NAME, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(process_ask_stop(info.pid), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_replace(process_path(p, "go"), "", 0), APR_SUCCESS);
    expect_end(0);
    uninstall(p);
}

static void a_stop_that_does_not_end_is_cut_off(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    install(p, "dummy.stop=hang", "host.stop.deadline.seconds=1");
    CU_ASSERT_EQUAL(service_start(NAME), APR_SUCCESS);
    expect_phase(SERVICE_PHASE_RUNNING);
    CU_ASSERT_EQUAL(service_stop(NAME), APR_SUCCESS);
    expect_end(4);
    uninstall(p);
}

static void a_start_that_fails_is_in_its_log(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    char *text = NULL;
    size_t size = 0;
    install(p, "dummy.start=fail", "dummy.hot=1");
    CU_ASSERT_EQUAL(service_start(NAME), APR_SUCCESS);
    expect_end(1);
    CU_ASSERT_EQUAL_FATAL(file_read_all(process_path(p, "logs/dummy.log"), 1 << 20, &text, &size), APR_SUCCESS);
    CU_ASSERT(has(text, "dummy.start=fail (--set). Set it to well"));
    free(text);
    uninstall(p);
}

static SC_HANDLE WINAPI nobody_may(const wchar_t *machine, const wchar_t *database, DWORD access) {
    (void)machine, (void)database, (void)access;
    SetLastError(ERROR_ACCESS_DENIED);
    return NULL;
}

static int install_as_nobody(void *arg) {
    return service_install_command(&dummy_kind, arg, NO_ARGUMENTS);
}

static int uninstall_as_nobody(void *arg) {
    (void)arg;
    return service_uninstall_command(&dummy_kind);
}

/* What a command run by somebody without rights says: malloc'ed. */
static char *as_nobody(const process_t *p, int (*command)(void *arg), int *code) {
    const char *path = process_path(p, "out/nobody");
    char *text = NULL;
    size_t size = 0;
    fflush(stderr);
    int before = _dup(2);
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL_FATAL(_dup2(_fileno(file), 2), 0);
    service_manager_open = nobody_may;
    *code = command((void *)(uintptr_t)process_home(p));
    service_manager_open = OpenSCManagerW;
    fflush(stderr);
    CU_ASSERT_EQUAL_FATAL(_dup2(before, 2), 0);
    CU_ASSERT_EQUAL(_close(before), 0);
    CU_ASSERT_EQUAL(fclose(file), 0);
    CU_ASSERT_EQUAL_FATAL(file_read_all(process_path(p, "out/nobody"), 10000, &text, &size), APR_SUCCESS);
    return text;
}

static void who_has_no_rights_is_told_in_one_line(void) {
    process_t *p = process_create(DUMMY_SERVER, "dummy.properties", "");
    static int (*const commands[])(void *arg) = {install_as_nobody, uninstall_as_nobody};
    static const char *const told[] = {"qmq-dummy: this user may not install services. Open the console as administrator",
                                       "qmq-dummy: this user may not uninstall services. Open the console as administrator"};
    for (size_t i = 0; i < 2; i++) {
        int code = 0;
        char *text = as_nobody(p, commands[i], &code);
        CU_ASSERT_EQUAL(code, 1);
        CU_ASSERT(has(text, told[i]));
        CU_ASSERT_EQUAL(count_lines(text), 1);
        free(text);
    }
    service_info_t info;
    CU_ASSERT_EQUAL(service_inspect(NAME, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(info.phase, SERVICE_PHASE_MISSING);
    process_free(p);
}

const test_case_t service_cases[] = {
    TEST(progress_is_told_while_it_recovers_and_while_it_stops),
    TEST(a_service_that_recovers_is_stopped),
    TEST(a_service_that_starts_hears_its_event),
    TEST(a_stop_that_does_not_end_is_cut_off),
    TEST(a_start_that_fails_is_in_its_log),
    TEST(who_has_no_rights_is_told_in_one_line),
    TEST_END,
};
