/* BROKER_REGISTER (wire-protocol.md 9.2). The answer has an empty body. */
#ifndef QMQ_PROTOCOL_BROKER_REGISTER_H
#define QMQ_PROTOCOL_BROKER_REGISTER_H

#include "base/cursor.h"
#include "base/writer.h"

typedef struct broker_register_request {
    int32_t request_type; /* enum register_type */
    view_t group_name;
    view_t broker_address; /* "ip:serving_port" */
    int32_t role;
    int32_t state;
} broker_register_request_t;

bool broker_register_request_read(view_t body, broker_register_request_t *r);
void broker_register_request_write(writer_t *w, const broker_register_request_t *r);

#endif
