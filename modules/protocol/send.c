#include "protocol/send.h"

bool send_request_check(view_t body, size_t *count) {
    cursor_t c = cursor_of(body);
    message_t m;
    *count = 0;
    while (cursor_left(&c) > 0) {
        if (!message_parse_wire(&c, &m) || m.subject.size == 0 || m.id.size == 0) return false;
        (*count)++;
    }
    return true;
}

void send_result_write(writer_t *w, const send_result_t *r) {
    writer_str(w, r->message_id);
    writer_i32(w, r->code);
    writer_str(w, r->remark);
}

bool send_result_next(cursor_t *c, send_result_t *r) {
    if (cursor_left(c) == 0) return false;
    r->message_id = cursor_str(c);
    r->code = cursor_i32(c);
    r->remark = cursor_str(c);
    return !c->failed;
}
