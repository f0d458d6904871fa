/* pull_subject_config.properties: what operators set for consumers by subject (client.md 18.2). The file is looked at every few seconds;
 * values are looked up at use. Loop thread, but for init and free. */
#ifndef QMQ_CLIENT_SUBJECT_CONFIG_H
#define QMQ_CLIENT_SUBJECT_CONFIG_H

#include "base/properties.h"
#include "portability/executor.h"
#include "portability/loop.h"
#include "qmq/client.h"

typedef struct subject_config {
    qmq_client_t *client;
    char *path;           /* NULL: there is none */
    properties_t *values; /* NULL: no file */
    int64_t modified_ms;
    int64_t size;
    loop_timer_t timer;
    bool stopped;
    job_t job;
    task_t ended;
    properties_t *fresh; /* what the job read */
    qmq_error_t *problem;
    bool changed;
} subject_config_t;

/* Reads the file for the first time. A missing one is allowed, a malformed one is not. */
bool subject_config_init(subject_config_t *s, qmq_client_t *client, const char *path, qmq_error_t **error);
void subject_config_start(subject_config_t *s);
void subject_config_stop(subject_config_t *s);
void subject_config_free(subject_config_t *s);
/* The value of <subject><suffix>, else of *<suffix>; otherwise when there is none or it is out of range. */
int64_t subject_config_get(const subject_config_t *s, const char *subject, const char *suffix, int64_t least, int64_t most,
                           int64_t otherwise);

#endif
