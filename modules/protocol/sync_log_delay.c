#include "protocol/sync_log_delay.h"

bool delay_sync_request_read(view_t body, delay_sync_request_t *r) {
    cursor_t c = cursor_of(body);
    r->sync_type = cursor_i8(&c);
    r->message_log_offset = cursor_i64(&c);
    r->dispatch_segment = cursor_i64(&c);
    r->dispatch_offset = cursor_i64(&c);
    r->last_dispatch_segment = cursor_i64(&c);
    r->last_dispatch_offset = cursor_i64(&c);
    return !c.failed;
}

void delay_sync_request_write(writer_t *w, const delay_sync_request_t *r) {
    writer_i8(w, r->sync_type);
    writer_i64(w, r->message_log_offset);
    writer_i64(w, r->dispatch_segment);
    writer_i64(w, r->dispatch_offset);
    writer_i64(w, r->last_dispatch_segment);
    writer_i64(w, r->last_dispatch_offset);
}

bool delay_dispatch_response_read(view_t body, delay_dispatch_response_t *r) {
    cursor_t c = cursor_of(body);
    int32_t size = cursor_i32(&c);
    r->start_offset = cursor_i64(&c);
    r->dispatch_segment = cursor_i64(&c);
    r->data = cursor_rest(&c);
    return !c.failed && size >= 0 && r->data.size == (size_t)size;
}

void delay_dispatch_response_write(writer_t *w, const delay_dispatch_response_t *r) {
    if (r->data.size > INT32_MAX) {
        w->failed = true;
        return;
    }
    writer_i32(w, (int32_t)r->data.size);
    writer_i64(w, r->start_offset);
    writer_i64(w, r->dispatch_segment);
    writer_bytes(w, r->data.data, r->data.size);
}

bool delay_heartbeat_response_read(view_t body, delay_heartbeat_response_t *r) {
    cursor_t c = cursor_of(body);
    r->message_log_max_offset = cursor_i64(&c);
    r->dispatch_max_offset = cursor_i64(&c);
    return !c.failed;
}

void delay_heartbeat_response_write(writer_t *w, const delay_heartbeat_response_t *r) {
    writer_i64(w, r->message_log_max_offset);
    writer_i64(w, r->dispatch_max_offset);
}
