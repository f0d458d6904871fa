/* Who listens on a port: the socket's inode from /proc/net, then the process that has it open. */
#include "portability/host.h"

#include "base/status.h"
#include "portability/file.h"
#include "portability/posix/system.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0A
#define NAME_LIMIT 64

typedef struct listening {
    unsigned port;
    unsigned long inode;
    unsigned uid;
    char link[48];      /* "socket:[inode]" */
    char directory[64]; /* /proc/<pid>/fd */
} listening_t;

/* One line of /proc/net/tcp or tcp6; addresses and ports are hexadecimal. */
static bool read_line(listening_t *l, const char *line) {
    unsigned port, state, uid;
    unsigned long inode;
    if (sscanf(line, "%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %u %*d %lu", &port, &state, &uid, &inode) != 4) {
        return false;
    }
    if (port != l->port || state != STATE_LISTEN || inode == 0) return false;
    l->inode = inode;
    l->uid = uid;
    return true;
}

static bool find_socket(listening_t *l, const char *table) {
    FILE *file = fopen(table, "re");
    if (file == NULL) return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL) found = read_line(l, line);
    fclose(file);
    return found;
}

/* APR_EOF stops the listing: found. */
static apr_status_t match_descriptor(void *arg, const char *name) {
    listening_t *l = arg;
    char path[sizeof l->directory + NAME_LIMIT], target[sizeof l->link];
    int n = snprintf(path, sizeof path, "%s/%s", l->directory, name);
    if (n < 0 || (size_t)n >= sizeof path) return APR_SUCCESS;
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0) return APR_SUCCESS;
    target[size] = 0;
    return strcmp(target, l->link) == 0 ? APR_EOF : APR_SUCCESS;
}

static apr_status_t match_process(void *arg, const char *name) {
    listening_t *l = arg;
    if (name[strspn(name, "0123456789")] != 0) return APR_SUCCESS;
    int n = snprintf(l->directory, sizeof l->directory, "/proc/%s/fd", name);
    if (n < 0 || (size_t)n >= sizeof l->directory) return APR_SUCCESS;
    return directory_list(l->directory, match_descriptor, l) == APR_EOF ? APR_EOF : APR_SUCCESS; /* others' processes are closed to us */
}

static apr_status_t describe(const listening_t *l, char *to, size_t size) {
    char path[sizeof l->directory], *name = NULL;
    size_t length = 0;
    long long pid = strtoll(l->directory + strlen("/proc/"), NULL, 10);
    snprintf(path, sizeof path, "/proc/%lld/comm", pid);
    apr_status_t status = file_read_all(path, NAME_LIMIT, &name, &length);
    if (status != APR_SUCCESS) return status;
    name[strcspn(name, "\n")] = 0;
    int n = snprintf(to, size, "%s, pid %lld", name, pid);
    free(name);
    return n >= 0 && (size_t)n < size ? APR_SUCCESS : QMQ_E_TOO_LONG;
}

apr_status_t process_listening(int port, char *to, size_t size) {
    listening_t l = {.port = (unsigned)port};
    if (!find_socket(&l, "/proc/net/tcp") && !find_socket(&l, "/proc/net/tcp6")) return APR_ENOENT;
    snprintf(l.link, sizeof l.link, "socket:[%lu]", l.inode);
    apr_status_t status = directory_list("/proc", match_process, &l);
    if (status == APR_EOF) return describe(&l, to, size);
    if (status != APR_SUCCESS) return status;
    int n = snprintf(to, size, "a process of user id %u", l.uid);
    return n >= 0 && (size_t)n < size ? APR_SUCCESS : QMQ_E_TOO_LONG;
}
