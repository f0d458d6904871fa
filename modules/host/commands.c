#include "host/commands.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "host/service_commands.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "portability/host.h"
#include "portability/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_US (10 * 1000)
#define STOP_WAIT_US (30 * 1000000LL)
#define KILL_WAIT_US (5 * 1000000LL)
#define START_SILENCE_US (60 * 1000000LL) /* without any change of the run file */
#define RUN_FILE_LIMIT (64 * 1024)
#define OUTPUT_LIMIT (16 * 1024 * 1024)

typedef struct files {
    const server_kind_t *kind;
    const char *title; /* as the original's launchers print it */
    char *pid_file;
    char *run_file;
    char *output;
    char *log;
} files_t;

static void files_init(files_t *f, const places_t *places) {
    const char *name = places->kind->name;
    f->kind = places->kind;
    f->title = strcmp(name, "metaserver") == 0 ? "meta server" : name;
    f->pid_file = memory_printf("%s/%s.pid", places->pid, name);
    f->run_file = memory_printf("%s/%s.json", places->run, name);
    f->output = memory_printf("%s/%s.out", places->logs, name);
    f->log = memory_printf("%s/%s.log", places->logs, name);
}

static void files_free(files_t *f) {
    memory_free(f->pid_file);
    memory_free(f->run_file);
    memory_free(f->output);
    memory_free(f->log);
}

static json_t *run_file_read(const files_t *p) {
    char *text = NULL;
    size_t size = 0;
    if (file_read_all(p->run_file, RUN_FILE_LIMIT, &text, &size) != APR_SUCCESS) return NULL;
    json_t *run = json_loadb(text, size, 0, NULL);
    free(text);
    return run;
}

static int64_t run_file_pid(const files_t *p) {
    json_t *run = run_file_read(p);
    int64_t pid = json_integer_value(json_object_get(run, "pid"));
    json_decref(run);
    return pid;
}

/* Process of the instance, 0 when none lives: the pid file first, as the original's scripts; then the run file of a server in the
 * foreground. */
static int64_t running_pid(const files_t *p, bool *has_pid_file) {
    char *text = NULL;
    size_t size = 0;
    int64_t pid = 0;
    *has_pid_file = file_read_all(p->pid_file, 64, &text, &size) == APR_SUCCESS;
    if (*has_pid_file) {
        while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r' || text[size - 1] == ' ')) size--;
        if (!id_parse_i64(view_make(text, size), &pid)) pid = 0;
        free(text);
    }
    int64_t serving = run_file_pid(p);
    if (pid > 0 && serving == pid && process_alive(pid)) return pid;
    return serving > 0 && process_alive(serving) ? serving : 0;
}

static int64_t output_size(const files_t *p) {
    path_info_t info;
    return path_inspect(p->output, &info) == APR_SUCCESS && info.kind == PATH_FILE ? info.size : 0;
}

/* What a server that did not start said: the lines it added to its output. */
static void print_reason(const files_t *p, int64_t from) {
    char *text = NULL;
    size_t size = 0;
    if (file_read_all(p->output, OUTPUT_LIMIT, &text, &size) == APR_SUCCESS && (int64_t)size > from)
        (void)fputs(text + from, stderr);
    else
        (void)fprintf(stderr, "qmq-%s ended without a word. Look into %s\n", p->kind->name, p->log);
    free(text);
}

static apr_status_t spawn(const files_t *p, const char *home, const char *const *arguments, int64_t *pid) {
    char *executable = NULL;
    apr_status_t rv = process_executable(&executable);
    if (rv != APR_SUCCESS) return rv;
    size_t count = 0;
    while (arguments[count] != NULL) count++;
    const char **argv = memory_zalloc((count + 8) * sizeof *argv);
    size_t n = 0;
    argv[n++] = executable;
    argv[n++] = "start-foreground";
    argv[n++] = "--home";
    argv[n++] = home;
    argv[n++] = "--log-file";
    argv[n++] = p->log;
    for (size_t i = 0; i < count; i++) argv[n++] = arguments[i];
    rv = process_start_detached(argv, p->output, pid);
    memory_free(argv);
    free(executable);
    return rv;
}

/* The run file is written again at every step of a start: its time is the progress. */
static int64_t run_file_time(const files_t *p) {
    path_info_t info;
    return path_inspect(p->run_file, &info) == APR_SUCCESS && info.kind == PATH_FILE ? info.modified_ms : 0;
}

static bool is_serving(const files_t *p, int64_t pid) {
    json_t *run = run_file_read(p);
    const char *state = json_string_value(json_object_get(run, "state"));
    bool ours = json_integer_value(json_object_get(run, "pid")) == pid;
    bool serving = ours && state != NULL && (strcmp(state, "serving") == 0 || strcmp(state, "readonly") == 0);
    json_decref(run);
    return serving;
}

/* Waits until the server serves (1) or is gone or says nothing new for too long (0). */
static int await_serving(const files_t *p, int64_t pid) {
    int64_t last = 0;
    int64_t silent_since = clock_mono_us();
    for (;;) {
        if (is_serving(p, pid)) return 1;
        if (!process_alive(pid)) return 0;
        int64_t now = run_file_time(p);
        if (now != last) silent_since = clock_mono_us();
        last = now;
        if (clock_mono_us() - silent_since > START_SILENCE_US) {
            (void)fprintf(stderr, "qmq-%s (process %lld) lives but does not serve after %lld s; it goes on trying. Look into %s\n",
                          p->kind->name, (long long)pid, (long long)(START_SILENCE_US / 1000000), p->log);
            return 0;
        }
        thread_sleep_us(POLL_US);
    }
}

static apr_status_t prepare_directories(const places_t *places) {
    const char *const paths[] = {places->logs, places->pid, places->run};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        apr_status_t rv = directory_create(paths[i]);
        if (rv == APR_SUCCESS) continue;
        (void)fprintf(stderr, "qmq-%s: cannot create %s. Make the directory above it writable, or choose another --home\n",
                      places->kind->name, paths[i]);
        return rv;
    }
    return APR_SUCCESS;
}

static int start(const files_t *p, const places_t *places, const char *const *arguments) {
    (void)printf("Starting qmq %s ... ", p->title);
    (void)fflush(stdout);
    bool has_pid_file;
    int64_t pid = running_pid(p, &has_pid_file);
    if (pid != 0) {
        (void)printf("already running as process %lld.\n", (long long)pid);
        return 0;
    }
    if (prepare_directories(places) != APR_SUCCESS) {
        (void)puts("SERVER DID NOT START");
        return 1;
    }
    (void)path_remove(p->run_file);
    int64_t said = output_size(p);
    apr_status_t rv = spawn(p, places->home, arguments, &pid);
    if (rv != APR_SUCCESS) {
        char why[120];
        (void)puts("SERVER DID NOT START");
        (void)fflush(stdout);
        (void)fprintf(stderr, "qmq-%s: cannot start a process that writes to %s: %s. Start it as the user that owns %s\n", p->kind->name,
                      p->output, status_text(rv, why, sizeof why), places->logs);
        return 1;
    }
    char text[32];
    (void)snprintf(text, sizeof text, "%lld", (long long)pid);
    if (file_replace(p->pid_file, text, strlen(text)) != APR_SUCCESS) {
        (void)puts("FAILED TO WRITE PID");
        (void)fprintf(stderr, "qmq-%s: cannot write %s; the server runs as process %s. Make the directory writable\n", p->kind->name,
                      p->pid_file, text);
        return 1;
    }
    if (!await_serving(p, pid)) {
        (void)puts("SERVER DID NOT START");
        (void)fflush(stdout);
        if (!process_alive(pid)) {
            print_reason(p, said);
            (void)path_remove(p->pid_file);
        }
        return 1;
    }
    (void)puts("STARTED");
    return 0;
}

static bool await_end(int64_t pid, int64_t wait_us) {
    int64_t deadline = clock_mono_us() + wait_us;
    while (process_alive(pid)) {
        if (clock_mono_us() >= deadline) return false;
        thread_sleep_us(POLL_US);
    }
    return true;
}

static int stop(const files_t *p) {
    (void)printf("Stopping qmq %s ... ", p->title);
    (void)fflush(stdout);
    bool has_pid_file;
    int64_t pid = running_pid(p, &has_pid_file);
    if (pid == 0) {
        if (has_pid_file)
            (void)printf("no %s to stop (process of %s is gone)\n", p->title, p->pid_file);
        else
            (void)printf("no %s to stop (could not find file %s)\n", p->title, p->pid_file);
        (void)path_remove(p->pid_file);
        (void)path_remove(p->run_file);
        return 0;
    }
    apr_status_t rv = process_ask_stop(pid);
    if (rv == APR_SUCCESS && !await_end(pid, STOP_WAIT_US)) rv = process_kill(pid);
    if (rv != APR_SUCCESS || !await_end(pid, KILL_WAIT_US)) {
        (void)puts("FAILED");
        (void)fprintf(stderr, "qmq-%s: process %lld does not end. Stop it as the user that started it\n", p->kind->name, (long long)pid);
        return 1;
    }
    (void)path_remove(p->pid_file);
    (void)path_remove(p->run_file);
    (void)puts("STOPPED");
    return 0;
}

/* Exit codes as an init script's status: 0 serving, 1 dead with a pid file, 3 not running. */
static int status(const files_t *p) {
    bool has_pid_file;
    int64_t pid = running_pid(p, &has_pid_file);
    if (pid == 0) {
        (void)printf("qmq %s is not running\n", p->title);
        return has_pid_file ? 1 : 3;
    }
    json_t *run = run_file_read(p);
    const char *state = json_string_value(json_object_get(run, "state"));
    (void)printf("qmq %s: %s, process %lld, version %s\n", p->title, state == NULL ? "starting" : state, (long long)pid,
                 json_string_value(json_object_get(run, "version")));
    const char *key;
    json_t *port;
    json_object_foreach(json_object_get(run, "ports"), key, port)(void) printf("  %s %lld\n", key, (long long)json_integer_value(port));
    json_decref(run);
    return 0;
}

static int reload(const files_t *p) {
    bool has_pid_file;
    int64_t pid = running_pid(p, &has_pid_file);
    if (pid == 0) {
        (void)fprintf(stderr, "qmq-%s: not running, nothing to reload\n", p->kind->name);
        return 3;
    }
    if (process_ask_reload(pid) != APR_SUCCESS) {
        (void)fprintf(stderr, "qmq-%s: process %lld does not take the reload request. Ask as the user that started it\n", p->kind->name,
                      (long long)pid);
        return 1;
    }
    (void)printf("qmq %s re-reads its configuration; see %s\n", p->title, p->log);
    return 0;
}

bool host_is_command(const char *word) {
    static const char *const words[] = {"start", "stop", "restart", "status", "reload", "install", "uninstall"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(word, words[i]) == 0) return true;
    return false;
}

int host_command(const char *command, const places_t *places, const char *const *arguments) {
    int service_code = 0;
    if (strcmp(command, "install") == 0) return service_install_command(places->kind, places->home, arguments);
    if (strcmp(command, "uninstall") == 0) return service_uninstall_command(places->kind);
    if (!places->home_is_given && service_command(command, places->kind, &service_code)) return service_code;
    files_t f;
    files_init(&f, places);
    int code = 0;
    if (strcmp(command, "stop") == 0 || strcmp(command, "restart") == 0) code = stop(&f);
    if (code == 0 && (strcmp(command, "start") == 0 || strcmp(command, "restart") == 0)) code = start(&f, places, arguments);
    if (strcmp(command, "status") == 0) code = status(&f);
    if (strcmp(command, "reload") == 0) code = reload(&f);
    files_free(&f);
    return code;
}
