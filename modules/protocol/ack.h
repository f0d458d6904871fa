/* ACK_REQUEST (wire-protocol.md 12). The answer has an empty body. */
#ifndef QMQ_PROTOCOL_ACK_H
#define QMQ_PROTOCOL_ACK_H

#include "base/cursor.h"
#include "base/writer.h"

typedef struct ack_request {
    view_t subject;
    view_t group;
    view_t consumer_id;
    int64_t pull_offset_begin; /* < 0: heartbeat only */
    int64_t pull_offset_last;
    bool broadcast;
} ack_request_t;

bool ack_request_read(view_t body, int16_t version, ack_request_t *r);
void ack_request_write(writer_t *w, int16_t version, const ack_request_t *r);

#endif
