/* Bounds-checked reading of big-endian bytes: the only way input from outside is taken apart. After the first read beyond the end
 * the cursor has failed, every further read yields zero or an empty view, and the caller checks once at the end. */
#ifndef QMQ_BASE_CURSOR_H
#define QMQ_BASE_CURSOR_H

#include "base/view.h"

typedef struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} cursor_t;

static inline cursor_t cursor_make(const void *data, size_t size) {
    const uint8_t *p = (const uint8_t *)data;
    cursor_t c = {p, size == 0 ? p : p + size, false};
    return c;
}

static inline cursor_t cursor_of(view_t v) {
    return cursor_make(v.data, v.size);
}

static inline size_t cursor_left(const cursor_t *c) {
    return (size_t)(c->end - c->at);
}

/* True when nothing failed so far and at least n bytes are left; else fails the cursor. */
static inline bool cursor_need(cursor_t *c, size_t n) {
    if (c->failed || cursor_left(c) < n) {
        c->failed = true;
        c->at = c->end;
        return false;
    }
    return true;
}

static inline uint8_t cursor_u8(cursor_t *c) {
    return cursor_need(c, 1) ? *c->at++ : 0;
}

static inline int8_t cursor_i8(cursor_t *c) {
    return (int8_t)cursor_u8(c);
}

static inline uint16_t cursor_u16(cursor_t *c) {
    if (!cursor_need(c, 2)) return 0;
    uint16_t v = (uint16_t)((c->at[0] << 8) | c->at[1]);
    c->at += 2;
    return v;
}

static inline int16_t cursor_i16(cursor_t *c) {
    return (int16_t)cursor_u16(c);
}

static inline uint32_t cursor_u32(cursor_t *c) {
    if (!cursor_need(c, 4)) return 0;
    uint32_t v = ((uint32_t)c->at[0] << 24) | ((uint32_t)c->at[1] << 16) | ((uint32_t)c->at[2] << 8) | c->at[3];
    c->at += 4;
    return v;
}

static inline int32_t cursor_i32(cursor_t *c) {
    return (int32_t)cursor_u32(c);
}

static inline uint64_t cursor_u64(cursor_t *c) {
    if (!cursor_need(c, 8)) return 0;
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = (v << 8) | c->at[i];
    c->at += 8;
    return v;
}

static inline int64_t cursor_i64(cursor_t *c) {
    return (int64_t)cursor_u64(c);
}

/* The next n bytes as a view into the input. */
static inline view_t cursor_take(cursor_t *c, size_t n) {
    if (!cursor_need(c, n)) return view_make(NULL, 0);
    view_t v = view_make(c->at, n);
    if (n > 0) c->at += n; /* at may be NULL in an empty cursor */
    return v;
}

static inline void cursor_skip(cursor_t *c, size_t n) {
    if (cursor_need(c, n) && n > 0) c->at += n;
}

/* `str` of the wire protocol: int16 length, bytes. A negative length fails the cursor. */
static inline view_t cursor_str(cursor_t *c) {
    int16_t n = cursor_i16(c);
    if (n < 0) {
        c->failed = true;
        c->at = c->end;
        return view_make(NULL, 0);
    }
    return cursor_take(c, (size_t)n);
}

/* The same with the length read as unsigned: attribute keys and values inside a message body (wire-protocol.md 3.2). */
static inline view_t cursor_str_unsigned(cursor_t *c) {
    uint16_t n = cursor_u16(c);
    return cursor_take(c, n);
}

/* The bytes not read yet. */
static inline view_t cursor_rest(const cursor_t *c) {
    return view_make(c->at, c->failed ? 0 : cursor_left(c));
}

#endif
