#include "host/service_commands.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "portability/host.h"
#include "portability/service.h"
#include "portability/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_US (50 * 1000)
#define SILENCE_US (60 * 1000000LL) /* without any progress */
#define MOST_OPTIONS 24

char *service_name_of(const server_kind_t *kind) {
    return memory_printf("qmq-%s", kind->name);
}

static int refused(const server_kind_t *kind, const char *what, apr_status_t status) {
    char why[120];
    if (status == APR_ENOTIMPL) {
        (void)fprintf(stderr, "qmq-%s: this system has no services of this kind. Use the package's unit: systemctl enable qmq-%s\n",
                      kind->name, kind->name);
    } else if (APR_STATUS_IS_EACCES(status)) {
        (void)fprintf(stderr, "qmq-%s: this user may not %s services. Open the console as administrator and try again\n", kind->name, what);
    } else if (status == QMQ_E_INVALID) {
        (void)fprintf(stderr,
                      "qmq-%s: the service manager would replace the %%NAME%% in the path of this program. Move it to another place\n",
                      kind->name);
    } else {
        (void)fprintf(stderr, "qmq-%s: cannot %s the service qmq-%s: %s. Look into the event log of the system\n", kind->name, what,
                      kind->name, status_text(status, why, sizeof why));
    }
    return 1;
}

/* install and uninstall */

static bool is_given(const char *const *arguments, const char *option) {
    size_t size = strlen(option);
    for (; *arguments != NULL; arguments++) {
        if (strncmp(*arguments, option, size) == 0 && ((*arguments)[size] == 0 || (*arguments)[size] == '=')) return true;
    }
    return false;
}

/* The argument list of the service; texts that were made for it are freed with it. */
typedef struct command {
    const char **argv;
    size_t count;
    char **made;
    size_t made_count;
} command_t;

static bool is_path_option(const char *word, size_t size) {
    static const char *const names[] = {"--home", "--conf", "--logs", "--run", "--log-file"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == size && strncmp(names[i], word, size) == 0) return true;
    }
    return false;
}

/* A service has another working directory. */
static void add_path(command_t *c, const char *path) {
    char *full = NULL;
    if (path_absolute(path, NULL, &full) == APR_SUCCESS) {
        c->made[c->made_count++] = full;
        path = full;
    }
    c->argv[c->count++] = path;
}

static void add_arguments(command_t *c, const char *const *arguments) {
    for (size_t i = 0; arguments[i] != NULL; i++) {
        const char *word = arguments[i];
        size_t size = strcspn(word, "=");
        bool is_path = is_path_option(word, size);
        if (is_path && word[size] == '=') {
            char *name = memory_strdup(word);
            name[size] = 0;
            c->made[c->made_count++] = name;
            c->argv[c->count++] = name;
            add_path(c, word + size + 1);
        } else {
            c->argv[c->count++] = word;
            if (is_path && arguments[i + 1] != NULL) add_path(c, arguments[++i]);
        }
    }
}

/* The environment of the one who installs is not the service's. */
static void add_environment(command_t *c, const char *const *arguments) {
    static const char *const pairs[][2] = {
        {"--conf", "QMQ_CONF"}, {"--ip", "QMQ_IP"}, {"--host", "QMQ_HOST"}, {"--logs", "QMQ_LOGS"}, {"--run", "QMQ_RUN"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const char *value = process_environment(pairs[i][1]);
        if (value == NULL || *value == 0 || is_given(arguments, pairs[i][0])) continue;
        const char *const pair[] = {pairs[i][0], value, NULL};
        add_arguments(c, pair);
    }
}

static apr_status_t command_init(command_t *c, const char *home, const char *const *arguments) {
    size_t count = 0;
    while (arguments[count] != NULL) count++;
    size_t room = 2 * count + MOST_OPTIONS;
    *c = (command_t){.argv = memory_zalloc(room * sizeof *c->argv), .made = memory_zalloc(room * sizeof *c->made)};
    char *program = NULL;
    apr_status_t status = process_executable(&program);
    if (status != APR_SUCCESS) return status;
    c->made[c->made_count++] = program;
    c->argv[c->count++] = program;
    c->argv[c->count++] = "--service";
    c->argv[c->count++] = "--home";
    c->argv[c->count++] = home;
    add_environment(c, arguments);
    add_arguments(c, arguments);
    return APR_SUCCESS;
}

static void command_free(command_t *c) {
    for (size_t i = 0; i < c->made_count; i++) free(c->made[i]);
    memory_free(c->made);
    memory_free(c->argv);
}

int service_install_command(const server_kind_t *kind, const char *home, const char *const *arguments) {
    char *name = service_name_of(kind), *title = memory_printf("QMQ %s", kind->name);
    command_t c;
    apr_status_t status = command_init(&c, home, arguments);
    service_plan_t plan = {.name = name, .title = title, .text = "Server of the message queue QMQ", .argv = c.argv};
    bool existed = false;
    if (status == APR_SUCCESS) status = service_install(&plan, &existed);
    int code = 0;
    if (status == APR_SUCCESS) {
        service_info_t info = {0};
        bool runs = service_inspect(name, &info) == APR_SUCCESS && info.phase == SERVICE_PHASE_RUNNING;
        (void)printf("Service %s %s; home %s. It starts with the machine; %s: %s.cmd %s\n", name,
                     existed ? "was there already and is updated" : "is installed", home,
                     runs ? "it runs still as before, to change that" : "to start it now", kind->name, runs ? "restart" : "start");
    } else {
        code = refused(kind, "install", status);
    }
    command_free(&c);
    memory_free(title);
    memory_free(name);
    return code;
}

/* Waiting for the service manager */

static bool is_moving(service_phase_t phase) {
    return phase == SERVICE_PHASE_STARTING || phase == SERVICE_PHASE_STOPPING;
}

/* Waits as long as the service goes on, however long that takes. APR_TIMEUP: it says nothing new. */
static apr_status_t await_rest(const char *name, service_info_t *info) {
    int64_t silent_since = clock_mono_us();
    uint32_t progress = 0;
    for (;;) {
        apr_status_t status = service_inspect(name, info);
        if (status != APR_SUCCESS || !is_moving(info->phase)) return status;
        if (info->progress != progress) silent_since = clock_mono_us();
        progress = info->progress;
        if (clock_mono_us() - silent_since > SILENCE_US) return APR_TIMEUP;
        thread_sleep_us(POLL_US);
    }
}

static int start(const server_kind_t *kind, const char *name) {
    service_info_t info = {0};
    (void)printf("Starting service %s ... ", name);
    (void)fflush(stdout);
    apr_status_t status = service_start(name);
    if (status == APR_SUCCESS) status = await_rest(name, &info);
    if (status == APR_SUCCESS && info.phase == SERVICE_PHASE_RUNNING) {
        (void)puts("STARTED");
        return 0;
    }
    (void)puts("SERVER DID NOT START");
    (void)fflush(stdout);
    if (status != APR_SUCCESS) return refused(kind, "start", status);
    (void)fprintf(stderr, "qmq-%s: the service ended with code %u. Why is in the event log (source %s) and in logs/%s.log of its home\n",
                  kind->name, (unsigned)info.exit_code, name, kind->name);
    return 1;
}

static int stop(const server_kind_t *kind, const char *name) {
    service_info_t info = {0};
    (void)printf("Stopping service %s ... ", name);
    (void)fflush(stdout);
    apr_status_t status = service_stop(name);
    if (status == APR_SUCCESS) status = await_rest(name, &info);
    if (status == APR_SUCCESS && info.phase == SERVICE_PHASE_STOPPED) {
        (void)puts("STOPPED");
        return 0;
    }
    (void)puts("FAILED");
    (void)fflush(stdout);
    return refused(kind, "stop", status == APR_SUCCESS ? APR_TIMEUP : status);
}

static const char *phase_text(service_phase_t phase) {
    static const char *const texts[] = {[SERVICE_PHASE_MISSING] = "not installed",
                                        [SERVICE_PHASE_STOPPED] = "stopped",
                                        [SERVICE_PHASE_STARTING] = "starting",
                                        [SERVICE_PHASE_RUNNING] = "running",
                                        [SERVICE_PHASE_STOPPING] = "stopping"};
    return texts[phase];
}

int service_uninstall_command(const server_kind_t *kind) {
    char *name = service_name_of(kind);
    service_info_t info = {0};
    apr_status_t status = service_is_known() ? service_inspect(name, &info) : APR_ENOTIMPL;
    int code = 0;
    if (status == APR_SUCCESS && info.phase == SERVICE_PHASE_MISSING) {
        (void)fprintf(stderr, "qmq-%s: there is no service %s. Nothing is to be done\n", kind->name, name);
        code = 1;
    } else if (status == APR_SUCCESS) {
        if (info.phase != SERVICE_PHASE_STOPPED) code = stop(kind, name);
        if (code == 0) status = service_remove(name);
    }
    if (status != APR_SUCCESS) {
        code = refused(kind, "uninstall", status);
    } else if (code == 0) {
        (void)printf("Service %s is uninstalled; configuration and data stay\n", name);
    }
    memory_free(name);
    return code;
}

bool service_command(const char *command, const server_kind_t *kind, int *exit_code) {
    service_info_t info = {0};
    if (!service_is_known()) return false;
    char *name = service_name_of(kind);
    bool runs = service_inspect(name, &info) == APR_SUCCESS && info.phase != SERVICE_PHASE_STOPPED;
    bool exists = info.phase != SERVICE_PHASE_MISSING, ours = false;
    if (strcmp(command, "start") == 0 && exists) {
        *exit_code = start(kind, name);
        ours = true;
    } else if (strcmp(command, "stop") == 0 && exists && runs) {
        *exit_code = stop(kind, name);
        ours = true;
    } else if (strcmp(command, "restart") == 0 && exists) {
        *exit_code = runs ? stop(kind, name) : 0;
        if (*exit_code == 0) *exit_code = start(kind, name);
        ours = true;
    } else if (strcmp(command, "status") == 0 && exists) {
        (void)printf("service %s: %s\n", name, phase_text(info.phase)); /* else what the instance of this home says follows */
        *exit_code = 0;
        ours = runs;
    }
    memory_free(name);
    return ours;
}
