#include "base/writer.h"

#include "base/memory.h"

#include <stdlib.h>

#define WRITER_LEAST 64

void writer_init(writer_t *w, size_t expect) {
    memset(w, 0, sizeof *w);
    w->growing = true;
    if (expect == 0) return;
    w->data = memory_try(expect);
    if (w->data == NULL) {
        w->failed = true;
        return;
    }
    w->capacity = expect;
}

void writer_init_fixed(writer_t *w, void *memory, size_t size) {
    memset(w, 0, sizeof *w);
    w->data = memory;
    w->capacity = size;
}

void writer_free(writer_t *w) {
    if (w->growing) memory_free(w->data);
    memset(w, 0, sizeof *w);
}

uint8_t *writer_take(writer_t *w, size_t *size) {
    uint8_t *data = NULL;
    *size = 0;
    if (w->growing && !w->failed) {
        data = w->data != NULL ? w->data : memory_try(1);
        *size = w->used;
        w->data = NULL;
    }
    writer_free(w);
    return data;
}

static bool writer_grow(writer_t *w, size_t n) {
    if (!w->growing || n > SIZE_MAX / 2 - w->used) return false;
    size_t wanted = w->capacity < WRITER_LEAST ? WRITER_LEAST : w->capacity;
    while (wanted < w->used + n) wanted *= 2;
    uint8_t *data = realloc(w->data, wanted);
    if (data == NULL) return false;
    w->data = data;
    w->capacity = wanted;
    return true;
}

uint8_t *writer_reserve(writer_t *w, size_t n) {
    if (w->failed) return NULL;
    if ((w->data == NULL || w->capacity - w->used < n) && !writer_grow(w, n)) {
        w->failed = true;
        return NULL;
    }
    uint8_t *p = w->data + w->used;
    w->used += n;
    return p;
}

void writer_u8(writer_t *w, uint8_t v) {
    uint8_t *p = writer_reserve(w, 1);
    if (p != NULL) *p = v;
}

void writer_i8(writer_t *w, int8_t v) {
    writer_u8(w, (uint8_t)v);
}

void writer_i16(writer_t *w, int16_t v) {
    uint8_t *p = writer_reserve(w, 2);
    if (p != NULL) put_u16(p, (uint16_t)v);
}

void writer_u32(writer_t *w, uint32_t v) {
    uint8_t *p = writer_reserve(w, 4);
    if (p != NULL) put_u32(p, v);
}

void writer_i32(writer_t *w, int32_t v) {
    writer_u32(w, (uint32_t)v);
}

void writer_i64(writer_t *w, int64_t v) {
    uint8_t *p = writer_reserve(w, 8);
    if (p != NULL) put_u64(p, (uint64_t)v);
}

void writer_bytes(writer_t *w, const void *from, size_t size) {
    if (size == 0) return;
    uint8_t *p = writer_reserve(w, size);
    if (p != NULL) memcpy(p, from, size);
}

static void write_counted(writer_t *w, view_t s, size_t limit) {
    if (s.size > limit) {
        w->failed = true;
        return;
    }
    uint8_t *p = writer_reserve(w, 2 + s.size);
    if (p == NULL) return;
    put_u16(p, (uint16_t)s.size);
    if (s.size > 0) memcpy(p + 2, s.data, s.size);
}

void writer_str(writer_t *w, view_t s) {
    write_counted(w, s, WRITER_MAX_STR);
}

void writer_str_unsigned(writer_t *w, view_t s) {
    write_counted(w, s, UINT16_MAX);
}

static uint8_t *patch_place(writer_t *w, size_t at, size_t size) {
    if (w->failed) return NULL;
    if (at > w->used || w->used - at < size) {
        w->failed = true;
        return NULL;
    }
    return w->data + at;
}

void writer_patch_i32(writer_t *w, size_t at, int32_t v) {
    uint8_t *p = patch_place(w, at, 4);
    if (p != NULL) put_u32(p, (uint32_t)v);
}

void writer_patch_i64(writer_t *w, size_t at, int64_t v) {
    uint8_t *p = patch_place(w, at, 8);
    if (p != NULL) put_u64(p, (uint64_t)v);
}
