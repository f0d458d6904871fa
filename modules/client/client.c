#include "client/client.h"

#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/writer.h"
#include "client/names.h"
#include "client/push_consumer.h"
#include "portability/clock.h"
#include "portability/host.h"
#include "protocol/codes.h"

#include <stdio.h>

#define CONNECT_TIMEOUT_US (5 * SECOND_US)
#define IDLE_CLOSE_US (120 * SECOND_US)
#define MOST_FRAME ((size_t)256 * 1024 * 1024)
#define BACKGROUND_THREADS 2
#define DEFAULT_APP_CODE "qmq-c"
#define UNKNOWN_ADDRESS "127.0.0.1"

void qmq_client_options_init(qmq_client_options_t *options) {
    memset(options, 0, sizeof *options);
    options->size = sizeof *options;
}

const char *qmq_version(void) {
    return QMQ_VERSION;
}

const char *qmq_client_id(const qmq_client_t *client) {
    return client->id;
}

int client_fail(qmq_error_t **error, qmq_error_t *e) {
    int status = qmq_error_status(e);
    if (error == NULL) {
        qmq_error_free(e);
    } else {
        *error = e;
    }
    return status;
}

int64_t client_left_us(int64_t deadline_us) {
    int64_t left = deadline_us - clock_mono_us();
    return left < 0 ? 0 : left;
}

static void log_to_standard_error(void *arg, qmq_log_level_t level, const char *line) {
    (void)arg;
    if (level >= QMQ_LOG_WARN) (void)fprintf(stderr, "qmq: %s\n", line);
}

void client_log(const qmq_client_t *c, qmq_log_level_t level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *line = memory_vprintf(format, arguments);
    va_end(arguments);
    c->log(c->log_arg, level, line);
    memory_free(line);
}

void client_call(qmq_client_t *c, void (*fn)(void *arg), void *arg) {
    if (loop_is_current(c->loop)) {
        fn(arg);
    } else {
        loops_call(c->loops, 0, fn, arg);
    }
}

void client_request(qmq_client_t *c, const char *address, int16_t code, int64_t timeout_us, writer_t *body, response_fn done, void *arg) {
    request_options_t options = {.code = code,
                                 .version = VERSION_CURRENT,
                                 .request_code = code,
                                 .timeout_us = timeout_us,
                                 .separate = code == REQUEST_CLIENT_REGISTER};
    chain_t chain;
    size_t size = 0;
    chain_init(&chain);
    uint8_t *bytes = writer_take(body, &size);
    if (bytes != NULL) chain_append_memory(&chain, bytes, size);
    requester_send(c->requester, address, &options, &chain, done, arg);
}

/* client.md 2.1: overrides first, then what the machine says. */
static void own_address(char *to, size_t size) {
    const char *set = process_environment("QMQ_IP");
    if (set != NULL && *set != 0) {
        (void)snprintf(to, size, "%s", set);
    } else if (host_address(to, size) != APR_SUCCESS) {
        (void)snprintf(to, size, UNKNOWN_ADDRESS);
    }
}

static void own_name(char *to, size_t size) {
    const char *set = process_environment("QMQ_HOST");
    if (set == NULL || *set == 0) set = process_environment("QMQ_IP");
    if (set != NULL && *set != 0) {
        (void)snprintf(to, size, "%s", set);
    } else if (host_name(to, size) != APR_SUCCESS || *to == 0) {
        own_address(to, size);
    }
}

static char *default_id(void) {
    char host[256];
    char digest[33];
    char *path = NULL;
    own_name(host, sizeof host);
    if (process_executable(&path) != APR_SUCCESS) path = memory_strdup("");
    id_md5_hex(view_of(path), digest);
    memory_free(path);
    return memory_printf("%s@@%s", host, digest);
}

static char *id_suffix(void) {
    char address[64];
    own_address(address, sizeof address);
    return memory_printf(".%s.%lld.", address, (long long)process_id());
}

static bool options_are_valid(const qmq_client_options_t *o, qmq_error_t **error) {
    if (o->metaserver == NULL || *o->metaserver == 0) {
        (void)client_fail(error, error_create(QMQ_INVALID, "Set options.metaserver to \"host:port\" of its HTTP port, 8080 by default",
                                              "no metaserver is named"));
        return false;
    }
    if (strpbrk(o->metaserver, " \t\r\n") != NULL) {
        (void)client_fail(error, error_create(QMQ_INVALID, "Write host:port, as in 127.0.0.1:8080",
                                              "\"%s\" is not the address of a metaserver", o->metaserver));
        return false;
    }
    return o->client_id == NULL || name_check_client_id(o->client_id, error);
}

typedef struct starting {
    qmq_client_t *client;
    apr_status_t status;
} starting_t;

static void start_on_loop(void *arg) {
    starting_t *s = arg;
    qmq_client_t *c = s->client;
    requester_options_t options = {.context = loops_context(c->loops, 0),
                                   .resolver = c->background,
                                   .connect_timeout_us = CONNECT_TIMEOUT_US,
                                   .idle_close_us = IDLE_CLOSE_US,
                                   .max_frame = MOST_FRAME};
    s->status = requester_create(&c->requester, &options);
    subject_config_start(&c->subject_config);
}

static apr_status_t start_threads(qmq_client_t *c) {
    starting_t starting = {c, APR_SUCCESS};
    apr_status_t status = loops_start(&c->loops, "qmq", 1);
    if (status != APR_SUCCESS) return status;
    c->loop = loops_at(c->loops, 0);
    status = executor_create(&c->background, "qmq-lookup", BACKGROUND_THREADS, 0);
    if (status == APR_SUCCESS) status = executor_create(&c->callbacks, "qmq-callback", 1, 0);
    if (status != APR_SUCCESS) return status;
    client_call(c, start_on_loop, &starting);
    return starting.status;
}

static void free_client(qmq_client_t *c) {
    executor_destroy(c->callbacks);
    executor_destroy(c->background);
    loops_stop(c->loops);
    discovery_free(&c->discovery);
    subject_config_free(&c->subject_config);
    memory_free(c->env);
    memory_free(c->sub_env);
    table_free(&c->subscriptions);
    memory_free(c->app_code);
    memory_free(c->id);
    memory_free(c->ldc);
    memory_free(c->id_suffix);
    memory_free(c);
}

qmq_client_t *qmq_client_create(const qmq_client_options_t *given, qmq_error_t **error) {
    qmq_client_options_t o;
    qmq_client_options_init(&o);
    memcpy(&o, given, given->size < sizeof o ? given->size : sizeof o); /* a caller built with an older header */
    if (!options_are_valid(&o, error)) return NULL;
    qmq_client_t *c = memory_zalloc(sizeof *c);
    c->app_code = memory_strdup(o.app_code == NULL ? DEFAULT_APP_CODE : o.app_code);
    c->id = o.client_id == NULL ? default_id() : memory_strdup(o.client_id);
    c->ldc = memory_strdup(o.ldc == NULL || o.ldc[strspn(o.ldc, " \t")] == 0 ? "" : o.ldc);
    c->id_suffix = id_suffix();
    c->env = memory_strdup(o.env == NULL ? "" : o.env);
    c->sub_env = memory_strdup(o.sub_env == NULL ? "" : o.sub_env);
    c->log = o.log == NULL ? log_to_standard_error : o.log;
    c->log_arg = o.log_arg;
    discovery_init(&c->discovery, c, o.metaserver);
    routes_init(&c->routes, c);
    if (!subject_config_init(&c->subject_config, c, o.subject_config, error)) {
        free_client(c);
        return NULL;
    }
    apr_status_t status = start_threads(c);
    if (status == APR_SUCCESS) return c;
    char text[120];
    (void)client_fail(error, error_create(QMQ_INTERNAL, "Raise the limits of open files and threads of this user",
                                          "the client cannot start: %s", status_text(status, text, sizeof text)));
    free_client(c);
    return NULL;
}

typedef struct stopping {
    qmq_client_t *client;
    mutex_t lock;
    condition_t ended;
    bool done;
} stopping_t;

static void on_requester_stopped(void *arg) {
    stopping_t *s = arg;
    mutex_lock(&s->lock);
    s->done = true;
    condition_signal(&s->ended);
    mutex_unlock(&s->lock);
}

static void stop_on_loop(void *arg) {
    stopping_t *s = arg;
    routes_stop(&s->client->routes);
    subject_config_stop(&s->client->subject_config);
    requester_destroy(s->client->requester, on_requester_stopped, s);
}

static void free_routes(void *arg) {
    routes_free(arg);
}

void qmq_client_destroy(qmq_client_t *c) {
    if (c == NULL) return;
    push_consumer_reap(c->left_behind, clock_mono_us() + SECOND_US);
    stopping_t s = {.client = c};
    mutex_init(&s.lock);
    condition_init(&s.ended);
    client_call(c, stop_on_loop, &s);
    mutex_lock(&s.lock);
    while (!s.done) condition_wait(&s.ended, &s.lock);
    mutex_unlock(&s.lock);
    condition_destroy(&s.ended);
    mutex_destroy(&s.lock);
    executor_stop(c->background); /* a look-up in progress still reports to the loop */
    client_call(c, free_routes, &c->routes);
    free_client(c);
}
