/* JSON of messages: lines written by consume, lines read by send. */
#ifndef QMQ_TOOLS_QMQ_JSON_H
#define QMQ_TOOLS_QMQ_JSON_H

#include "qmq/qmq.h"

#include <stdio.h>

/* {"subject":...,"group":...,"id":...,"tags":[...],"attrs":{...},"created":...,"attempt":...,"broker_group":...,"pull_offset":...} and a
 * line feed. Bytes that are no UTF-8 become U+FFFD. */
void json_write_message(FILE *to, const qmq_message_t *m, const char *group);
/* {"key":"value",...} of the attributes. */
void json_write_attributes(FILE *to, const qmq_message_t *m);
/* Sets the members of the object in the line as attributes: texts, numbers, booleans. */
int json_read_attributes(qmq_message_t *m, const char *line, size_t size, qmq_error_t **error);
/* An attribute of any size. */
int json_set_text(qmq_message_t *m, const char *key, const char *value, size_t size, qmq_error_t **error);

#endif
