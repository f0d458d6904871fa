#include "store/message_snapshot.h"

#include "base/id.h"

#define VERSION "2"

void message_snapshot_put_head(text_file_t *to, int64_t offset) {
    text_file_put(to, view_of(VERSION "\n"));
    text_file_put_number(to, offset);
    text_file_put_char(to, '\n');
}

void message_snapshot_put_subject(text_file_t *to, view_t subject, int64_t sequence) {
    text_file_put(to, subject);
    text_file_put_char(to, '/');
    text_file_put_number(to, sequence);
    text_file_put_char(to, '\n');
}

bool message_snapshot_read(view_t text, int64_t *offset, void (*visit)(void *arg, view_t subject, int64_t sequence), void *arg) {
    view_t line;
    bool ended = false;
    if (!text_next_line(&text, &line, &ended) || !view_equal(line, view_of(VERSION))) return false;
    if (!text_next_line(&text, &line, &ended) || !id_parse_i64(line, offset) || !ended) return false;
    while (text_next_line(&text, &line, &ended)) {
        int64_t sequence = 0;
        if (!ended || !text_take_number(&line, &sequence) || line.size == 0 || sequence < -1) return false;
        if (visit != NULL) visit(arg, line, sequence);
    }
    return true;
}
