#include "host/host_internal.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"

#include <stdlib.h>
#include <string.h>

#define RUN_FILE_LIMIT (64 * 1024)

/* Where things are */

static char *join(const char *directory, const char *name) {
    return memory_printf("%s/%s", directory, name);
}

static const char *option_or_environment(const char *option, const char *variable) {
    if (option != NULL) return option;
    const char *value = process_environment(variable);
    return value == NULL || *value == 0 ? NULL : value;
}

static qmq_error_t *no_path(apr_status_t status, const char *what, const char *path) {
    char text[120];
    return error_create(status, "Give a path that exists and may be read", "cannot make out the %s %s: %s", what, path,
                        status_text(status, text, sizeof text));
}

/* lib/qmq-broker of an installation: the directory above the executable's. */
static apr_status_t installation(char **home) {
    char *executable = NULL;
    apr_status_t status = process_executable(&executable);
    if (status != APR_SUCCESS) return status;
    for (int i = 0; i < 2; i++) {
        char *slash = strrchr(executable, '/');
        if (slash != NULL) *slash = 0;
    }
    *home = memory_strdup(*executable == 0 ? "/" : executable);
    free(executable);
    return APR_SUCCESS;
}

static apr_status_t absolute(const char *path, char **out) {
    char *found = NULL;
    apr_status_t status = path_absolute(path, NULL, &found);
    if (status == APR_SUCCESS) *out = memory_strdup(found);
    free(found);
    return status;
}

/* The directory given, else the one of that name in the home. */
static qmq_error_t *find_directory(const host_t *h, char **out, const char *given, const char *name, const char *what) {
    if (given == NULL) {
        *out = join(h->home, name);
        return NULL;
    }
    apr_status_t status = absolute(given, out);
    return status == APR_SUCCESS ? NULL : no_path(status, what, given);
}

/* A home that is not there is a slip of the pen: nothing is created for it. */
static qmq_error_t *check_home(const char *home) {
    path_info_t info;
    apr_status_t status = path_inspect(home, &info);
    if (status == APR_SUCCESS && info.kind == PATH_DIRECTORY) return NULL;
    if (status == APR_SUCCESS) status = info.kind == PATH_MISSING ? APR_ENOENT : APR_ENOTDIR;
    char text[120];
    return error_create(status,
                        "Create it with a conf directory after the sample of the release, or name another one with --home (QMQ_HOME)",
                        "the home directory %s cannot be used: %s", home, status_text(status, text, sizeof text));
}

bool home_is_given(const host_t *h) {
    return option_or_environment(h->arguments->home, "QMQ_HOME") != NULL;
}

qmq_error_t *home_find(host_t *h) {
    const char *home = option_or_environment(h->arguments->home, "QMQ_HOME");
    apr_status_t status = home == NULL ? installation(&h->home) : absolute(home, &h->home);
    if (status != APR_SUCCESS) return no_path(status, "home directory", home == NULL ? "of the installation" : home);
    qmq_error_t *e = check_home(h->home);
    if (e == NULL)
        e = find_directory(h, &h->conf, option_or_environment(h->arguments->conf, "QMQ_CONF"), "conf", "configuration directory");
    if (e == NULL) e = find_directory(h, &h->logs, option_or_environment(h->arguments->logs, "QMQ_LOGS"), "logs", "log directory");
    const char *run = option_or_environment(h->arguments->run, "QMQ_RUN");
    if (e == NULL) e = find_directory(h, &h->run, run, "run", "run directory");
    if (e == NULL) e = find_directory(h, &h->pid, run, "pid", "run directory");
    if (e != NULL) return e;
    if (h->arguments->log_file != NULL) {
        status = absolute(h->arguments->log_file, &h->log_path);
        if (status != APR_SUCCESS) return no_path(status, "log file", h->arguments->log_file);
    }
    if (h->arguments->service && h->log_path == NULL) h->log_path = memory_printf("%s/%s.log", h->logs, h->kind->name);
    h->run_path = memory_printf("%s/%s.json", h->run, h->kind->name);
    return NULL;
}

qmq_error_t *home_make_directories(const host_t *h) {
    char *data = join(h->home, "data");
    const char *const paths[] = {h->logs, h->run, data};
    qmq_error_t *e = NULL;
    for (size_t i = 0; e == NULL && i < sizeof paths / sizeof paths[0]; i++) {
        apr_status_t status = directory_create(paths[i]);
        if (status == APR_SUCCESS) continue;
        char text[120];
        e = error_create(status, NULL, "cannot create the directory %s: %s", paths[i], status_text(status, text, sizeof text));
        error_set_remedy(e, "Make the directory above it writable for this user, or choose another directory with --home (QMQ_HOME)");
    }
    memory_free(data);
    return e;
}

/* One server of a kind a home */

static int64_t pid_of_run_file(const host_t *h) {
    char *text = NULL;
    size_t size = 0;
    if (file_read_all(h->run_path, RUN_FILE_LIMIT, &text, &size) != APR_SUCCESS) return 0;
    json_t *run = json_loadb(text, size, 0, NULL);
    free(text);
    int64_t pid = json_integer_value(json_object_get(run, "pid"));
    json_decref(run);
    return pid;
}

qmq_error_t *home_lock(host_t *h) {
    char *path = memory_printf("%s/%s.lock", h->run, h->kind->name);
    apr_status_t status = file_open(&h->lock_file, path, IO_READ | IO_WRITE | IO_CREATE);
    if (status == APR_SUCCESS) status = file_lock(h->lock_file);
    qmq_error_t *e = NULL;
    if (status == APR_EAGAIN) {
        e = error_create(QMQ_E_LOCKED, "Stop it first, or give this one another directory with --home (QMQ_HOME)",
                         "a %s runs in %s already, as process %lld", h->kind->name, h->home, (long long)pid_of_run_file(h));
    } else if (status != APR_SUCCESS) {
        char text[120];
        e = error_create(status, NULL, "cannot lock %s: %s", path, status_text(status, text, sizeof text));
        error_set_remedy(e, "Make %s writable for this user, or choose another directory with --run (QMQ_RUN) or --home (QMQ_HOME)",
                         h->run);
    }
    memory_free(path);
    return e;
}
