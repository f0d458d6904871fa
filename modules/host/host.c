#include "host/host_internal.h"

#include "base/memory.h"
#include "base/nearest.h"
#include "base/status.h"
#include "host/commands.h"
#include "host/service_commands.h"
#include "portability/clock.h"
#include "portability/control.h"
#include "portability/host.h"
#include "portability/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum exit_code { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PEER = 3, EXIT_CUT_OFF = 4 };

#define RELOAD_US (10 * 1000000LL)
#define PHASE_POLL_US (5 * 1000) /* while starting or stopping only */
#define SECOND_US 1000000LL
#define REPORT_US SECOND_US       /* the service manager takes silence for a hang */
#define LOG_UNREAD_BYTES 67108864 /* until the configuration is read */
#define LOG_UNREAD_KEEP 5

/* Nobody sees the standard error of a service. */
static void complain_as_service(const host_t *h, const qmq_error_t *error) {
    char *name = service_name_of(h->kind), *line = error_line(error);
    service_complain(name, line);
    memory_free(line);
    memory_free(name);
}

/* One line for the person at the terminal, and one in the log when that is a file. */
int host_fail(host_t *h, qmq_error_t *error) {
    char *line = error_line(error);
    (void)fprintf(stderr, "qmq-%s: %s\n", h->kind->name, line);
    memory_free(line);
    if (h->log_path != NULL) {
        log_t log;
        log_init(&log, h->kind->name);
        log_problem(&log, LOG_LEVEL_ERROR, error);
    }
    if (h->arguments->service) complain_as_service(h, error);
    int status = qmq_error_status(error);
    qmq_error_free(error);
    return status == QMQ_E_UNREACHABLE || status == QMQ_E_REFUSED ? EXIT_PEER : EXIT_FAILED;
}

/* Log */

static qmq_error_t *open_log(const host_t *h, int64_t max_bytes, int keep) {
    if (h->log_path == NULL) return NULL;
    apr_status_t status = log_to_file(h->log_path, max_bytes, keep);
    if (status == APR_SUCCESS) return NULL;
    char text[120];
    return error_create(status, "Give --log-file a file in a directory that exists and is writable", "cannot open the log file %s: %s",
                        h->log_path, status_text(status, text, sizeof text));
}

qmq_error_t *host_set_log_level(host_t *h) {
    config_t *config = config_current(h->root->config);
    const char *text = config_string(config, "log.level");
    log_level_t level;
    qmq_error_t *e = NULL;
    if (keys_log_level(text, &level)) {
        log_set_level(level);
    } else {
        e = error_create(QMQ_E_INVALID, "Set it to debug, info, warn or error", "log.level=%s (%s) is no level", text,
                         config_origin(config, "log.level"));
    }
    config_release(config);
    return e;
}

static qmq_error_t *configure_log(host_t *h) {
    qmq_error_t *e = host_set_log_level(h);
    config_t *config = config_current(h->root->config);
    if (e == NULL) log_rotate_every((int)config_int(config, "log.rotate.hours"));
    if (e == NULL) e = open_log(h, config_int(config, "log.max.bytes"), (int)config_int(config, "log.keep"));
    config_release(config);
    return e;
}

/* Configuration */

static bool is_of_part(const server_kind_t *kind, view_t key) {
    for (const server_kind_t *const *part = kind->parts; part != NULL && *part != NULL; part++) {
        config_key_t *common = NULL;
        const config_key_t **tables = NULL;
        keys_gather(*part, &common, &tables);
        bool found = keys_have(tables, key);
        memory_free(tables);
        memory_free(common);
        if (found) return true;
    }
    return false;
}

/* The --set that are for the server itself, and those that are for nobody, so that they are complained of. */
qmq_error_t *host_open_root(host_t *h) {
    config_key_t *common = NULL;
    const config_key_t **tables = NULL;
    keys_gather(h->kind, &common, &tables);
    size_t count = 0;
    while (h->arguments->sets[count] != NULL) count++;
    const char **own = memory_zalloc((count + 1) * sizeof *own);
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        view_t name = keys_name_of(h->arguments->sets[i]);
        if (keys_have(tables, name) || !is_of_part(h->kind, name)) own[used++] = h->arguments->sets[i];
    }
    memory_free(tables);
    memory_free(common);
    qmq_error_t *error = NULL;
    instance_t *root = NULL;
    apr_status_t status = instance_create(h, NULL, h->kind, own, &root, &error);
    memory_free(own);
    if (status == APR_SUCCESS) h->root = root;
    return error;
}

/* Phases: start and stop run on a thread of their own, so that a stop request is heard during both. */

typedef struct phase {
    host_t *host;
    void *self;
    apr_status_t status;
    qmq_error_t *error;
    atomic_bool done;
    bool asked_to_stop;
    bool asked_to_reload;
} phase_t;

static void publish_self(host_t *h, void *self) {
    mutex_lock(&h->scrape_lock);
    h->root->self = self;
    mutex_unlock(&h->scrape_lock);
}

static void run_start(void *arg) {
    phase_t *p = arg;
    host_t *h = p->host;
    p->status = h->kind->start(h->root, &p->self, &p->error);
    if (p->status == APR_SUCCESS) {
        publish_self(h, p->self);
        if (h->kind->serve != NULL) p->status = h->kind->serve(p->self, &p->error);
        if (p->status == APR_SUCCESS) {
            mutex_lock(&h->lock);
            h->served = true;
            host_publish(h);
            mutex_unlock(&h->lock);
        } else {
            publish_self(h, NULL);
            h->kind->stop(p->self);
        }
    }
    atomic_store(&p->done, true);
}

static void run_stop(void *arg) {
    phase_t *p = arg;
    publish_self(p->host, NULL);
    p->host->kind->stop(p->self);
    atomic_store(&p->done, true);
}

static int64_t stop_deadline_us(const host_t *h) {
    config_t *config = config_current(h->root->config);
    int64_t seconds = config_int(config, "host.stop.deadline.seconds");
    config_release(config);
    return seconds * SECOND_US;
}

/* Nothing is flushed or freed: whatever does not end holds locks and files. kill -9 at any moment is survived, and so is this. */
static _Noreturn void cut_off(const host_t *h, const char *why) {
    log_warn(&h->root->log, "%s: the process ends at once", why);
    control_report(CONTROL_STOPPED, why);
    _Exit(EXIT_CUT_OFF);
}

/* Runs body until it is done and notes what is asked meanwhile. stop_at: monotonic time at which it is cut off, 0: none yet. */
static void run_phase(phase_t *p, const char *name, void (*body)(void *arg), int64_t stop_at) {
    host_t *h = p->host;
    thread_t *thread = NULL;
    atomic_store(&p->done, false);
    if (thread_start(&thread, name, body, p) != APR_SUCCESS) {
        body(p);
        return;
    }
    int64_t report_at = clock_mono_us() + REPORT_US;
    while (!atomic_load(&p->done)) {
        control_event_t event = control_wait(PHASE_POLL_US);
        if (clock_mono_us() >= report_at) {
            mutex_lock(&h->lock);
            host_report(h);
            mutex_unlock(&h->lock);
            report_at = clock_mono_us() + REPORT_US;
        }
        if (event == CONTROL_STOP_NOW) cut_off(h, "asked to stop a second time");
        if (event == CONTROL_RELOAD) p->asked_to_reload = true;
        if (event == CONTROL_STOP) {
            p->asked_to_stop = true;
            log_info(&h->root->log, "asked to stop");
            if (stop_at == 0) stop_at = clock_mono_us() + stop_deadline_us(h);
        }
        if (stop_at != 0 && clock_mono_us() > stop_at) cut_off(h, "the stop did not end within host.stop.deadline.seconds");
    }
    thread_join(thread);
}

static void reload(host_t *h, bool force) {
    bool changed = instance_reload(h->root, force);
    for (instance_t *i = h->root->next; i != NULL; i = i->next) (void)instance_reload(i, force);
    qmq_error_t *e = changed ? host_set_log_level(h) : NULL;
    if (e != NULL) log_problem(&h->root->log, LOG_LEVEL_ERROR, e);
    qmq_error_free(e);
}

static void wait_for_stop(host_t *h) {
    for (;;) {
        control_event_t event = control_wait(RELOAD_US);
        if (event == CONTROL_STOP_NOW) cut_off(h, "asked to stop a second time");
        if (event == CONTROL_STOP) return;
        if (event == CONTROL_RELOAD) log_info(&h->root->log, "asked to read the configuration again");
        reload(h, event == CONTROL_RELOAD);
    }
}

static void set_stopping(host_t *h) {
    mutex_lock(&h->lock);
    h->stopping = true;
    host_publish(h);
    mutex_unlock(&h->lock);
}

/* The server runs; returns the exit code. */
static int serve(host_t *h, phase_t *p) {
    if (p->asked_to_reload) reload(h, true);
    if (!p->asked_to_stop) wait_for_stop(h);
    log_info(&h->root->log, "stopping");
    set_stopping(h);
    run_phase(p, "host-stop", run_stop, clock_mono_us() + stop_deadline_us(h));
    mutex_lock(&h->lock);
    qmq_error_t *failure = h->failure;
    h->failure = NULL;
    mutex_unlock(&h->lock);
    if (failure == NULL) {
        log_info(&h->root->log, "stopped");
        return EXIT_STOPPED;
    }
    char *line = error_line(failure);
    if (h->log_path != NULL) (void)fprintf(stderr, "qmq-%s: %s\n", h->kind->name, line); /* instance_fail has logged it */
    memory_free(line);
    qmq_error_free(failure);
    return EXIT_FAILED;
}

static int run_server(host_t *h) {
    log_info(&h->root->log, "%s %s starts: home %s, configuration %s, host name %s (%s), address %s, process %lld", h->kind->title,
             QMQ_VERSION, h->home, h->conf, h->root->host_name, h->root->host_name_origin, h->root->address, (long long)process_id());
    mutex_lock(&h->lock);
    host_publish(h);
    mutex_unlock(&h->lock);
    qmq_error_t *error = NULL;
    if (monitor_start(h, &h->monitor, &error) != APR_SUCCESS) return host_fail(h, error);
    phase_t p = {.host = h};
    run_phase(&p, "host-start", run_start, 0);
    if (p.status == APR_SUCCESS) return serve(h, &p);
    return host_fail(h, p.error);
}

static qmq_error_t *prepare(host_t *h) {
    qmq_error_t *error = h->arguments->service ? home_make_directories(h) : NULL; /* its log lies there */
    if (error == NULL) error = open_log(h, LOG_UNREAD_BYTES, LOG_UNREAD_KEEP);
    if (error == NULL) error = host_open_root(h);
    if (error == NULL) error = configure_log(h);
    if (error == NULL) error = home_make_directories(h);
    if (error == NULL) error = home_lock(h);
    return error;
}

static int run(host_t *h) {
    qmq_error_t *error = home_find(h);
    if (error != NULL) return host_fail(h, error);
    if (h->arguments->command != NULL) {
        const places_t places = {h->kind, h->home, h->logs, h->run, h->pid, home_is_given(h)};
        return host_command(h->arguments->command, &places, h->arguments->passed_on);
    }
    if (h->arguments->check) return host_check(h);
    apr_status_t status = control_install();
    if (status != APR_SUCCESS)
        return host_fail(
            h, error_create(status, "Raise the limit of open files of this user", "cannot install the handlers of stop requests"));
    (void)process_raise_file_limit();
    error = prepare(h);
    if (error != NULL) return host_fail(h, error);
    int code = run_server(h);
    set_stopping(h);
    monitor_stop(h->monitor);
    if (path_remove(h->run_path) != APR_SUCCESS) log_warn(&h->root->log, "cannot remove %s", h->run_path);
    if (!h->arguments->service) control_report(CONTROL_STOPPED, "stopped"); /* a service has ended when its lock is let go */
    return code;
}

static void host_free(host_t *h) {
    instance_destroy(h->root);
    if (file_close(h->lock_file) != APR_SUCCESS) (void)fprintf(stderr, "qmq-%s: cannot close its lock file\n", h->kind->name);
    qmq_error_free(h->failure);
    memory_free(h->home);
    memory_free(h->conf);
    memory_free(h->logs);
    memory_free(h->run);
    memory_free(h->pid);
    memory_free(h->run_path);
    memory_free(h->log_path);
    mutex_destroy(&h->lock);
    mutex_destroy(&h->scrape_lock);
    log_close();
}

static int run_and_free(void *arg) {
    host_t *h = arg;
    int code = run(h);
    host_free(h);
    return code;
}

static int run_as_service(host_t *h) {
    char *name = service_name_of(h->kind);
    int code = EXIT_STOPPED;
    apr_status_t status = service_run(name, run_and_free, h, &code);
    if (status != APR_SUCCESS) {
        (void)fprintf(stderr, "qmq-%s: --service is for the service manager of Windows. Use start, or run it without --service\n",
                      h->kind->name);
        code = EXIT_USAGE;
    }
    memory_free(name);
    return code;
}

int host_main(int argc, char **argv, const server_kind_t *kind) {
    arguments_t arguments;
    int code = EXIT_STOPPED;
    process_arguments(&argc, &argv);
    if (!arguments_parse(&arguments, argc, argv, kind)) {
        code = EXIT_USAGE;
    } else if (arguments.help) {
        help_print(kind);
    } else if (arguments.version) {
        (void)printf("qmq-%s %s\n", kind->name, QMQ_VERSION);
    } else {
        host_t h = {.kind = kind, .arguments = &arguments, .started_ms = clock_wall_ms(), .started_us = clock_mono_us()};
        mutex_init(&h.lock);
        mutex_init(&h.scrape_lock);
        code = arguments.service ? run_as_service(&h) : run_and_free(&h);
    }
    arguments_free(&arguments);
    return code;
}
