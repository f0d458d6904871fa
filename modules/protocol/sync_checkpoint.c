#include "protocol/sync_checkpoint.h"

#include "protocol/pieces.h"

static void write_text(writer_t *w, view_t text) {
    if (text.size > INT32_MAX) {
        w->failed = true;
        return;
    }
    writer_i32(w, (int32_t)text.size);
    writer_bytes(w, text.data, text.size);
}

bool sync_checkpoint_response_read(view_t body, sync_checkpoint_response_t *r) {
    cursor_t c = cursor_of(body);
    r->version = cursor_i8(&c);
    r->message_checkpoint = sized_take(&c);
    r->action_checkpoint = sized_take(&c);
    return !c.failed;
}

void sync_checkpoint_response_write(writer_t *w, const sync_checkpoint_response_t *r) {
    writer_i8(w, r->version);
    write_text(w, r->message_checkpoint);
    write_text(w, r->action_checkpoint);
}
