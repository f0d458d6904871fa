#include "protocol/broker_register.h"

bool broker_register_request_read(view_t body, broker_register_request_t *r) {
    cursor_t c = cursor_of(body);
    r->request_type = cursor_i32(&c);
    r->group_name = cursor_str(&c);
    r->broker_address = cursor_str(&c);
    r->role = cursor_i32(&c);
    r->state = cursor_i32(&c);
    return !c.failed;
}

void broker_register_request_write(writer_t *w, const broker_register_request_t *r) {
    writer_i32(w, r->request_type);
    writer_str(w, r->group_name);
    writer_str(w, r->broker_address);
    writer_i32(w, r->role);
    writer_i32(w, r->state);
}
