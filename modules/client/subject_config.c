#include "client/subject_config.h"

#include "base/id.h"
#include "base/memory.h"
#include "client/client.h"
#include "portability/file.h"

#define PERIOD_US (5 * SECOND_US)
#define EVERY_SUBJECT "*"

/* Looks whether the file is another one than before and reads it then. Caller's thread or the executor's; nobody else touches the results
 * meanwhile. */
static void look(subject_config_t *s) {
    path_info_t info = {.kind = PATH_MISSING};
    s->changed = false;
    if (path_inspect(s->path, &info) != APR_SUCCESS) return;
    if (info.kind == PATH_MISSING) info.modified_ms = info.size = 0;
    if (info.modified_ms == s->modified_ms && info.size == s->size) return;
    s->modified_ms = info.modified_ms;
    s->size = info.size;
    s->changed = true;
    if (info.kind != PATH_MISSING) s->fresh = properties_read(s->path, &s->problem);
}

/* A file that cannot be read leaves the old values in use. */
static void take(subject_config_t *s) {
    if (s->changed && s->problem == NULL) {
        properties_free(s->values);
        s->values = s->fresh;
    }
    s->fresh = NULL;
    s->changed = false;
}

static void run_look(job_t *job) {
    subject_config_t *s = (subject_config_t *)(void *)((char *)job - offsetof(subject_config_t, job));
    look(s);
    loop_post(s->client->loop, &s->ended);
}

static void on_ended(task_t *task) {
    subject_config_t *s = (subject_config_t *)(void *)((char *)task - offsetof(subject_config_t, ended));
    if (s->problem != NULL) client_log(s->client, QMQ_LOG_WARN, "%s; the values before it stay in use", qmq_error_message(s->problem));
    take(s);
    qmq_error_free(s->problem);
    s->problem = NULL;
    if (!s->stopped) loop_timer_start(s->client->loop, &s->timer, PERIOD_US);
}

static void on_timer(loop_timer_t *timer) {
    subject_config_t *s = (subject_config_t *)(void *)((char *)timer - offsetof(subject_config_t, timer));
    if (executor_submit(s->client->background, &s->job) != APR_SUCCESS) loop_timer_start(s->client->loop, timer, PERIOD_US);
}

bool subject_config_init(subject_config_t *s, qmq_client_t *client, const char *path, qmq_error_t **error) {
    s->client = client;
    s->job.run = run_look;
    s->ended.run = on_ended;
    s->timer.fire = on_timer;
    if (path == NULL) return true;
    s->path = memory_strdup(path);
    look(s);
    take(s);
    if (s->problem == NULL) return true;
    (void)client_fail(error, error_create(QMQ_INVALID, qmq_error_remedy(s->problem), "%s", qmq_error_message(s->problem)));
    return false;
}

void subject_config_start(subject_config_t *s) {
    if (s->path != NULL) loop_timer_start(s->client->loop, &s->timer, PERIOD_US);
}

void subject_config_stop(subject_config_t *s) {
    s->stopped = true;
    loop_timer_stop(s->client->loop, &s->timer);
}

void subject_config_free(subject_config_t *s) {
    properties_free(s->values);
    properties_free(s->fresh);
    qmq_error_free(s->problem);
    memory_free(s->path);
}

static const char *find(const subject_config_t *s, const char *subject, const char *suffix) {
    char *key = memory_printf("%s%s", subject, suffix);
    const char *value = properties_get(s->values, key);
    memory_free(key);
    return value;
}

int64_t subject_config_get(const subject_config_t *s, const char *subject, const char *suffix, int64_t least, int64_t most,
                           int64_t otherwise) {
    if (s->values == NULL) return otherwise;
    int64_t number;
    const char *value = find(s, subject, suffix);
    if (value == NULL) value = find(s, EVERY_SUBJECT, suffix);
    return value != NULL && id_parse_i64(view_of(value), &number) && number >= least && number <= most ? number : otherwise;
}
