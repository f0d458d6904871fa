/* SYNC_LOG_REQUEST of the broker (wire-protocol.md 14). */
#ifndef QMQ_PROTOCOL_SYNC_LOG_H
#define QMQ_PROTOCOL_SYNC_LOG_H

#include "base/cursor.h"
#include "base/writer.h"

typedef struct sync_log_request {
    int8_t sync_type; /* enum sync_type; the server judges it */
    int64_t message_log_offset;
    int64_t action_log_offset;
} sync_log_request_t;

bool sync_log_request_read(view_t body, sync_log_request_t *r);
void sync_log_request_write(writer_t *w, const sync_log_request_t *r);

/* Types 1, 2 (start_offset = where data begins) and 5 (start_offset = next_offset to ask for, data = index entries). */
typedef struct sync_log_response {
    int64_t start_offset;
    view_t data;
} sync_log_response_t;
bool sync_log_response_read(view_t body, sync_log_response_t *r);
/* size and offset; the data follows as a slice of its own. */
void sync_log_response_write_head(writer_t *w, int32_t size, int64_t start_offset);

typedef struct sync_heartbeat_response {
    int64_t message_log_max_offset;
    int64_t action_log_max_offset;
} sync_heartbeat_response_t;
bool sync_heartbeat_response_read(view_t body, sync_heartbeat_response_t *r);
void sync_heartbeat_response_write(writer_t *w, const sync_heartbeat_response_t *r);

typedef struct sync_index_entry {
    int64_t sequence;
    int64_t create_time;
    view_t subject;
    view_t message_id;
} sync_index_entry_t;
bool sync_index_entry_next(cursor_t *c, sync_index_entry_t *e);
void sync_index_entry_write(writer_t *w, const sync_index_entry_t *e);

#endif
