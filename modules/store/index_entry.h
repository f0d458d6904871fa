/* An entry of a consumer log (README.md, storage.md 5.1-5.3). Entry n of a subject stands at size * n; all consumer logs of a store have
 * one format. */
#ifndef QMQ_STORE_INDEX_ENTRY_H
#define QMQ_STORE_INDEX_ENTRY_H

#include "base/cursor.h"
#include "base/writer.h"
#include "store/message_record.h"

/* The value of a format is the size of its entries. */
typedef enum index_format { INDEX_V1 = 22, INDEX_V2 = 32 } index_format_t;

#define INDEX_ENTRY_SIZE 22 /* V1 */
#define INDEX_SEGMENT_SIZE 220000000
#define INDEX_MOST_SIZE 32
#define INDEX_SEGMENT_ENTRIES 10000000 /* in a file of either format */
#define INDEX_BLANK_RECORD_SIZE 0x7FFFFFFF
#define INDEX_V2_MAGIC 0xA3B2
#define INDEX_V2_OF_LOG 0xC100
#define INDEX_V2_OF_TABLE 0xC101
/* header_size of an entry that points into a sorted table. */
#define INDEX_SORTED (-1)
#define SORTED_TABLE_SIZE ((int64_t)268435456)

typedef struct index_entry {
    int64_t time_ms;     /* when the entry was made; 0 with all the rest 0: nothing was ever written here */
    int64_t offset;      /* of the record in the message log; in a sorted table (id + position) of the payload */
    int32_t record_size; /* in a sorted table size of the payload */
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

static inline bool index_entry_is_sorted(const index_entry_t *e) {
    return e->header_size == INDEX_SORTED;
}

/* Writes `format` bytes. */
static inline void index_entry_encode(index_format_t format, uint8_t *to, const index_entry_t *e) {
    if (format == INDEX_V1) {
        index_entry_put(to, e);
        return;
    }
    bool sorted = index_entry_is_sorted(e);
    put_u16(to, INDEX_V2_MAGIC);
    put_u16(to + 2, sorted ? INDEX_V2_OF_TABLE : INDEX_V2_OF_LOG);
    put_u64(to + 4, (uint64_t)e->time_ms);
    put_u64(to + 12, (uint64_t)(sorted ? e->offset - e->offset % SORTED_TABLE_SIZE : e->offset));
    put_u32(to + 20, (uint32_t)(sorted ? e->offset % SORTED_TABLE_SIZE : e->record_size));
    put_u32(to + 24, sorted ? (uint32_t)e->record_size : (uint32_t)e->header_size << 16);
    put_u32(to + 28, 0);
}

/* What is no entry of this format comes out as one that was never written. */
static inline index_entry_t index_entry_decode(index_format_t format, const uint8_t *from) {
    if (format == INDEX_V1) return index_entry_get(from);
    index_entry_t e = {0, 0, 0, 0};
    cursor_t c = cursor_make(from, INDEX_V2);
    uint16_t magic = cursor_u16(&c), type = cursor_u16(&c);
    if (magic != INDEX_V2_MAGIC || (type != INDEX_V2_OF_LOG && type != INDEX_V2_OF_TABLE)) return e;
    e.time_ms = cursor_i64(&c);
    e.offset = cursor_i64(&c);
    e.record_size = cursor_i32(&c);
    if (type == INDEX_V2_OF_LOG) {
        e.header_size = cursor_i16(&c);
        return e.header_size == INDEX_SORTED ? (index_entry_t){e.time_ms, 0, 0, 0} : e;
    }
    int32_t position = e.record_size;
    if (e.offset < 0 || e.offset % SORTED_TABLE_SIZE != 0 || position < 0 || position >= SORTED_TABLE_SIZE)
        return (index_entry_t){e.time_ms, 0, 0, 0};
    e.offset += position;
    e.record_size = cursor_i32(&c);
    e.header_size = INDEX_SORTED;
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
