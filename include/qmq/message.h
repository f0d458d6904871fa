/* Messages: a subject, an id, attributes (text by key), tags, perhaps a time of delivery (client.md 3). Not thread-safe; one owner. */
#ifndef QMQ_MESSAGE_H
#define QMQ_MESSAGE_H

#include "qmq/client.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct qmq_message qmq_message_t;

/* A new message of a subject with a generated id; NULL and *error when the subject is not legal. */
QMQ_API qmq_message_t *qmq_message_create(qmq_client_t *client, const char *subject, qmq_error_t **error);
/* NULL is allowed. */
QMQ_API void qmq_message_destroy(qmq_message_t *message);

QMQ_API const char *qmq_message_subject(const qmq_message_t *message); /* real subject, without retry wrapping */
QMQ_API const char *qmq_message_id(const qmq_message_t *message);
/* At most 100 characters. */
QMQ_API int qmq_message_set_id(qmq_message_t *message, const char *id, qmq_error_t **error);
QMQ_API int64_t qmq_message_created_ms(const qmq_message_t *message);

/* Setters return QMQ_OK or a status with *error (error may be NULL). Keys of the library (qmq_...) are refused. Values: UTF-8, at most
 * 32767 bytes; longer ones with set_large. */
QMQ_API int qmq_message_set(qmq_message_t *message, const char *key, const char *value, qmq_error_t **error);
QMQ_API int qmq_message_set_bytes(qmq_message_t *message, const char *key, const char *value, size_t size, qmq_error_t **error);
QMQ_API int qmq_message_set_large(qmq_message_t *message, const char *key, const char *value, size_t size, qmq_error_t **error);
QMQ_API int qmq_message_set_int(qmq_message_t *message, const char *key, int64_t value, qmq_error_t **error);
QMQ_API int qmq_message_set_double(qmq_message_t *message, const char *key, double value, qmq_error_t **error);
QMQ_API int qmq_message_set_bool(qmq_message_t *message, const char *key, bool value, qmq_error_t **error);
/* NULL when absent; large values are put together. Valid until the message changes or is destroyed. */
QMQ_API const char *qmq_message_get(const qmq_message_t *message, const char *key);
QMQ_API const char *qmq_message_get_bytes(const qmq_message_t *message, const char *key, size_t *size);
/* Walks the attributes of the application; index from 0, false at the end. */
QMQ_API bool qmq_message_attribute_at(const qmq_message_t *message, size_t index, const char **key, const char **value, size_t *size);

/* At most 10 different ones of at most 32767 bytes. */
QMQ_API int qmq_message_add_tag(qmq_message_t *message, const char *tag, qmq_error_t **error);
QMQ_API size_t qmq_message_tag_count(const qmq_message_t *message);
QMQ_API const char *qmq_message_tag_at(const qmq_message_t *message, size_t index);

/* Delivery not before; needs a delay server. */
QMQ_API void qmq_message_set_delay_ms(qmq_message_t *message, int64_t delay_ms);
QMQ_API void qmq_message_set_schedule_ms(qmq_message_t *message, int64_t wall_ms);
/* Deliveries before it becomes a dead letter; default: the consumer's setting, 32. */
QMQ_API void qmq_message_set_max_retry(qmq_message_t *message, int times);

/* Of received messages. */
QMQ_API int qmq_message_attempt(const qmq_message_t *message); /* 1 = first delivery */
QMQ_API int64_t qmq_message_pull_offset(const qmq_message_t *message);
QMQ_API const char *qmq_message_broker_group(const qmq_message_t *message);

#ifdef __cplusplus
}
#endif

#endif
