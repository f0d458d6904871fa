#include "protocol/sync_log.h"

#include "protocol/sync_log_delay.h"

bool sync_log_request_read(view_t body, sync_log_request_t *r) {
    cursor_t c = cursor_of(body);
    r->sync_type = cursor_i8(&c);
    r->message_log_offset = cursor_i64(&c);
    r->action_log_offset = cursor_i64(&c);
    /* A delay slave that asks a broker must not be served: the numbers mean something else. */
    return !c.failed && body.size != DELAY_SYNC_REQUEST_SIZE;
}

void sync_log_request_write(writer_t *w, const sync_log_request_t *r) {
    writer_i8(w, r->sync_type);
    writer_i64(w, r->message_log_offset);
    writer_i64(w, r->action_log_offset);
}

bool sync_log_response_read(view_t body, sync_log_response_t *r) {
    cursor_t c = cursor_of(body);
    int32_t size = cursor_i32(&c);
    r->start_offset = cursor_i64(&c);
    r->data = cursor_rest(&c);
    return !c.failed && size >= 0 && r->data.size == (size_t)size;
}

void sync_log_response_write_head(writer_t *w, int32_t size, int64_t start_offset) {
    writer_i32(w, size);
    writer_i64(w, start_offset);
}

bool sync_heartbeat_response_read(view_t body, sync_heartbeat_response_t *r) {
    cursor_t c = cursor_of(body);
    r->message_log_max_offset = cursor_i64(&c);
    r->action_log_max_offset = cursor_i64(&c);
    return !c.failed;
}

void sync_heartbeat_response_write(writer_t *w, const sync_heartbeat_response_t *r) {
    writer_i64(w, r->message_log_max_offset);
    writer_i64(w, r->action_log_max_offset);
}

bool sync_index_entry_next(cursor_t *c, sync_index_entry_t *e) {
    if (cursor_left(c) == 0) return false;
    e->sequence = cursor_i64(c);
    e->create_time = cursor_i64(c);
    e->subject = cursor_str(c);
    e->message_id = cursor_str(c);
    return !c->failed;
}

void sync_index_entry_write(writer_t *w, const sync_index_entry_t *e) {
    writer_i64(w, e->sequence);
    writer_i64(w, e->create_time);
    writer_str(w, e->subject);
    writer_str(w, e->message_id);
}
