/* Pieces that several layouts have in common. Inside protocol/ only. */
#ifndef QMQ_PROTOCOL_PIECES_H
#define QMQ_PROTOCOL_PIECES_H

#include "base/cursor.h"

#define STR_HEAD 2 /* bytes of the length in front of a str */
#define STRS_MAX_COUNT INT8_MAX

/* What was read fits, but its value is not allowed: fails the cursor. */
static inline void pieces_refuse(cursor_t *c) {
    (void)cursor_need(c, SIZE_MAX);
}

/* int32 size and as many bytes; a negative size fails the cursor. */
static inline view_t sized_take(cursor_t *c) {
    int32_t size = cursor_i32(c);
    if (size < 0) pieces_refuse(c);
    return cursor_take(c, size < 0 ? 0 : (size_t)size);
}

/* int8 count and as many strs, which stay encoded; a count below 1 is none. */
static inline view_t strs_take(cursor_t *c, int *count) {
    int8_t stated = cursor_i8(c);
    *count = stated > 0 ? stated : 0;
    const uint8_t *start = c->at;
    for (int i = 0; i < *count && !c->failed; i++) (void)cursor_str(c);
    return view_make(start, c->failed ? 0 : (size_t)(c->at - start));
}

#endif
