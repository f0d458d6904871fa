#include "protocol/message.h"

#include "base/memory.h"
#include "content.h"
#include "fuzz.h"

/* Writes the fields again; without CRC it is the payload. */
static void check_again(const message_t *m) {
    message_content_t content;
    message_t again;
    if (content_of(m, &content)) {
        writer_t w;
        writer_init(&w, 0);
        message_write_wire(&w, &content);
        FUZZ_REQUIRE(!w.failed);
        cursor_t c = cursor_of(writer_view(&w));
        FUZZ_REQUIRE(message_parse_wire(&c, &again));
        FUZZ_REQUIRE(cursor_left(&c) == 0 && message_crc_is_right(&again) && content_same(m, &again));
        /* only a tag section without tags is not written again */
        if (m->tag_size != 1) FUZZ_REQUIRE(view_equal(m->payload, again.payload));
        writer_free(&w);
    }
    content_free(&content);
}

static void check_other_subject(const message_t *m) {
    view_t subject = view_of("%RETRY%s%g");
    message_t again;
    writer_t w;
    writer_init(&w, 0);
    message_write_with_subject(&w, m, subject);
    cursor_t c = cursor_of(writer_view(&w));
    FUZZ_REQUIRE(message_parse(&c, &again));
    FUZZ_REQUIRE(cursor_left(&c) == 0 && view_equal(again.subject, subject) && again.flag == m->flag && again.tag_size == m->tag_size);
    again.subject = m->subject;
    FUZZ_REQUIRE(content_same(m, &again));
    writer_free(&w);
}

/* Without its tag section the payload is what versions below 8 get: the same message without tags. */
static void check_without_tags(const message_t *m) {
    size_t after = m->tag_offset + m->tag_size;
    message_t again;
    writer_t w;
    writer_init(&w, 0);
    writer_bytes(&w, m->payload.data, m->tag_offset);
    writer_bytes(&w, m->payload.data + after, m->payload.size - after);
    FUZZ_REQUIRE(!w.failed);
    w.data[0] = (uint8_t)(w.data[0] & ~MESSAGE_HAS_TAGS);
    cursor_t c = cursor_of(writer_view(&w));
    FUZZ_REQUIRE(message_parse(&c, &again) && cursor_left(&c) == 0);
    again.tag_count = m->tag_count;
    again.tags = m->tags;
    FUZZ_REQUIRE(content_same(m, &again));
    writer_free(&w);
}

static void check_attribute(const message_t *m) {
    cursor_t c = cursor_of(m->attributes);
    view_t key;
    view_t value;
    view_t found;
    if (!message_next_attribute(&c, &key, &value)) return;
    FUZZ_REQUIRE(message_attribute(m, key, &found) && fuzz_is_inside(found, m->attributes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cursor_t c = cursor_make(data, size);
    message_t m;
    while (cursor_left(&c) > 0 && message_parse(&c, &m)) {
        content_check(&m, view_make(data, size));
        check_again(&m);
        check_other_subject(&m);
        check_without_tags(&m);
        check_attribute(&m);
    }
    return 0;
}
