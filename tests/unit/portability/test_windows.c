/* What only Windows has: odd and long names, mandatory sharing, named events, the service control manager, the completion port. */
#include "suites.h"

#include "base/log.h"
#include "base/status.h"
#include "child.h"
#include "peer.h"
#include "portability/control.h"
#include "portability/host.h"
#include "portability/mapping.h"
#include "portability/service.h"
#include "portability/windows/command_line.h"
#include "portability/windows/control_private.h"
#include "portability/windows/service_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

double processor_seconds(void) {
    FILETIME start, end, kernel, user;
    if (!GetProcessTimes(GetCurrentProcess(), &start, &end, &kernel, &user)) abort();
    uint64_t ticks =
        ((uint64_t)kernel.dwHighDateTime << 32) + kernel.dwLowDateTime + ((uint64_t)user.dwHighDateTime << 32) + user.dwLowDateTime;
    return (double)ticks / 1e7;
}

static void expect_line(const char *const *argv, const wchar_t *expected) {
    wchar_t *line = command_line(argv);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    CU_ASSERT_EQUAL(wcscmp(line, expected), 0);
    free(line);
}

static void arguments_are_quoted(void) {
    expect_line((const char *const[]){"C:/a b/x.exe", "plain", "", NULL}, L"\"C:\\a b\\x.exe\" plain \"\"");
    expect_line((const char *const[]){"x", "a b", "say \"yes\"", NULL}, L"\"x\" \"a b\" \"say \\\"yes\\\"\"");
    expect_line((const char *const[]){"x", "end\\", "an end\\", "a\\\"b", NULL}, L"\"x\" end\\ \"an end\\\\\" \"a\\\\\\\"b\"");
    CU_ASSERT_PTR_NULL(command_line((const char *const[]){"x", "\xff", NULL}));
}

static void expect_service_line(const char *argument, const wchar_t *expected) {
    const char *argv[] = {"C:/x.exe", "--service", argument, NULL};
    wchar_t *line = NULL;
    CU_ASSERT_EQUAL_FATAL(service_line(argv, &line), APR_SUCCESS);
    CU_ASSERT_EQUAL(wcscmp(line, expected), 0);
    free(line);
}

static void expect_restored(const char *argument, const char *expected) {
    char text[100];
    snprintf(text, sizeof text, "%s", argument);
    service_argument_restore(text);
    CU_ASSERT_STRING_EQUAL(text, expected);
}

/* The manager expands the line of a service at each start. */
static void percent_signs_outlive_the_service_manager(void) {
    expect_service_line("plain", L"\"C:\\x.exe\" --service plain");
    expect_service_line("100%", L"\"C:\\x.exe\" --service 100%^");
    expect_service_line("C:/%PATH%/x", L"\"C:\\x.exe\" --service C:/%^PATH%^/x");
    expect_restored("100%^", "100%");
    expect_restored("C:/%^PATH%^/x", "C:/%PATH%/x");
    expect_restored("%^^%^", "%^%");
    expect_restored("a^b", "a^b");
    wchar_t *line = NULL;
    CU_ASSERT_EQUAL(service_line((const char *const[]){"C:/%PATH%/x.exe", "--service", NULL}, &line), QMQ_E_INVALID);
    CU_ASSERT_EQUAL(service_line((const char *const[]){"C:/100%/x.exe", "--service", NULL}, &line), APR_SUCCESS);
    free(line);
}

static void write_and_read_back(const char *path) {
    char *text = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL(file_replace(path, "content", 7), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, 100, &text, &size), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "content");
    free(text);
    CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
}

static void odd_names_are_names(void) {
    static const char *const names[] = {"with blanks (and brackets)", "a&b^c!d%PATH%", "\xe6\x9c\xac\xe5\x9c\xb0\xe6\xb6\x88\xe6\x81\xaf",
                                        "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *directory = scratch_path(names[i]), path[1000], *found = NULL;
        CU_ASSERT_EQUAL_FATAL(directory_create(directory), APR_SUCCESS);
        snprintf(path, sizeof path, "%s/%s.txt", directory, names[i]);
        write_and_read_back(path);
        CU_ASSERT_EQUAL(path_absolute(names[i], test_directory(), &found), APR_SUCCESS);
        CU_ASSERT_STRING_EQUAL(found, directory);
        free(found), free(directory);
    }
    file_t *f = NULL;
    CU_ASSERT_NOT_EQUAL(file_open(&f, "not \xff UTF-8", IO_READ), APR_SUCCESS);
}

static apr_status_t count_names(void *arg, const char *name) {
    (void)name;
    ++*(int *)arg;
    return APR_SUCCESS;
}

static void long_paths_are_paths(void) {
    char part[101], path[1200];
    memset(part, 'p', 100);
    part[100] = 0;
    snprintf(path, sizeof path, "%s/long", test_directory());
    for (int i = 0; i < 8; i++) snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", part);
    CU_ASSERT_EQUAL_FATAL(directory_create(path), APR_SUCCESS);
    CU_ASSERT_EQUAL(directory_create(path), APR_SUCCESS);
    char file[1300], other[1300];
    snprintf(file, sizeof file, "%s/file", path);
    snprintf(other, sizeof other, "%s/other", path);
    CU_ASSERT_EQUAL(file_replace(file, "x", 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(path_rename(file, other), APR_SUCCESS);
    int count = 0;
    CU_ASSERT_EQUAL(directory_list(path, count_names, &count), APR_SUCCESS);
    CU_ASSERT_EQUAL(count, 1);
    int64_t available, total;
    CU_ASSERT_EQUAL(disk_space(path, &available, &total), APR_SUCCESS);
    CU_ASSERT_EQUAL(path_remove(other), APR_SUCCESS);
    for (int i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(path_remove(path), APR_SUCCESS);
        *strrchr(path, '/') = 0;
    }
}

static void spellings_of_a_path_are_one(void) {
    char *text = NULL;
    CU_ASSERT_EQUAL_FATAL(path_absolute("C:\\data\\x\\", NULL, &text), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "C:/data/x");
    free(text);
    CU_ASSERT_EQUAL_FATAL(path_absolute("x/../y", "C:/data", &text), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "C:/data/y");
    free(text);
    CU_ASSERT_EQUAL_FATAL(path_absolute("\\\\server\\share\\x", "C:/data", &text), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "//server/share/x");
    free(text);
    CU_ASSERT_EQUAL_FATAL(path_absolute("C:/", NULL, &text), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "C:/");
    free(text);
}

static HANDLE open_without_sharing(const char *path) {
    wchar_t wide[1000];
    CU_ASSERT_TRUE_FATAL(MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, 1000) > 0);
    return CreateFileW(wide, GENERIC_READ, 0, NULL, OPEN_EXISTING, 0, NULL);
}

/* Somebody else holds the file for himself: told as "no permission", and possible as soon as he lets go. */
static void a_file_that_is_held_is_told(void) {
    char *path = scratch_path("held"), *other = scratch_path("held-other");
    scratch_write(path, "x");
    HANDLE holder = open_without_sharing(path);
    CU_ASSERT_NOT_EQUAL_FATAL(holder, INVALID_HANDLE_VALUE);
    file_t *f = NULL;
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(file_open(&f, path, IO_READ)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(path_remove(path)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(path_rename(path, other)));
    CloseHandle(holder);
    CU_ASSERT_EQUAL(path_rename(path, other), APR_SUCCESS);
    CU_ASSERT_EQUAL(path_remove(other), APR_SUCCESS);
    free(path), free(other);
}

/* A viewer that lets others write but not move: the content is copied, and the file goes on from its beginning. */
static void a_log_that_is_held_is_rotated(void) {
    char *path = scratch_path("held.log"), *first = scratch_path("held.log.1");
    wchar_t wide[1000];
    log_t log;
    path_info_t info;
    log_init(&log, "test");
    CU_ASSERT_EQUAL_FATAL(log_to_file(path, 2000, 2), APR_SUCCESS);
    CU_ASSERT_TRUE_FATAL(MultiByteToWideChar(CP_UTF8, 0, path, -1, wide, 1000) > 0);
    HANDLE holder = CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    CU_ASSERT_NOT_EQUAL_FATAL(holder, INVALID_HANDLE_VALUE);
    for (int i = 0; i < 60; i++) log_info(&log, "line %d", i);
    log_close();
    CloseHandle(holder);
    CU_ASSERT_EQUAL(path_inspect(first, &info), APR_SUCCESS);
    CU_ASSERT_TRUE(info.kind == PATH_FILE && info.size > 1000 && info.size <= 2000);
    CU_ASSERT_EQUAL(path_inspect(path, &info), APR_SUCCESS);
    CU_ASSERT_TRUE(info.kind == PATH_FILE && info.size > 0 && info.size <= 2000);
    free(path), free(first);
}

static void an_open_file_of_ours_can_be_moved(void) {
    char *path = scratch_path("open-moved"), *other = scratch_path("open-moved-other"), text[3] = "";
    size_t got = 0;
    file_t *f = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_READ | IO_WRITE | IO_CREATE), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_write_at(f, "ab", 2, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(path_rename(path, other), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_write_at(f, "c", 1, 1), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_read_at(f, text, 2, 0, &got), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "ac");
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    CU_ASSERT_EQUAL(path_remove(other), APR_SUCCESS);
    free(path), free(other);
}

/* A mapping reaches beyond the end, and once it is gone the file can be cut. */
static void a_mapping_extends_and_lets_go(void) {
    char *path = scratch_path("mapped");
    file_t *f = NULL;
    mapping_t *m = NULL;
    int64_t size = 0;
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_READ | IO_WRITE | IO_CREATE | IO_SPARSE), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_write_at(f, "abc", 3, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(mapping_create(&m, f, 1 << 20), APR_SUCCESS);
    CU_ASSERT_EQUAL(memcmp(mapping_data(m), "abc\0", 4), 0);
    CU_ASSERT_EQUAL(file_size(f, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(size, 1 << 20);
    mapping_destroy(m);
    CU_ASSERT_EQUAL(file_truncate(f, 3), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_size(f, &size), APR_SUCCESS);
    CU_ASSERT_EQUAL(size, 3);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    free(path);
}

static void the_environment_is_utf8(void) {
    CU_ASSERT_TRUE(SetEnvironmentVariableW(L"QMQ_UNIT_ODD", L"\x672c\x5730"));
    const char *value = process_environment("QMQ_UNIT_ODD");
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    CU_ASSERT_STRING_EQUAL(value, "\xe6\x9c\xac\xe5\x9c\xb0");
    CU_ASSERT_TRUE(SetEnvironmentVariableW(L"QMQ_UNIT_ODD", NULL));
    CU_ASSERT_STRING_EQUAL(value, "\xe6\x9c\xac\xe5\x9c\xb0");
    CU_ASSERT_PTR_NULL(process_environment("QMQ_UNIT_ODD"));
}

static void a_service_is_installed_changed_and_removed(void) {
    static const char name[] = "qmq-unit-test";
    const char *argv[] = {"C:/a b/qmq.exe", "--service", "--home", "C:/with blanks", NULL};
    service_plan_t plan = {.name = name, .title = "QMQ unit test", .text = "A service that is never started", .argv = argv};
    service_info_t info;
    bool existed = true;
    CU_ASSERT_TRUE(service_is_known());
    CU_ASSERT_EQUAL(service_inspect(name, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(info.phase, SERVICE_PHASE_MISSING);
    CU_ASSERT_EQUAL(service_start(name), APR_ENOENT);
    CU_ASSERT_EQUAL(service_stop(name), APR_ENOENT);
    CU_ASSERT_EQUAL(service_remove(name), APR_ENOENT);
    apr_status_t status = service_install(&plan, &existed);
    if (APR_STATUS_IS_EACCES(status)) {
        test_skip("this user may not install services");
        return;
    }
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_FALSE(existed);
    plan.title = "QMQ unit test, changed";
    CU_ASSERT_EQUAL(service_install(&plan, &existed), APR_SUCCESS);
    CU_ASSERT_TRUE(existed);
    CU_ASSERT_EQUAL(service_inspect(name, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(info.phase, SERVICE_PHASE_STOPPED);
    CU_ASSERT_EQUAL(info.pid, 0);
    CU_ASSERT_EQUAL(service_stop(name), APR_SUCCESS); /* it is stopped already */
    wchar_t line[200] = L"";
    DWORD size = sizeof line;
    CU_ASSERT_EQUAL(RegGetValueW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Services\\qmq-unit-test", L"ImagePath",
                                 RRF_RT_REG_SZ | RRF_RT_REG_EXPAND_SZ | RRF_NOEXPAND, NULL, line, &size),
                    ERROR_SUCCESS);
    CU_ASSERT_EQUAL(wcscmp(line, L"\"C:\\a b\\qmq.exe\" --service --home \"C:/with blanks\""), 0);
    CU_ASSERT_EQUAL(service_remove(name), APR_SUCCESS);
    CU_ASSERT_EQUAL(service_inspect(name, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(info.phase, SERVICE_PHASE_MISSING);
}

static struct {
    int actions, restarts;
    bool delayed, described;
    DWORD shutdown_ms, forget_s;
} asked;

static BOOL WINAPI note_what_is_asked(SC_HANDLE service, DWORD level, void *what) {
    CU_ASSERT_PTR_NOT_NULL(service);
    if (level == SERVICE_CONFIG_DESCRIPTION) asked.described = ((SERVICE_DESCRIPTIONW *)what)->lpDescription[0] != 0;
    if (level == SERVICE_CONFIG_DELAYED_AUTO_START_INFO) asked.delayed = *(BOOL *)what != 0;
    if (level == SERVICE_CONFIG_PRESHUTDOWN_INFO) asked.shutdown_ms = *(DWORD *)what;
    if (level == SERVICE_CONFIG_FAILURE_ACTIONS) {
        const SERVICE_FAILURE_ACTIONSW *failures = what;
        asked.forget_s = failures->dwResetPeriod;
        asked.actions = (int)failures->cActions;
        for (DWORD i = 0; i < failures->cActions; i++) asked.restarts += failures->lpsaActions[i].Type == SC_ACTION_RESTART;
    }
    return ChangeServiceConfig2W(service, level, what);
}

/* Also of a service that was there; Wine keeps only a part of it. */
static void recovery_and_delayed_start_are_asked_for(void) {
    static const char name[] = "qmq-unit-asked";
    const char *argv[] = {"C:/qmq.exe", "--service", NULL};
    service_plan_t plan = {.name = name, .title = "QMQ", .text = "A service that is never started", .argv = argv};
    for (int i = 0; i < 2; i++) {
        memset(&asked, 0, sizeof asked);
        service_change = note_what_is_asked;
        apr_status_t status = service_install(&plan, NULL);
        service_change = ChangeServiceConfig2W;
        CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
        CU_ASSERT_EQUAL(asked.actions, 3);
        CU_ASSERT_EQUAL(asked.restarts, 3);
        CU_ASSERT_TRUE(asked.described && asked.delayed);
        CU_ASSERT_TRUE(asked.shutdown_ms >= 60000);
        CU_ASSERT_TRUE(asked.forget_s > 0);
    }
    CU_ASSERT_EQUAL(service_remove(name), APR_SUCCESS);
}

static SC_HANDLE WINAPI nobody_may(const wchar_t *machine, const wchar_t *database, DWORD access) {
    (void)machine, (void)database, (void)access;
    SetLastError(ERROR_ACCESS_DENIED);
    return NULL;
}

static void who_may_not_install_services_is_told(void) {
    const char *argv[] = {"C:/qmq.exe", "--service", NULL};
    service_plan_t plan = {.name = "qmq-unit-denied", .title = "QMQ", .text = "Never there", .argv = argv};
    service_info_t info;
    service_manager_open = nobody_may;
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(service_install(&plan, NULL)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(service_start(plan.name)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(service_stop(plan.name)));
    CU_ASSERT_TRUE(APR_STATUS_IS_EACCES(service_remove(plan.name)));
    service_manager_open = OpenSCManagerW;
    CU_ASSERT_EQUAL(service_inspect(plan.name, &info), APR_SUCCESS);
    CU_ASSERT_EQUAL(info.phase, SERVICE_PHASE_MISSING);
    HKEY key = NULL;
    CU_ASSERT_EQUAL(RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\qmq-unit-denied", 0,
                                  KEY_READ, &key),
                    ERROR_FILE_NOT_FOUND);
}

/* The child is told these controls, as by the service manager, and its exit code is made of the first two events that come of them. */
static int controlled(const char *first, const char *second) {
    char *program = NULL;
    int code = -1;
    CU_ASSERT_EQUAL_FATAL(process_executable(&program), APR_SUCCESS);
    const char *argv[] = {program, "--child", "control", first, second, NULL};
    CU_ASSERT_EQUAL(process_run(argv, NULL, 0, &code), APR_SUCCESS);
    free(program);
    return code;
}

int system_child(char **argv) {
    if (strcmp(argv[2], "control") != 0) return 99;
    if (control_install() != APR_SUCCESS) return 98;
    for (char **control = argv + 3; *control != NULL; control++) {
        if (service_take_control((DWORD)atoi(*control)) == ERROR_CALL_NOT_IMPLEMENTED) return 97;
    }
    int first = (int)control_wait(0), second = (int)control_wait(0);
    return first * 10 + second;
}

static void what_the_manager_says_is_one_stop_or_a_reload(void) {
    CU_ASSERT_EQUAL(controlled("1", NULL), CONTROL_STOP * 10);  /* stop */
    CU_ASSERT_EQUAL(controlled("5", NULL), CONTROL_STOP * 10);  /* shutdown */
    CU_ASSERT_EQUAL(controlled("15", NULL), CONTROL_STOP * 10); /* the one before the shutdown */
    CU_ASSERT_EQUAL(controlled("1", "15"), CONTROL_STOP * 10);
    CU_ASSERT_EQUAL(controlled("6", NULL), CONTROL_RELOAD * 10); /* parameters have changed */
    CU_ASSERT_EQUAL(controlled("4", NULL), CONTROL_NONE);        /* interrogate */
    CU_ASSERT_EQUAL(controlled("14", NULL), 97);                 /* a session changes: log-on, log-off */
}

/* Wine takes what is reported and keeps nothing. */
static void a_complaint_is_in_the_event_log(void) {
    HANDLE log = OpenEventLogW(NULL, L"Application");
    CU_ASSERT_PTR_NOT_NULL_FATAL(log);
    DWORD before = 0, after = 0;
    BOOL counts = GetNumberOfEventLogRecords(log, &before);
    service_complain("qmq-unit-test", "a line of the unit test, \xe6\x9c\xac");
    counts = counts && GetNumberOfEventLogRecords(log, &after);
    CloseEventLog(log);
    if (!counts || (before == 0 && after == 0)) {
        test_skip("this system keeps no events");
    } else {
        CU_ASSERT_EQUAL(after, before + 1);
    }
}

static int never_run(void *arg) {
    (void)arg;
    CU_FAIL("not a service");
    return 0;
}

static void only_the_manager_starts_a_service(void) {
    int code = 0;
    CU_ASSERT_EQUAL(service_run("qmq-unit-test", never_run, NULL, &code), APR_EINVAL);
}

#define IDLE_PAIRS 1000

typedef struct crowd {
    peer_t *peers;
    int closed;
} crowd_t;

static void do_nothing(peer_t *p) {
    (void)p;
}

static void count_closed(peer_t *p) {
    crowd_t *c = p->context;
    if (++c->closed == 2 * IDLE_PAIRS + 2) loop_stop(p->loop);
}

static void pass_back(peer_t *p, const unsigned char *bytes, size_t size) {
    io_slice_t slice = {bytes, size};
    if (p->received >= 2000) {
        loop_stop(p->loop);
        return;
    }
    CU_ASSERT_EQUAL(loop_socket_write(p->socket, &slice, 1), APR_SUCCESS);
}

/* Two connections talk among 2 000 that say nothing: those are not looked at. */
static void idle_connections_are_not_looked_at(void) {
    loop_t *l = guarded_loop_create();
    crowd_t crowd = {.peers = calloc(2 * IDLE_PAIRS + 2, sizeof(peer_t))};
    if (crowd.peers == NULL) abort();
    for (size_t i = 0; i < 2 * IDLE_PAIRS + 2; i += 2) {
        peer_pair(&crowd.peers[i], l, &crowd.peers[i + 1], l);
        for (size_t k = i; k < i + 2; k++) {
            crowd.peers[k].context = &crowd;
            crowd.peers[k].on_closed = count_closed;
            if (k >= 2) crowd.peers[k].on_readable = do_nothing;
            loop_socket_read_on(crowd.peers[k].socket, true);
        }
    }
    crowd.peers[0].on_bytes = crowd.peers[1].on_bytes = pass_back;
    io_slice_t first = {"x", 1};
    CU_ASSERT_EQUAL(loop_socket_write(crowd.peers[0].socket, &first, 1), APR_SUCCESS);
    guarded_loop_run(l);
    int idle_calls = 0;
    for (size_t i = 2; i < 2 * IDLE_PAIRS + 2; i++) idle_calls += crowd.peers[i].readable_calls;
    CU_ASSERT_EQUAL(idle_calls, 0);
    CU_ASSERT_TRUE(crowd.peers[0].received >= 1999);
    for (size_t i = 0; i < 2 * IDLE_PAIRS + 2; i++) loop_socket_close(crowd.peers[i].socket);
    guarded_loop_run(l);
    CU_ASSERT_EQUAL(crowd.closed, 2 * IDLE_PAIRS + 2);
    loop_destroy(l);
    free(crowd.peers);
}

const test_case_t system_cases[] = {
    TEST(arguments_are_quoted),
    TEST(percent_signs_outlive_the_service_manager),
    TEST(odd_names_are_names),
    TEST(long_paths_are_paths),
    TEST(spellings_of_a_path_are_one),
    TEST(a_file_that_is_held_is_told),
    TEST(a_log_that_is_held_is_rotated),
    TEST(an_open_file_of_ours_can_be_moved),
    TEST(a_mapping_extends_and_lets_go),
    TEST(the_environment_is_utf8),
    TEST(a_service_is_installed_changed_and_removed),
    TEST(recovery_and_delayed_start_are_asked_for),
    TEST(who_may_not_install_services_is_told),
    TEST(what_the_manager_says_is_one_stop_or_a_reload),
    TEST(a_complaint_is_in_the_event_log),
    TEST(only_the_manager_starts_a_service),
    TEST(idle_connections_are_not_looked_at),
    TEST_END,
};
