/* dump: what only the original writes - sorted message tables and the pull logs of its old versions. */
#include "tools/store/dump.h"

#include "base/cursor.h"
#include "protocol/message.h"
#include "store/sorted_tables.h"

#define NO_MESSAGE (-1)

bool sorted_table_is_sound(view_t bytes) {
    sorted_table_header_t h;
    if (bytes.size < SORTED_TABLE_HEADER_SIZE || !sorted_table_header_parse((const uint8_t *)bytes.data, &h)) return false;
    size_t data = (size_t)h.data_size;
    if (bytes.size < SORTED_TABLE_HEADER_SIZE + data + sizeof(int64_t)) return false;
    cursor_t crc = cursor_make(bytes.data + SORTED_TABLE_HEADER_SIZE + data, sizeof(int64_t));
    message_t m = {.crc = cursor_i64(&crc), .payload = view_make(bytes.data + SORTED_TABLE_HEADER_SIZE, data)};
    return message_crc_is_right(&m);
}

static void print_sorted(inspector_t *i, int64_t sequence, int64_t position, int64_t size, const message_t *m) {
    if (i->json)
        inspector_print(i, json_pack("{s:o, s:I, s:o, s:I, s:I}", "subject", text_json(m->subject), "sequence", (json_int_t)sequence, "id",
                                     text_json(m->id), "position", (json_int_t)position, "size", (json_int_t)size));
    else
        (void)fprintf(i->out, "%.*s message %lld: %.*s, %lld bytes at %lld\n", VIEW_ARG(m->subject), (long long)sequence, VIEW_ARG(m->id),
                      (long long)size, (long long)position);
}

bool dump_sorted_table(inspector_t *i, view_t bytes) {
    sorted_table_header_t h;
    if (bytes.size < SORTED_TABLE_HEADER_SIZE || !sorted_table_header_parse((const uint8_t *)bytes.data, &h)) return false;
    if (!i->json)
        (void)fprintf(i->out, "messages from offset %lld to %lld, %d bytes\n", (long long)h.begin, (long long)h.end, (int)h.data_size);
    size_t there = bytes.size - SORTED_TABLE_HEADER_SIZE, data = (size_t)h.data_size < there ? (size_t)h.data_size : there;
    cursor_t c = cursor_make(bytes.data + SORTED_TABLE_HEADER_SIZE, data);
    while (cursor_left(&c) > sizeof(int64_t)) {
        message_t m;
        int64_t sequence = cursor_i64(&c);
        int64_t position = (int64_t)(SORTED_TABLE_HEADER_SIZE + data - cursor_left(&c));
        size_t before = cursor_left(&c);
        if (!message_parse(&c, &m)) return false;
        print_sorted(i, sequence, position, (int64_t)(before - cursor_left(&c)), &m);
    }
    return sorted_table_is_sound(bytes);
}

bool dump_old_pulls(inspector_t *i, view_t bytes, int64_t base) {
    cursor_t c = cursor_of(bytes);
    for (int64_t pull = base / (int64_t)sizeof(int64_t); cursor_left(&c) >= sizeof(int64_t); pull++) {
        int64_t message = cursor_i64(&c);
        if (message == NO_MESSAGE) continue;
        if (i->json)
            inspector_print(i, json_pack("{s:I, s:I}", "pull", (json_int_t)pull, "message", (json_int_t)message));
        else
            (void)fprintf(i->out, "pull %lld: message %lld\n", (long long)pull, (long long)message);
    }
    return true;
}
