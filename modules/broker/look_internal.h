/* A request for a look under way, and what answers it: look.c takes requests in and checks tokens, look_list.c lists subjects and groups,
 * look_messages.c shows messages, look_reset.c moves groups. */
#ifndef QMQ_BROKER_LOOK_INTERNAL_H
#define QMQ_BROKER_LOOK_INTERNAL_H

#include "broker/group.h"
#include "broker/look.h"

#include <jansson.h>

#define LOOK_COUNT_DEFAULT 20
#define LOOK_COUNT_MOST 1000

/* An error answer: HTTP status and a sentence; the status is 200 while all is well. */
typedef struct look_answer {
    int status;
    json_t *body; /* owned */
} look_answer_t;

/* Makes the answer an error: {"error": text}. */
void look_refuse(look_answer_t *a, int status, const char *format, ...);
/* A bounded whole number of the query; false (and refused) when it is none. */
bool look_number(http_request_t *r, const char *name, int64_t fallback, int64_t least, int64_t most, int64_t *value, look_answer_t *a);
/* The group a request names; NULL (and refused) when there is none. */
store_group_t *look_group(broker_t *b, http_request_t *r, look_answer_t *a);
/* JSON string of bytes that may be no UTF-8: each wrong byte becomes U+FFFD. */
json_t *look_string(view_t v);

void look_subjects(broker_t *b, http_request_t *r, look_answer_t *a);
void look_groups(broker_t *b, http_request_t *r, look_answer_t *a);
void look_messages(broker_t *b, http_request_t *r, look_answer_t *a);
void look_reset(broker_t *b, http_request_t *r, look_answer_t *a);

#endif
