#include "protocol/ack.h"

#include "protocol/codes.h"

bool ack_request_read(view_t body, int16_t version, ack_request_t *r) {
    cursor_t c = cursor_of(body);
    r->subject = cursor_str(&c);
    r->group = cursor_str(&c);
    r->consumer_id = cursor_str(&c);
    r->pull_offset_begin = cursor_i64(&c);
    r->pull_offset_last = cursor_i64(&c);
    r->broadcast = version >= VERSION_8 && cursor_i8(&c) == 1;
    return !c.failed;
}

void ack_request_write(writer_t *w, int16_t version, const ack_request_t *r) {
    writer_str(w, r->subject);
    writer_str(w, r->group);
    writer_str(w, r->consumer_id);
    writer_i64(w, r->pull_offset_begin);
    writer_i64(w, r->pull_offset_last);
    if (version >= VERSION_8) writer_i8(w, r->broadcast ? 1 : 0);
}
