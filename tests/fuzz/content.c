#include "content.h"

#include "base/memory.h"
#include "fuzz.h"

static void take_tags(const message_t *m, message_content_t *content) {
    view_t *tags = memory_alloc((size_t)m->tag_count * sizeof *tags);
    cursor_t c = cursor_of(m->tags);
    while (message_next_tag(&c, &tags[content->tag_count])) {
        content->tag_count++;
        if (content->tag_count == m->tag_count) break;
    }
    content->tags = tags;
    FUZZ_REQUIRE(!c.failed && cursor_left(&c) == 0 && content->tag_count == m->tag_count);
}

bool content_of(const message_t *m, message_content_t *content) {
    *content = (message_content_t){m->flag, m->create_time, m->expire_time, m->subject, m->id, NULL, 0, NULL, 0};
    if (m->tag_count > 0) take_tags(m, content);
    /* a pair has at least 4 bytes */
    view_t *pairs = memory_alloc(2 * (m->attributes.size / 4) * sizeof *pairs);
    content->attributes = pairs;
    cursor_t c = cursor_of(m->attributes);
    bool writable = true;
    view_t key;
    view_t value;
    while (message_next_attribute(&c, &key, &value)) {
        FUZZ_REQUIRE(fuzz_is_inside(key, m->attributes) && fuzz_is_inside(value, m->attributes));
        pairs[2 * content->attribute_count] = key;
        pairs[2 * content->attribute_count + 1] = value;
        content->attribute_count++;
        if (key.size > WRITER_MAX_STR) writable = false;
    }
    return writable && !c.failed && cursor_left(&c) == 0;
}

void content_free(message_content_t *content) {
    memory_free((void *)content->tags);
    memory_free((void *)content->attributes);
}

bool content_same(const message_t *a, const message_t *b) {
    return a->create_time == b->create_time && a->expire_time == b->expire_time && view_equal(a->subject, b->subject) &&
           view_equal(a->id, b->id) && a->tag_count == b->tag_count && view_equal(a->tags, b->tags) &&
           view_equal(a->attributes, b->attributes) && ((a->flag ^ b->flag) & ~MESSAGE_HAS_TAGS) == 0;
}

void content_check(const message_t *m, view_t input) {
    FUZZ_REQUIRE(fuzz_is_inside(m->payload, input));
    FUZZ_REQUIRE(fuzz_is_inside(m->subject, m->payload) && fuzz_is_inside(m->id, m->payload));
    FUZZ_REQUIRE(fuzz_is_inside(m->tags, m->payload) && fuzz_is_inside(m->attributes, m->payload));
    FUZZ_REQUIRE(m->tag_count >= 0 && m->tag_count <= INT8_MAX);
    FUZZ_REQUIRE((m->tag_size > 0) == ((m->flag & MESSAGE_HAS_TAGS) != 0));
    FUZZ_REQUIRE(m->tag_offset + m->tag_size + 4 + m->attributes.size == m->payload.size);
}
