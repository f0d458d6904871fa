/* Borrowed bytes: a pointer and a size. Whoever makes a view says how long it is valid. Not zero-terminated. */
#ifndef QMQ_BASE_VIEW_H
#define QMQ_BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct view {
    const char *data;
    size_t size;
} view_t;

static inline view_t view_make(const void *data, size_t size) {
    view_t v = {(const char *)data, size};
    return v;
}

static inline view_t view_of(const char *s) {
    return view_make(s, s == NULL ? 0 : strlen(s));
}

static inline bool view_equal(view_t a, view_t b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool view_starts(view_t v, view_t prefix) {
    return v.size >= prefix.size && (prefix.size == 0 || memcmp(v.data, prefix.data, prefix.size) == 0);
}

static inline bool view_has(view_t v, char c) {
    return v.size > 0 && memchr(v.data, c, v.size) != NULL;
}

/* For printf: "%.*s", VIEW_ARG(v) */
#define VIEW_ARG(v) (int)(v).size, (v).data == NULL ? "" : (v).data

/* 64-bit hash of bytes (wyhash-like quality, stable within a process only). */
uint64_t view_hash(view_t v);

#endif
