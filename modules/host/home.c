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

qmq_error_t *home_find(host_t *h) {
    const char *home = option_or_environment(h->arguments->home, "QMQ_HOME");
    apr_status_t status = home == NULL ? installation(&h->home) : absolute(home, &h->home);
    if (status != APR_SUCCESS) return no_path(status, "home directory", home == NULL ? "of the installation" : home);
    const char *conf = option_or_environment(h->arguments->conf, "QMQ_CONF");
    if (conf == NULL) {
        h->conf = join(h->home, "conf");
    } else {
        status = absolute(conf, &h->conf);
        if (status != APR_SUCCESS) return no_path(status, "configuration directory", conf);
    }
    if (h->arguments->log_file != NULL) {
        status = absolute(h->arguments->log_file, &h->log_path);
        if (status != APR_SUCCESS) return no_path(status, "log file", h->arguments->log_file);
    }
    char *name = memory_printf("run/%s.json", h->kind->name);
    h->run_path = join(h->home, name);
    memory_free(name);
    return NULL;
}

qmq_error_t *home_make_directories(const host_t *h) {
    static const char *const names[] = {"logs", "run", "data"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = join(h->home, names[i]);
        apr_status_t status = directory_create(path);
        qmq_error_t *e = NULL;
        if (status != APR_SUCCESS) {
            char text[120];
            e = error_create(status, NULL, "cannot create the directory %s: %s", path, status_text(status, text, sizeof text));
            error_set_remedy(e, "Make %s writable for this user, or choose another directory with --home (QMQ_HOME)", h->home);
        }
        memory_free(path);
        if (e != NULL) return e;
    }
    return NULL;
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
    char *name = memory_printf("run/%s.lock", h->kind->name);
    char *path = join(h->home, name);
    memory_free(name);
    apr_status_t status = file_open(&h->lock_file, path, IO_READ | IO_WRITE | IO_CREATE);
    if (status == APR_SUCCESS) status = file_lock(h->lock_file);
    qmq_error_t *e = NULL;
    if (status == APR_EAGAIN) {
        e = error_create(QMQ_E_LOCKED, "Stop it first, or give this one another directory with --home (QMQ_HOME)",
                         "a %s runs in %s already, as process %lld", h->kind->name, h->home, (long long)pid_of_run_file(h));
    } else if (status != APR_SUCCESS) {
        char text[120];
        e = error_create(status, NULL, "cannot lock %s: %s", path, status_text(status, text, sizeof text));
        error_set_remedy(e, "Make %s/run writable for this user, or choose another directory with --home (QMQ_HOME)", h->home);
    }
    memory_free(path);
    return e;
}
