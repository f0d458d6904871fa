/* Errors of libqmq: a status to branch on, a sentence that says what happened, and one that says what to do about it. */
#ifndef QMQ_ERROR_H
#define QMQ_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* What marks a function as part of the library; the library's own build defines it. */
#ifndef QMQ_API
#define QMQ_API
#endif

typedef struct qmq_error qmq_error_t;

/* A status code of the library (qmq/client.h lists those to branch on). 0 for NULL. */
QMQ_API int qmq_error_status(const qmq_error_t *error);
/* One line in English, valid until the error is freed. "" for NULL. */
QMQ_API const char *qmq_error_message(const qmq_error_t *error);
/* What to do about it, or "". */
QMQ_API const char *qmq_error_remedy(const qmq_error_t *error);
/* Frees the error; NULL is allowed. */
QMQ_API void qmq_error_free(qmq_error_t *error);

#ifdef __cplusplus
}
#endif

#endif
