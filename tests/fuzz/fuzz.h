/* What every fuzz target shares. A target takes any bytes; what it finds wrong ends the process, which libFuzzer reports with the input. */
#ifndef QMQ_TESTS_FUZZ_FUZZ_H
#define QMQ_TESTS_FUZZ_FUZZ_H

#include "base/cursor.h"
#include "base/writer.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stays in every build, unlike assert. */
#define FUZZ_REQUIRE(condition)                                                                                                            \
    do {                                                                                                                                   \
        if (!(condition)) {                                                                                                                \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition);                                                      \
            abort();                                                                                                                       \
        }                                                                                                                                  \
    } while (0)

/* Where the version decides the form, it is the first two bytes of the input; the rest is the body. */
static inline int16_t fuzz_version(const uint8_t *data, size_t size, view_t *body) {
    cursor_t c = cursor_make(data, size);
    int16_t version = cursor_i16(&c);
    *body = cursor_rest(&c);
    return version;
}

static inline bool fuzz_is_inside(view_t inner, view_t outer) {
    return inner.size == 0 || (inner.data >= outer.data && inner.data + inner.size <= outer.data + outer.size);
}

#endif
