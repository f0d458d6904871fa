/* SYNC_LOG_REQUEST of the delay server: the same code, another layout (wire-protocol.md 15). */
#ifndef QMQ_PROTOCOL_SYNC_LOG_DELAY_H
#define QMQ_PROTOCOL_SYNC_LOG_DELAY_H

#include "base/cursor.h"
#include "base/writer.h"

#define DELAY_SYNC_REQUEST_SIZE 41

typedef struct delay_sync_request {
    int8_t sync_type;
    int64_t message_log_offset;
    int64_t dispatch_segment;
    int64_t dispatch_offset;
    int64_t last_dispatch_segment;
    int64_t last_dispatch_offset;
} delay_sync_request_t;
bool delay_sync_request_read(view_t body, delay_sync_request_t *r);
void delay_sync_request_write(writer_t *w, const delay_sync_request_t *r);

/* Message answers are sync_log_response_t (protocol/sync_log.h). */
typedef struct delay_dispatch_response {
    int64_t start_offset;
    int64_t dispatch_segment;
    view_t data; /* int64 sequences */
} delay_dispatch_response_t;
bool delay_dispatch_response_read(view_t body, delay_dispatch_response_t *r);
void delay_dispatch_response_write(writer_t *w, const delay_dispatch_response_t *r);

typedef struct delay_heartbeat_response {
    int64_t message_log_max_offset;
    int64_t dispatch_max_offset;
} delay_heartbeat_response_t;
bool delay_heartbeat_response_read(view_t body, delay_heartbeat_response_t *r);
void delay_heartbeat_response_write(writer_t *w, const delay_heartbeat_response_t *r);

#endif
