#include "base/error.h"

struct qmq_error {
    apr_status_t status;
    char *message;
    char *remedy; /* NULL: none */
};

qmq_error_t *error_create(apr_status_t status, const char *remedy, const char *format, ...) {
    qmq_error_t *e = memory_alloc(sizeof *e);
    e->status = status;
    e->remedy = remedy == NULL ? NULL : memory_strdup(remedy);
    va_list arguments;
    va_start(arguments, format);
    e->message = memory_vprintf(format, arguments);
    va_end(arguments);
    return e;
}

qmq_error_t *error_wrap(qmq_error_t *cause, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *front = memory_vprintf(format, arguments);
    va_end(arguments);
    char *message = memory_printf("%s: %s", front, cause->message);
    memory_free(front);
    memory_free(cause->message);
    cause->message = message;
    return cause;
}

void error_set_remedy(qmq_error_t *e, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *remedy = memory_vprintf(format, arguments);
    va_end(arguments);
    memory_free(e->remedy);
    e->remedy = remedy;
}

char *error_line(const qmq_error_t *e) {
    if (e == NULL) return memory_strdup("");
    return e->remedy == NULL ? memory_strdup(e->message) : memory_printf("%s. %s", e->message, e->remedy);
}

int qmq_error_status(const qmq_error_t *error) {
    return error == NULL ? 0 : error->status;
}

const char *qmq_error_message(const qmq_error_t *error) {
    return error == NULL ? "" : error->message;
}

const char *qmq_error_remedy(const qmq_error_t *error) {
    return error == NULL || error->remedy == NULL ? "" : error->remedy;
}

void qmq_error_free(qmq_error_t *error) {
    if (error == NULL) return;
    memory_free(error->message);
    memory_free(error->remedy);
    memory_free(error);
}
