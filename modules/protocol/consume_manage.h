/* CONSUME_MANAGE (wire-protocol.md 13). */
#ifndef QMQ_PROTOCOL_CONSUME_MANAGE_H
#define QMQ_PROTOCOL_CONSUME_MANAGE_H

#include "base/cursor.h"
#include "base/writer.h"

typedef struct consume_manage_request {
    view_t subject;
    view_t group;
    int32_t where; /* enum consume_from; others have no effect */
} consume_manage_request_t;

bool consume_manage_request_read(view_t body, consume_manage_request_t *r);
void consume_manage_request_write(writer_t *w, const consume_manage_request_t *r);

#endif
