/* Starting programs. */
#include "portability/host.h"

#include "portability/posix/system.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNALLED 128 /* exit code of a program that signal n ended: this plus n, as the shell says it */

extern char **environ;

/* What the child reports before it becomes the program: its pid, then, if that fails, why. */
typedef struct report {
    pid_t pid;
    int error;
} report_t;

static void write_report(int fd, const report_t *r) {
    ssize_t n;
    do {
        n = write(fd, r, sizeof *r); /* less than PIPE_BUF: whole or not at all */
    } while (n < 0 && errno == EINTR);
    if (n < 0) _exit(127);
}

static bool read_report(int fd, report_t *r) {
    ssize_t n;
    do {
        n = read(fd, r, sizeof *r);
    } while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *r;
}

/* In the child: signals as a fresh program expects them. Only calls that are allowed after fork in a threaded process. */
static void reset_signals(void) {
    struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;
    sigemptyset(&none);
    for (int signal = 1; signal < NSIG; signal++) (void)sigaction(signal, &standard, NULL); /* KILL and STOP refuse */
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool redirect(const char *log_path) {
    int in = open("/dev/null", O_RDONLY), out = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    return in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2;
}

static _Noreturn void become(char *const *argv, const char *log_path, int report_fd) {
    report_t r = {.pid = getpid()};
    write_report(report_fd, &r);
    reset_signals();
    if (redirect(log_path)) {
        /* Nothing of ours or of who started us is held open for the life of a server; old kernels do without. */
        (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
        execvp(argv[0], argv);
    }
    r.error = errno;
    write_report(report_fd, &r);
    _exit(127);
}

static apr_status_t wait_for(pid_t pid, int *state) {
    while (waitpid(pid, state, 0) < 0) {
        if (errno != EINTR) return system_error();
    }
    return APR_SUCCESS;
}

/* First child: leaves the session, and its own child is nobody's. */
static _Noreturn void leave_session(char *const *argv, const char *log_path, int report_fd) {
    report_t r = {0};
    pid_t second = setsid() < 0 ? -1 : fork();
    if (second == 0) become(argv, log_path, report_fd);
    if (second < 0) {
        r.error = errno;
        write_report(report_fd, &r);
    }
    _exit(0);
}

static apr_status_t take_reports(int fd, int64_t *pid) {
    report_t first = {0}, second = {0};
    if (!read_report(fd, &first)) return APR_EGENERAL;
    if (first.error == 0 && !read_report(fd, &second)) { /* end of the pipe: it was closed by the program's start */
        *pid = first.pid;
        return APR_SUCCESS;
    }
    return APR_FROM_OS_ERROR(first.error != 0 ? first.error : second.error);
}

apr_status_t process_start_detached(const char *const *argv, const char *log_path, int64_t *pid) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return system_error();
    pid_t child = fork();
    if (child == 0) leave_session((char *const *)(uintptr_t)argv, log_path, ends[1]);
    apr_status_t status = child < 0 ? system_error() : APR_SUCCESS;
    close(ends[1]);
    if (child > 0) {
        int state;
        status = wait_for(child, &state);
        apr_status_t reported = take_reports(ends[0], pid);
        if (status == APR_SUCCESS) status = reported;
    }
    close(ends[0]);
    return status;
}

static apr_status_t spawn(const char *const *argv, int input_fd, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, standard;
    sigemptyset(&none);
    sigfillset(&standard);
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return APR_FROM_OS_ERROR(error);
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        if (input_fd >= 0) error = posix_spawn_file_actions_adddup2(&actions, input_fd, 0);
        if (input_fd < 0) error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (error == 0) error = posix_spawnattr_setsigmask(&attributes, &none);
        if (error == 0) error = posix_spawnattr_setsigdefault(&attributes, &standard);
        if (error == 0) error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        if (error == 0) error = posix_spawnp(pid, argv[0], &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return APR_FROM_OS_ERROR(error);
}

/* Writes until the program has taken all or reads no more. The pipe's signal is kept from this thread, not from the process. */
static void feed(int fd, const char *input, size_t size) {
    sigset_t broken, before, pending;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    if (pthread_sigmask(SIG_BLOCK, &broken, &before) != 0) system_fatal("signal mask", 0);
    while (size > 0) {
        ssize_t n = write(fd, input, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        input += n;
        size -= (size_t)n;
    }
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE) == 1 && sigismember(&before, SIGPIPE) == 0) {
        struct timespec now = {0};
        (void)sigtimedwait(&broken, NULL, &now);
    }
    if (pthread_sigmask(SIG_SETMASK, &before, NULL) != 0) system_fatal("signal mask", 0);
}

apr_status_t process_run(const char *const *argv, const void *input, size_t input_size, int *exit_code) {
    int ends[2] = {-1, -1}, state = 0;
    pid_t pid = 0;
    if (input != NULL && pipe2(ends, O_CLOEXEC) != 0) return system_error();
    apr_status_t status = spawn(argv, ends[0], &pid);
    if (ends[0] >= 0) close(ends[0]);
    if (status == APR_SUCCESS && input != NULL) feed(ends[1], input, input_size);
    if (ends[1] >= 0) close(ends[1]);
    if (status == APR_SUCCESS) status = wait_for(pid, &state);
    if (status == APR_SUCCESS) *exit_code = WIFSIGNALED(state) ? SIGNALLED + WTERMSIG(state) : WEXITSTATUS(state);
    return status;
}
