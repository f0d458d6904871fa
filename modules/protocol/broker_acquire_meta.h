/* BROKER_ACQUIRE_META (wire-protocol.md 9.1). */
#ifndef QMQ_PROTOCOL_BROKER_ACQUIRE_META_H
#define QMQ_PROTOCOL_BROKER_ACQUIRE_META_H

#include "base/cursor.h"
#include "base/writer.h"

typedef struct broker_acquire_meta_request {
    view_t host_name;
    int32_t port;
} broker_acquire_meta_request_t;

typedef struct broker_acquire_meta_response {
    view_t group_name;
    view_t master; /* "ip:sync_port", empty for masters */
    int32_t role;
} broker_acquire_meta_response_t;

bool broker_acquire_meta_request_read(view_t body, broker_acquire_meta_request_t *r);
void broker_acquire_meta_request_write(writer_t *w, const broker_acquire_meta_request_t *r);
bool broker_acquire_meta_response_read(view_t body, broker_acquire_meta_response_t *r);
void broker_acquire_meta_response_write(writer_t *w, const broker_acquire_meta_response_t *r);

#endif
