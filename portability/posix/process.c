/* Processes that run already: this one and others. */
#include "portability/host.h"

#include "base/status.h"
#include "portability/file.h"
#include "portability/posix/system.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_LIMIT 4096

int64_t process_id(void) {
    return getpid();
}

/* Zero, a negative number and what no pid_t holds would mean groups of processes to kill(2). */
static bool is_single(int64_t pid) {
    return pid > 0 && pid <= INT_MAX;
}

/* The state letter in /proc/<pid>/stat follows the name in brackets, which may hold brackets itself. */
static bool is_zombie(int64_t pid) {
    char path[64], *text = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    if (file_read_all(path, STAT_LIMIT, &text, &size) != APR_SUCCESS) return false;
    const char *end = strrchr(text, ')');
    bool zombie = end != NULL && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
    free(text);
    return zombie;
}

bool process_alive(int64_t pid) {
    if (!is_single(pid)) return false;
    if (kill((pid_t)pid, 0) != 0 && errno != EPERM) return false;
    return !is_zombie(pid); /* nobody may ever fetch its exit code, as in many containers */
}

apr_status_t process_executable(char **out) {
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);
    if (n < 0) return system_error();
    if ((size_t)n == sizeof path) return QMQ_E_TOO_LONG;
    path[n] = 0;
    *out = system_copy(path);
    return APR_SUCCESS;
}

static apr_status_t send_signal(int64_t pid, int signal) {
    if (!is_single(pid)) return APR_EINVAL;
    return kill((pid_t)pid, signal) == 0 ? APR_SUCCESS : system_error();
}

apr_status_t process_ask_stop(int64_t pid) {
    return send_signal(pid, SIGTERM);
}

apr_status_t process_ask_reload(int64_t pid) {
    return send_signal(pid, SIGHUP);
}

apr_status_t process_kill(int64_t pid) {
    return send_signal(pid, SIGKILL);
}

int64_t process_raise_file_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) system_fatal("getrlimit", errno);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    return limit.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)limit.rlim_cur;
}

bool process_has_terminal(bool error) {
    return isatty(error ? STDERR_FILENO : STDOUT_FILENO) == 1;
}

const char *process_environment(const char *name) {
    return getenv(name);
}

void process_arguments(int *argc, char ***argv) {
    (void)argc, (void)argv; /* they are bytes already */
}
