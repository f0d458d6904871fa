#include "store/text_file.h"

#include "base/crc32.h"
#include "base/id.h"
#include "base/memory.h"

#define BUFFER_SIZE 65536
#define NUMBER_SIZE 20

void text_file_start(text_file_t *t, const char *path) {
    memset(t, 0, sizeof *t);
    t->buffer = memory_alloc(BUFFER_SIZE);
    t->status = file_open(&t->file, path, IO_WRITE | IO_CREATE | IO_TRUNCATE);
}

static void flush(text_file_t *t) {
    if (t->status == APR_SUCCESS && t->used > 0) t->status = file_write_at(t->file, t->buffer, t->used, t->written);
    t->crc = crc32_update(t->crc, t->buffer, t->used);
    t->written += (int64_t)t->used;
    t->used = 0;
}

void text_file_put(text_file_t *t, view_t text) {
    while (text.size > 0) {
        if (t->used == BUFFER_SIZE) flush(t);
        size_t part = BUFFER_SIZE - t->used < text.size ? BUFFER_SIZE - t->used : text.size;
        memcpy(t->buffer + t->used, text.data, part);
        t->used += part;
        text = view_make(text.data + part, text.size - part);
    }
}

void text_file_put_char(text_file_t *t, char c) {
    if (t->used == BUFFER_SIZE) flush(t);
    t->buffer[t->used++] = c;
}

void text_file_put_number(text_file_t *t, int64_t value) {
    char digits[NUMBER_SIZE];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) text_file_put_char(t, '-');
    text_file_put(t, view_make(digits + at, sizeof digits - at));
}

apr_status_t text_file_finish(text_file_t *t) {
    flush(t);
    if (t->status == APR_SUCCESS) t->status = file_data_sync(t->file);
    apr_status_t closed = file_close(t->file);
    if (t->status == APR_SUCCESS) t->status = closed;
    memory_free(t->buffer);
    t->file = NULL;
    t->buffer = NULL;
    return t->status;
}

bool text_next_line(view_t *rest, view_t *line, bool *ended) {
    size_t n = 0;
    while (n < rest->size && rest->data[n] != '\n' && rest->data[n] != '\r') n++;
    *line = view_make(rest->data, n);
    *ended = n < rest->size;
    size_t skip = n;
    if (*ended) skip += n + 1 < rest->size && rest->data[n] == '\r' && rest->data[n + 1] == '\n' ? 2 : 1;
    *rest = view_make(rest->data + skip, rest->size - skip);
    return n > 0;
}

bool text_take_number(view_t *line, int64_t *value) {
    size_t slash = line->size;
    while (slash > 0 && line->data[slash - 1] != '/') slash--;
    if (slash == 0) return false;
    view_t digits = view_make(line->data + slash, line->size - slash);
    *line = view_make(line->data, slash - 1);
    return id_parse_i64(digits, value);
}
