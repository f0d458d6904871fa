#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p, size_t size) {
    if (p == NULL) {
        fprintf(stderr, "out of memory: %zu bytes were refused by the system; give the process more memory or lower its limits\n", size);
        abort();
    }
    return p;
}

void *memory_try(size_t size) {
    return malloc(size == 0 ? 1 : size);
}

void *memory_alloc(size_t size) {
    return checked(memory_try(size), size);
}

void *memory_zalloc(size_t size) {
    return checked(calloc(1, size == 0 ? 1 : size), size);
}

void *memory_realloc(void *old, size_t size) {
    return checked(realloc(old, size == 0 ? 1 : size), size);
}

void *memory_dup(const void *from, size_t size) {
    void *p = memory_alloc(size);
    if (size > 0) memcpy(p, from, size);
    return p;
}

char *memory_strndup(const char *s, size_t size) {
    char *p = memory_alloc(size + 1);
    if (size > 0) memcpy(p, s, size);
    p[size] = 0;
    return p;
}

char *memory_strdup(const char *s) {
    return memory_strndup(s, strlen(s));
}

char *memory_vprintf(const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    char *text = NULL;
    if (size >= 0) {
        text = memory_alloc((size_t)size + 1);
        size = vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    if (size < 0) {
        /* Only an invalid multi-byte argument fails; the format itself still says which message it was. */
        memory_free(text);
        text = memory_strdup(format);
    }
    return text;
}

char *memory_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *text = memory_vprintf(format, arguments);
    va_end(arguments);
    return text;
}

void memory_free(void *p) {
    free(p);
}
