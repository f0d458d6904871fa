#include "protocol/broker_acquire_meta.h"

bool broker_acquire_meta_request_read(view_t body, broker_acquire_meta_request_t *r) {
    cursor_t c = cursor_of(body);
    r->host_name = cursor_str(&c);
    r->port = cursor_i32(&c);
    return !c.failed;
}

void broker_acquire_meta_request_write(writer_t *w, const broker_acquire_meta_request_t *r) {
    writer_str(w, r->host_name);
    writer_i32(w, r->port);
}

bool broker_acquire_meta_response_read(view_t body, broker_acquire_meta_response_t *r) {
    cursor_t c = cursor_of(body);
    r->group_name = cursor_str(&c);
    r->master = cursor_str(&c);
    r->role = cursor_i32(&c);
    return !c.failed;
}

void broker_acquire_meta_response_write(writer_t *w, const broker_acquire_meta_response_t *r) {
    writer_str(w, r->group_name);
    writer_str(w, r->master);
    writer_i32(w, r->role);
}
