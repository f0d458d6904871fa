#include "store/sorted_tables.h"

#include "base/cursor.h"
#include "store/index_entry.h"

#define SEQUENCE_SIZE 8

bool sorted_table_header_parse(const uint8_t bytes[SORTED_TABLE_HEADER_SIZE], sorted_table_header_t *h) {
    cursor_t c = cursor_make(bytes, SORTED_TABLE_HEADER_SIZE);
    uint32_t magic = cursor_u32(&c);
    h->data_size = cursor_i32(&c);
    h->begin = cursor_i64(&c);
    h->end = cursor_i64(&c);
    return magic == SORTED_TABLE_MAGIC && h->data_size >= 0 && h->data_size <= SORTED_TABLE_SIZE - SORTED_TABLE_HEADER_SIZE - 8;
}

apr_status_t sorted_tables_open(sorted_tables_t *t, char *directory, const log_t *log, qmq_error_t **error) {
    return segmented_log_open(&t->files, "sorted message tables", directory, SORTED_TABLE_SIZE, log, error);
}

void sorted_tables_close(sorted_tables_t *t) {
    segmented_log_close(&t->files);
}

static bool header_of(const segment_t *s, sorted_table_header_t *h) {
    uint8_t bytes[SORTED_TABLE_HEADER_SIZE];
    size_t got = 0;
    return file_read_at(s->file, bytes, sizeof bytes, 0, &got) == APR_SUCCESS && got == sizeof bytes && sorted_table_header_parse(bytes, h);
}

/* The table with the payload at `position` in front of which its sequence stands, retained; NULL when there is none. */
static segment_t *find(sorted_tables_t *t, int64_t offset, int32_t size, int64_t sequence, int64_t *position) {
    segment_t *s = segmented_log_locate(&t->files, offset);
    if (s == NULL) return NULL;
    sorted_table_header_t h;
    uint8_t bytes[SEQUENCE_SIZE];
    size_t got = 0;
    *position = offset - s->base;
    bool there = size > 0 && *position >= SORTED_TABLE_HEADER_SIZE + SEQUENCE_SIZE && header_of(s, &h) &&
                 *position + size <= SORTED_TABLE_HEADER_SIZE + (int64_t)h.data_size &&
                 file_read_at(s->file, bytes, sizeof bytes, *position - SEQUENCE_SIZE, &got) == APR_SUCCESS;
    cursor_t c = cursor_make(bytes, got);
    if (there && cursor_i64(&c) == sequence && !c.failed) return s;
    segment_release(s);
    return NULL;
}

bool sorted_tables_have(sorted_tables_t *t, int64_t offset, int32_t size, int64_t sequence) {
    int64_t position = 0;
    segment_t *s = find(t, offset, size, sequence, &position);
    segment_release(s);
    return s != NULL;
}

apr_status_t sorted_tables_read(sorted_tables_t *t, int64_t offset, int32_t size, int64_t sequence, block_t **out) {
    int64_t position = 0;
    size_t got = 0;
    *out = NULL;
    segment_t *s = find(t, offset, size, sequence, &position);
    if (s == NULL) return APR_ENOENT;
    block_t *block = block_create((size_t)size);
    apr_status_t status = block == NULL ? APR_ENOMEM : file_read_at(s->file, block->data, (size_t)size, position, &got);
    if (status == APR_SUCCESS && got < (size_t)size) status = APR_ENOENT;
    segment_release(s);
    if (status != APR_SUCCESS) {
        block_release(block);
        return status;
    }
    *out = block;
    return APR_SUCCESS;
}
