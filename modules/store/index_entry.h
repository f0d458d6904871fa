/* An entry of a consumer log, format V1 (README.md, storage.md 5.1, 5.3). Entry n of a subject stands at 22 * n. */
#ifndef QMQ_STORE_INDEX_ENTRY_H
#define QMQ_STORE_INDEX_ENTRY_H

#include "base/cursor.h"
#include "base/writer.h"
#include "store/message_record.h"

#define INDEX_ENTRY_SIZE 22
#define INDEX_SEGMENT_SIZE 220000000
#define INDEX_SEGMENT_ENTRIES (INDEX_SEGMENT_SIZE / INDEX_ENTRY_SIZE)
#define INDEX_BLANK_RECORD_SIZE 0x7FFFFFFF
/* First bytes of an entry of format V2, which this version does not serve. */
#define INDEX_V2_MAGIC 0xA3B2

typedef struct index_entry {
    int64_t time_ms; /* when the entry was made; 0 with all the rest 0: nothing was ever written here */
    int64_t offset;
    int32_t record_size;
    int16_t header_size;
} index_entry_t;

static inline void index_entry_put(uint8_t *to, const index_entry_t *e) {
    put_u64(to, (uint64_t)e->time_ms);
    put_u64(to + 8, (uint64_t)e->offset);
    put_u32(to + 16, (uint32_t)e->record_size);
    put_u16(to + 20, (uint16_t)e->header_size);
}

static inline index_entry_t index_entry_get(const uint8_t *from) {
    cursor_t c = cursor_make(from, INDEX_ENTRY_SIZE);
    index_entry_t e;
    e.time_ms = cursor_i64(&c);
    e.offset = cursor_i64(&c);
    e.record_size = cursor_i32(&c);
    e.header_size = cursor_i16(&c);
    return e;
}

static inline index_entry_t index_entry_blank(int64_t time_ms) {
    return (index_entry_t){time_ms, 0, INDEX_BLANK_RECORD_SIZE, 0};
}

static inline bool index_entry_is_blank(const index_entry_t *e) {
    return e->offset == 0 && e->record_size == INDEX_BLANK_RECORD_SIZE && e->header_size == 0;
}

/* False for blanks, zero entries and whatever cannot point at a record (5.6). */
static inline bool index_entry_is_plausible(const index_entry_t *e, int64_t segment_size) {
    return e->offset >= 0 && e->header_size >= MESSAGE_HEADER_FIXED_V1 && e->record_size > e->header_size && e->record_size <= segment_size;
}

#endif
