/* What only POSIX systems have: signals, descriptor limits, systemd's socket. */
#include "suites.h"

#include "child.h"
#include "portability/clock.h"
#include "portability/control.h"
#include "portability/host.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

double processor_seconds(void) {
    return (double)clock() / CLOCKS_PER_SEC;
}

static void hang_up_is_reload(void) {
    apr_status_t status = control_install();
    CU_ASSERT_TRUE_FATAL(status == APR_SUCCESS || APR_STATUS_IS_EEXIST(status));
    CU_ASSERT_EQUAL(kill(getpid(), SIGHUP), 0);
    CU_ASSERT_EQUAL(control_wait(30000000), CONTROL_RELOAD);
    CU_ASSERT_EQUAL(kill(getpid(), SIGPIPE), 0); /* ignored */
    CU_ASSERT_EQUAL(control_wait(0), CONTROL_NONE);
}

static bool is_serving(void *arg) {
    char *text = NULL;
    size_t size = 0;
    if (file_read_all(arg, 1000, &text, &size) != APR_SUCCESS) return false;
    bool found = strstr(text, "serving\n") != NULL;
    free(text);
    return found;
}

static bool is_gone(void *arg) {
    return !process_alive(*(int64_t *)arg);
}

static void interrupt_is_stop(void) {
    char *program = NULL, *log = scratch_path("interrupted.log"), *text = NULL;
    size_t size = 0;
    int64_t pid = 0;
    CU_ASSERT_EQUAL_FATAL(process_executable(&program), APR_SUCCESS);
    const char *argv[] = {program, "--child", "serve", NULL};
    CU_ASSERT_EQUAL_FATAL(process_start_detached(argv, log, &pid), APR_SUCCESS);
    CU_ASSERT_TRUE(test_wait(is_serving, log, 30));
    CU_ASSERT_EQUAL(kill((pid_t)pid, SIGINT), 0);
    CU_ASSERT_TRUE(test_wait(is_gone, &pid, 30));
    CU_ASSERT_EQUAL_FATAL(file_read_all(log, 1000, &text, &size), APR_SUCCESS);
    CU_ASSERT_STRING_EQUAL(text, "serving\nstopped\n");
    free(program), free(log), free(text);
}

static void expect_notice(int fd, control_state_t state, const char *text, const char *expected) {
    char notice[1000] = "";
    control_report(state, text);
    ssize_t n = recv(fd, notice, sizeof notice - 1, MSG_DONTWAIT);
    CU_ASSERT_TRUE_FATAL(n > 0);
    notice[n] = 0;
    CU_ASSERT_STRING_EQUAL(notice, expected);
}

static void the_service_manager_is_told(void) {
    char *path = scratch_path("notify");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CU_ASSERT_TRUE_FATAL(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path));
    control_report(CONTROL_SERVING, "nobody asked");
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CU_ASSERT_EQUAL(setenv("NOTIFY_SOCKET", path, 1), 0);
    expect_notice(fd, CONTROL_STARTING, "reads\nthe log", "EXTEND_TIMEOUT_USEC=30000000\nSTATUS=reads the log");
    expect_notice(fd, CONTROL_SERVING, "port 20881", "READY=1\nSTATUS=port 20881");
    expect_notice(fd, CONTROL_STOPPING, "", "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=");
    char *line = malloc(5000);
    if (line == NULL) abort();
    memset(line, 'x', 4999);
    line[4999] = 0;
    control_report(CONTROL_SERVING, line); /* cut, not spilled */
    char notice[1000];
    ssize_t n = recv(fd, notice, sizeof notice, MSG_DONTWAIT);
    CU_ASSERT_TRUE(n > 400 && n < 700);
    free(line);
    close(fd);
    control_report(CONTROL_STOPPED, "the manager has gone");
    CU_ASSERT_EQUAL(unsetenv("NOTIFY_SOCKET"), 0);
    CU_ASSERT_EQUAL(unlink(path), 0);
    free(path);
}

static int plain_connect(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

typedef struct crowd {
    loop_t *loop;
    loop_timer_t timer;
    int accepted;
    int wanted;
} crowd_t;

static void count_accept(void *arg, raw_socket_t *s) {
    crowd_t *c = arg;
    raw_socket_close(s);
    if (++c->accepted == c->wanted) loop_stop(c->loop);
}

static void stop_crowd(loop_timer_t *t) {
    loop_stop(OWNER_OF(t, crowd_t, timer)->loop);
}

/* Clients wait in the backlog while no descriptor is free, the loop sleeps, and they are taken when one is. */
static void accepting_pauses_without_descriptors(void) {
    enum { CLIENTS = 3 };
    crowd_t crowd = {.loop = guarded_loop_create(), .timer.fire = stop_crowd, .wanted = CLIENTS};
    loop_listener_t *listener = NULL;
    int port = 0, clients[CLIENTS];
    CU_ASSERT_EQUAL_FATAL(loop_listen(&listener, crowd.loop, "127.0.0.1", 0, count_accept, &crowd, &port), APR_SUCCESS);
    for (int i = 0; i < CLIENTS; i++) clients[i] = plain_connect(port);
    struct rlimit before, none;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = (rlim_t)clients[0]; /* lower descriptors are all in use */
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    double start = processor_seconds();
    loop_timer_start(crowd.loop, &crowd.timer, 250000);
    guarded_loop_run(crowd.loop);
    CU_ASSERT_EQUAL(crowd.accepted, 0);
    CU_ASSERT_TRUE(processor_seconds() - start < 0.1);
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    guarded_loop_run(crowd.loop);
    CU_ASSERT_EQUAL(crowd.accepted, CLIENTS);
    for (int i = 0; i < CLIENTS; i++) close(clients[i]);
    loop_listener_close(listener);
    loop_destroy(crowd.loop);
}

typedef struct attempt {
    loop_t *loop;
    apr_status_t status;
    int64_t ended_us;
} attempt_t;

static void attempt_done(void *arg, apr_status_t status, raw_socket_t *s) {
    attempt_t *a = arg;
    a->status = status;
    a->ended_us = clock_mono_us();
    raw_socket_close(s);
    loop_stop(a->loop);
}

/* A listener whose backlog is full does not answer. */
static void a_connection_attempt_times_out(void) {
    enum { FILLERS = 4 };
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    int mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fillers[FILLERS];
    CU_ASSERT_EQUAL_FATAL(bind(mute, (struct sockaddr *)&at, sizeof at), 0);
    CU_ASSERT_EQUAL_FATAL(listen(mute, 0), 0);
    CU_ASSERT_EQUAL_FATAL(getsockname(mute, (struct sockaddr *)&at, &size), 0);
    for (int i = 0; i < FILLERS; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&at, sizeof at);
    }
    attempt_t attempt = {.loop = guarded_loop_create()};
    int64_t start = clock_mono_us();
    CU_ASSERT_EQUAL_FATAL(loop_connect(attempt.loop, "127.0.0.1", ntohs(at.sin_port), 20000, attempt_done, &attempt), APR_SUCCESS);
    guarded_loop_run(attempt.loop);
    CU_ASSERT_TRUE(APR_STATUS_IS_TIMEUP(attempt.status));
    CU_ASSERT_TRUE(attempt.ended_us - start >= 20000);
    loop_destroy(attempt.loop);
    for (int i = 0; i < FILLERS; i++) close(fillers[i]);
    close(mute);
}

static void replacing_keeps_the_mode(void) {
    char *path = scratch_path("secret");
    struct stat info;
    scratch_write(path, "old");
    CU_ASSERT_EQUAL_FATAL(chmod(path, 0600), 0);
    CU_ASSERT_EQUAL(file_replace(path, "new", 3), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(stat(path, &info), 0);
    CU_ASSERT_EQUAL(info.st_mode & 07777, 0600);
    free(path);
}

static void zombies_are_not_alive(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    CU_ASSERT_TRUE_FATAL(pid > 0);
    siginfo_t info;
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    CU_ASSERT_EQUAL(kill(pid, 0), 0);
    CU_ASSERT_FALSE(process_alive(pid));
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WEXITED), 0);
}

int system_child(char **argv) {
    (void)argv;
    return 99;
}

const test_case_t system_cases[] = {
    TEST(hang_up_is_reload),
    TEST(interrupt_is_stop),
    TEST(the_service_manager_is_told),
    TEST(accepting_pauses_without_descriptors),
    TEST(a_connection_attempt_times_out),
    TEST(replacing_keeps_the_mode),
    TEST(zombies_are_not_alive),
    TEST_END,
};
