#include "process.h"

#include "test.h"

#include "base/memory.h"
#include "http/client.h"
#include "portability/file.h"
#include "portability/host.h"

#include <apr_env.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT (1024 * 1024)
#define SECONDS 20

struct process {
    apr_pool_t *pool;
    const char *program;
    const char *name; /* dummy or composite */
    char *home;
    apr_proc_t child;
    bool running;
    int starts;
};

static int homes;

static void must(apr_status_t status, const char *what) {
    if (status == APR_SUCCESS) return;
    char text[120];
    printf("%s: %s\n", what, apr_strerror(status, text, sizeof text));
    exit(2);
}

process_t *process_create(const char *program, const char *file, const char *text) {
    process_t *p = memory_zalloc(sizeof *p);
    must(apr_pool_create(&p->pool, NULL), "pool");
    p->program = program;
    p->name = strstr(program, "composite") != NULL ? "composite" : "dummy";
    p->home = apr_psprintf(p->pool, "%s/home%d", test_directory(), ++homes);
    must(directory_create(process_path(p, "conf")), "conf");
    must(directory_create(process_path(p, "out")), "out");
    if (text != NULL) process_conf(p, file, text);
    return p;
}

void process_free(process_t *p) {
    if (p->running) {
        process_ask(p, PROCESS_KILL);
        (void)process_end(p);
    }
    apr_pool_destroy(p->pool);
    memory_free(p);
}

const char *process_home(const process_t *p) {
    return p->home;
}

const char *process_path(const process_t *p, const char *name) {
    return apr_psprintf(p->pool, "%s/%s", p->home, name);
}

void process_conf(const process_t *p, const char *file, const char *text) {
    const char *path = apr_psprintf(p->pool, "%s/conf/%s", p->home, file);
    must(file_replace(path, text, strlen(text)), path);
}

static apr_file_t *open_output(const process_t *p, const char *stream) {
    apr_file_t *f = NULL;
    const char *path = apr_psprintf(p->pool, "%s/out/%d.%s", p->home, p->starts, stream);
    must(apr_file_open(&f, path, APR_WRITE | APR_CREATE | APR_TRUNCATE, APR_OS_DEFAULT, p->pool), path);
    return f;
}

void process_start_bare(process_t *p, const char *const *arguments) {
    const char *argv[MOST_ARGUMENTS] = {p->program};
    size_t count = 1;
    while (*arguments != NULL) argv[count++] = *arguments++;
    p->starts++;
    apr_procattr_t *attributes = NULL;
    apr_file_t *out = open_output(p, "out"), *err = open_output(p, "err");
    must(apr_procattr_create(&attributes, p->pool), "attributes");
    must(apr_procattr_cmdtype_set(attributes, APR_PROGRAM_ENV), "command type");
    must(apr_procattr_child_out_set(attributes, out, NULL), "standard output");
    must(apr_procattr_child_err_set(attributes, err, NULL), "standard error");
    must(apr_proc_create(&p->child, p->program, argv, NULL, attributes, p->pool), p->program);
    must(apr_file_close(out), "close");
    must(apr_file_close(err), "close");
    p->running = true;
}

void process_start(process_t *p, const char *const *arguments) {
    const char *all[MOST_ARGUMENTS] = {"--home", p->home, "--set", "monitor.port=0", "--set", "host.stop.deadline.seconds=1"};
    size_t count = 6;
    while (*arguments != NULL) all[count++] = *arguments++;
    process_start_bare(p, all);
}

void process_setenv(process_t *p, const char *name, const char *value) {
    must(value == NULL ? apr_env_delete(name, p->pool) : apr_env_set(name, value, p->pool), name);
}

int64_t process_pid(const process_t *p) {
    return p->child.pid;
}

void process_ask(const process_t *p, process_request_t what) {
    static apr_status_t (*const ask[])(int64_t pid) = {process_ask_stop, process_ask_reload, process_kill};
    must(ask[what](process_pid(p)), "request");
}

typedef struct ending {
    process_t *process;
    int code;
    apr_exit_why_e why;
} ending_t;

static bool has_ended(void *arg) {
    ending_t *e = arg;
    return apr_proc_wait(&e->process->child, &e->code, &e->why, APR_NOWAIT) == APR_CHILD_DONE;
}

int process_end(process_t *p) {
    ending_t e = {p, -1, APR_PROC_EXIT};
    if (!test_wait(has_ended, &e, SECONDS)) {
        printf("process %lld in %s does not end\n", (long long)process_pid(p), p->home);
        return -1;
    }
    p->running = false;
    return APR_PROC_CHECK_EXIT(e.why) ? e.code : -1;
}

static char *read_output(const process_t *p, const char *stream) {
    char *text = NULL;
    size_t size = 0;
    const char *path = apr_psprintf(p->pool, "%s/out/%d.%s", p->home, p->starts, stream);
    must(file_read_all(path, LIMIT, &text, &size), path);
    return text;
}

char *process_errors(const process_t *p) {
    return read_output(p, "err");
}

char *process_output(const process_t *p) {
    return read_output(p, "out");
}

json_t *process_run_file(const process_t *p) {
    char *text = NULL;
    size_t size = 0;
    const char *path = apr_psprintf(p->pool, "%s/run/%s.json", p->home, p->name);
    if (file_read_all(path, LIMIT, &text, &size) != APR_SUCCESS) return NULL;
    json_t *run = json_loads(text, 0, NULL);
    free(text);
    if (run == NULL) printf("%s is no JSON\n", path); /* it must never be seen half-written */
    CU_ASSERT_PTR_NOT_NULL(run);
    return run;
}

typedef struct wish {
    process_t *process;
    const char *key;
    const char *state;
    int port;
} wish_t;

static bool is_in_state(void *arg) {
    wish_t *w = arg;
    json_t *run = process_run_file(w->process);
    const char *state = json_string_value(json_object_get(run, "state"));
    bool found =
        state != NULL && strcmp(state, w->state) == 0 && json_integer_value(json_object_get(run, "pid")) == process_pid(w->process);
    json_decref(run);
    return found;
}

bool process_wait_state(process_t *p, const char *state) {
    wish_t w = {.process = p, .state = state};
    if (test_wait(is_in_state, &w, SECONDS)) return true;
    char *errors = process_errors(p);
    printf("never %s: %s\n", state, errors);
    free(errors);
    return false;
}

int process_port(const process_t *p, const char *key) {
    json_t *run = process_run_file(p);
    int port = (int)json_integer_value(json_object_get(json_object_get(run, "ports"), key));
    json_decref(run);
    return port;
}

static bool has_port(void *arg) {
    wish_t *w = arg;
    return process_port(w->process, w->key) == w->port;
}

bool process_wait_port(process_t *p, const char *key, int port) {
    wish_t w = {.process = p, .key = key, .port = port};
    return test_wait(has_port, &w, SECONDS);
}

char *process_get(const process_t *p, const char *path, int *status) {
    char url[200];
    http_answer_t a;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d%s", process_port(p, "monitor.port"), path);
    *status = 0;
    if (http_fetch(&(http_call_t){.url = url, .method = "GET"}, &a, NULL) != APR_SUCCESS) return memory_strdup("");
    *status = a.status;
    char *text = memory_printf("%s\n%s", a.content_type, a.body);
    http_answer_free(&a);
    return text;
}

json_t *process_health(const process_t *p, int *status) {
    char *text = process_get(p, "/health", status);
    CU_ASSERT(strncmp(text, "application/json\n", 17) == 0);
    json_t *health = json_loads(strchr(text, '\n') == NULL ? "" : strchr(text, '\n'), 0, NULL);
    memory_free(text);
    return health;
}

bool has(const char *text, const char *part) {
    if (strstr(text, part) != NULL) return true;
    printf("no \"%s\" in: %s\n", part, text);
    return false;
}

int count_lines(const char *text) {
    int lines = 0;
    for (; *text != 0; text++) lines += *text == '\n';
    return lines;
}
