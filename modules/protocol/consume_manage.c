#include "protocol/consume_manage.h"

bool consume_manage_request_read(view_t body, consume_manage_request_t *r) {
    cursor_t c = cursor_of(body);
    r->subject = cursor_str(&c);
    r->group = cursor_str(&c);
    r->where = cursor_i32(&c);
    return !c.failed;
}

void consume_manage_request_write(writer_t *w, const consume_manage_request_t *r) {
    writer_str(w, r->subject);
    writer_str(w, r->group);
    writer_i32(w, r->where);
}
