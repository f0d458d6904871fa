/* SEND_MESSAGE (wire-protocol.md 10). The request is messages back to back (message_parse_wire until the end). */
#ifndef QMQ_PROTOCOL_SEND_H
#define QMQ_PROTOCOL_SEND_H

#include "protocol/message.h"

typedef struct send_result {
    view_t message_id;
    int32_t code; /* enum send_result_code */
    view_t remark;
} send_result_t;

/* Counts and checks a whole request: every message parses, ids and subjects are not empty, nothing is left over. *count messages. */
bool send_request_check(view_t body, size_t *count);
void send_result_write(writer_t *w, const send_result_t *r);
/* Takes the next result off the answer; false at the end or when it does not parse (then c->failed). */
bool send_result_next(cursor_t *c, send_result_t *r);

#endif
