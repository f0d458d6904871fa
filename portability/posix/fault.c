/* QMQ_TEST_FAULTS names a file of rules, one a line:
 *     <operation> <nth> <errno name or KILL> [short] [path=<part of the file's path>]
 * operation: open read write sync preallocate truncate rename remove map. nth counts the operations that match since the rules
 * were read, from 1; "3+" means the third and every later one. "short": half the bytes are written before it fails. KILL ends the
 * process with SIGKILL. The file is read again whenever it was changed; a missing file is no rules. */
#include "portability/posix/fault.h"

#include "portability/posix/system.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_RULES 64
#define KILL_PROCESS (-1)
#define PATH_PART_SIZE 200

typedef struct rule {
    fault_operation_t operation;
    unsigned long nth;
    unsigned long seen;
    int error;
    bool onwards;
    bool is_short;
    char part[PATH_PART_SIZE];
} rule_t;

static const char *const operation_names[] = {"open", "read", "write", "sync", "preallocate", "truncate", "rename", "remove", "map"};

static const struct error_name {
    const char *name;
    int error;
} error_names[] = {{"KILL", KILL_PROCESS}, {"EIO", EIO},       {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT},
                   {"EROFS", EROFS},       {"EACCES", EACCES}, {"EPERM", EPERM},   {"EMFILE", EMFILE},
                   {"ENFILE", ENFILE},     {"ENOMEM", ENOMEM}, {"ENOENT", ENOENT}, {"EINVAL", EINVAL}};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static const char *rules_path;
static struct stat rules_info;
static rule_t rules[MAX_RULES];
static size_t rule_count;

static void reject(const char *line) {
    fprintf(stderr, "qmq: QMQ_TEST_FAULTS: cannot understand: %s\n", line);
    abort();
}

static rule_t parse_rule(const char *line) {
    rule_t rule = {0};
    char operation[16], nth[16], error[16];
    int used = 0;
    if (sscanf(line, "%15s %15s %15s%n", operation, nth, error, &used) != 3) reject(line);
    size_t i = 0;
    while (i < sizeof operation_names / sizeof operation_names[0] && strcmp(operation, operation_names[i]) != 0) i++;
    if (i == sizeof operation_names / sizeof operation_names[0]) reject(line);
    rule.operation = (fault_operation_t)i;
    char *end = NULL;
    rule.nth = strtoul(nth, &end, 10);
    rule.onwards = strcmp(end, "+") == 0;
    if (rule.nth == 0 || (*end != 0 && !rule.onwards)) reject(line);
    for (i = 0; i < sizeof error_names / sizeof error_names[0] && strcmp(error, error_names[i].name) != 0;) i++;
    if (i == sizeof error_names / sizeof error_names[0]) reject(line);
    rule.error = error_names[i].error;
    char word[PATH_PART_SIZE + 5];
    for (const char *rest = line + used; sscanf(rest, "%204s%n", word, &used) == 1; rest += used) {
        if (strcmp(word, "short") == 0) {
            rule.is_short = true;
        } else if (strncmp(word, "path=", 5) == 0) {
            memcpy(rule.part, word + 5, strlen(word + 5) + 1);
        } else {
            reject(line);
        }
    }
    return rule;
}

static bool rules_changed(void) {
    struct stat now;
    if (stat(rules_path, &now) != 0) memset(&now, 0, sizeof now);
    bool same = now.st_ino == rules_info.st_ino && now.st_size == rules_info.st_size && now.st_mtim.tv_sec == rules_info.st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == rules_info.st_mtim.tv_nsec;
    rules_info = now;
    return !same;
}

static void read_rules(void) {
    rule_count = 0;
    FILE *file = fopen(rules_path, "re");
    if (file == NULL) return;
    char line[300];
    while (rule_count < MAX_RULES && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != 0) rules[rule_count++] = parse_rule(line);
    }
    fclose(file);
}

/* With the lock held. */
static bool rules_present(void) {
    if (!started) {
        started = true;
        rules_path = getenv("QMQ_TEST_FAULTS");
    }
    if (rules_path == NULL) return false;
    if (rules_changed()) read_rules();
    return rule_count > 0;
}

static const rule_t *match(fault_operation_t operation, const char *path) {
    const rule_t *hit = NULL;
    for (rule_t *r = rules; r < rules + rule_count; r++) {
        if (r->operation != operation || strstr(path, r->part) == NULL) continue;
        r->seen++;
        if (hit == NULL && (r->seen == r->nth || (r->onwards && r->seen > r->nth))) hit = r;
    }
    return hit;
}

/* With the lock held. The error to fail with, 0 for none. */
static int apply(fault_operation_t operation, const char *path, bool *is_short) {
    const rule_t *hit = match(operation, path);
    if (hit == NULL) return 0;
    if (hit->error == KILL_PROCESS) {
        if (kill(getpid(), SIGKILL) != 0) system_fatal("kill", errno);
        for (;;) pause();
    }
    if (is_short != NULL) *is_short = hit->is_short;
    return hit->error;
}

static void change_lock(int (*change)(pthread_mutex_t *)) {
    if (change(&lock) != 0) system_fatal("fault lock", 0);
}

bool fault_path(fault_operation_t operation, const char *path, bool *is_short) {
    change_lock(pthread_mutex_lock);
    int error = rules_present() ? apply(operation, path, is_short) : 0;
    change_lock(pthread_mutex_unlock);
    if (error != 0) errno = error;
    return error != 0;
}

bool fault_descriptor(fault_operation_t operation, int fd, bool *is_short) {
    int error = 0;
    change_lock(pthread_mutex_lock);
    if (rules_present()) {
        char link[32], path[4096];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof path - 1);
        path[n < 0 ? 0 : n] = 0;
        error = apply(operation, path, is_short);
    }
    change_lock(pthread_mutex_unlock);
    if (error != 0) errno = error;
    return error != 0;
}
