/* Writing big-endian bytes, into growing memory of its own or into a fixed buffer of the caller. After the first failure (no room in a
 * fixed buffer, no memory, a string over 32767 bytes) the writer has failed and writes nothing more; the caller checks once. */
#ifndef QMQ_BASE_WRITER_H
#define QMQ_BASE_WRITER_H

#include "base/view.h"

#define WRITER_MAX_STR 32767

typedef struct writer {
    uint8_t *data;
    size_t used;
    size_t capacity;
    bool growing;
    bool failed;
} writer_t;

/* Growing; `expect` bytes are allocated at once. writer_free or writer_take ends it. */
void writer_init(writer_t *w, size_t expect);
/* Over memory of the caller. */
void writer_init_fixed(writer_t *w, void *memory, size_t size);
void writer_free(writer_t *w);
/* Hands the memory of a growing writer over (memory_free) and ends the writer; NULL when it has failed. */
uint8_t *writer_take(writer_t *w, size_t *size);
/* Makes room for n more bytes; NULL (and failed) when there is none. The caller fills them and they count as written. */
uint8_t *writer_reserve(writer_t *w, size_t n);

void writer_u8(writer_t *w, uint8_t v);
void writer_i8(writer_t *w, int8_t v);
void writer_i16(writer_t *w, int16_t v);
void writer_i32(writer_t *w, int32_t v);
void writer_u32(writer_t *w, uint32_t v);
void writer_i64(writer_t *w, int64_t v);
void writer_bytes(writer_t *w, const void *from, size_t size);
/* `str`: fails above WRITER_MAX_STR. */
void writer_str(writer_t *w, view_t s);
/* Attribute values: up to 65535 bytes, length written as unsigned. */
void writer_str_unsigned(writer_t *w, view_t s);
/* Overwrites 4 or 8 bytes at a position written before. */
void writer_patch_i32(writer_t *w, size_t at, int32_t v);
void writer_patch_i64(writer_t *w, size_t at, int64_t v);

static inline view_t writer_view(const writer_t *w) {
    return view_make(w->data, w->failed ? 0 : w->used);
}

/* Plain big-endian stores for encoders of fixed layouts. */
static inline void put_u16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put_u32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}
static inline void put_u64(uint8_t *p, uint64_t v) {
    put_u32(p, (uint32_t)(v >> 32));
    put_u32(p + 4, (uint32_t)v);
}

#endif
