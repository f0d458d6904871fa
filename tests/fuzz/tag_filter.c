/* Input: tag type, the filter's count and strs, then a payload. The filter must judge as the plain reading of wire-protocol.md 11.2. */
#include "fuzz.h"
#include "protocol/codes.h"
#include "protocol/pull.h"

static bool has(const message_t *m, view_t wanted) {
    cursor_t c = cursor_of(m->tags);
    for (int i = 0; i < m->tag_count; i++) {
        view_t tag = cursor_str(&c);
        if (view_equal(tag, wanted)) return true;
    }
    return false;
}

static bool expected(const tag_filter_t *f, const message_t *m) {
    int found = 0;
    cursor_t c = cursor_of(f->tags);
    if (f->type == TAG_NONE || f->count == 0) return true;
    for (int i = 0; i < f->count; i++) {
        if (has(m, cursor_str(&c))) found++;
    }
    if (f->type == TAG_OR) return found > 0;
    if (f->type == TAG_AND) return found == f->count;
    return f->count == 1 && m->tag_count == 1 && found == 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cursor_t c = cursor_make(data, size);
    tag_filter_t f = {cursor_i16(&c), cursor_i8(&c), {NULL, 0}};
    message_t m;
    if (f.count < 0) return 0;
    const uint8_t *start = c.at;
    for (int i = 0; i < f.count; i++) (void)cursor_str(&c);
    if (c.failed) return 0;
    f.tags = view_make(start, (size_t)(c.at - start));
    if (!message_parse(&c, &m)) return 0;
    FUZZ_REQUIRE(tag_filter_matches(&f, &m) == expected(&f, &m));
    return 0;
}
