/* What subjects, groups and client ids may be (client.md 2.2, 3.5), with errors that name the offending value. Any thread. */
#ifndef QMQ_CLIENT_NAMES_H
#define QMQ_CLIENT_NAMES_H

#include "base/view.h"
#include "qmq/error.h"

#include <stdbool.h>

#define NAME_MOST_CHARACTERS 100

/* A subject to send to: a real one. */
bool name_check_subject(const char *subject, qmq_error_t **error);
/* A subject to consume: a real one or a dead-letter subject. */
bool name_check_consumed_subject(const char *subject, qmq_error_t **error);
bool name_check_group(const char *group, qmq_error_t **error);
bool name_check_client_id(const char *id, qmq_error_t **error);
/* UTF-16 units of UTF-8 text, as Java counts; a byte that belongs to no character counts as one. */
size_t text_units(view_t text);
/* Bytes of the longest beginning of text that has at most `units` units and cuts no character. */
size_t text_prefix(view_t text, size_t units);

#endif
