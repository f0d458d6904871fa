#include "base/crc32.h"
#include "base/memory.h"
#include "protocol/send.h"
#include "suites.h"
#include "wire.h"

#define STR_LIMIT 32767
#define UNSIGNED_LIMIT 65535

/* Bytes of 'x'; memory_free. */
static view_t long_text(size_t size) {
    char *p = memory_alloc(size);
    memset(p, 'x', size);
    return view_make(p, size);
}

static void free_text(view_t v) {
    memory_free((void *)v.data);
}

static bool writes(const message_content_t *content) {
    writer_t w;
    writer_init(&w, 0);
    message_write_wire(&w, content);
    bool good = !w.failed;
    writer_free(&w);
    return good;
}

static message_content_t plain(const view_t *attributes, size_t count) {
    message_content_t m = {0, 1, 2, VIEW("s"), VIEW("id"), NULL, 0, attributes, count};
    return m;
}

static void wire_15_crc(void) {
    CU_ASSERT_EQUAL(crc32_of("123456789", 9), 0xCBF43926);
    message_t m = wire_tagged_message();
    CU_ASSERT_TRUE(message_crc_is_right(&m));
    CU_ASSERT_EQUAL((uint64_t)m.crc >> 32, 0);
    m.crc |= (int64_t)1 << 32;
    CU_ASSERT_FALSE(message_crc_is_right(&m));
    m.crc = -1;
    CU_ASSERT_FALSE(message_crc_is_right(&m));

    view_t attributes[] = {VIEW("k"), VIEW("v")};
    message_content_t content = plain(attributes, 1);
    writer_t w;
    writer_init(&w, 0);
    message_write_wire(&w, &content);
    cursor_t c = cursor_of(writer_view(&w));
    CU_ASSERT_TRUE(message_parse_wire(&c, &m));
    CU_ASSERT_TRUE(message_crc_is_right(&m));
    CU_ASSERT_EQUAL((uint64_t)m.crc >> 32, 0);
    writer_free(&w);
}

static void wire_16_long_strings_are_not_written(void) {
    view_t most = long_text(STR_LIMIT);
    view_t more = long_text(STR_LIMIT + 1);
    message_content_t m = plain(NULL, 0);
    m.subject = most;
    CU_ASSERT_TRUE(writes(&m));
    m.subject = more;
    CU_ASSERT_FALSE(writes(&m));
    m = plain(NULL, 0);
    m.id = more;
    CU_ASSERT_FALSE(writes(&m));
    m = plain(NULL, 0);
    m.tags = &more;
    m.tag_count = 1;
    CU_ASSERT_FALSE(writes(&m));
    m.tags = &most;
    CU_ASSERT_TRUE(writes(&m));
    view_t attributes[] = {more, VIEW("value")};
    m = plain(attributes, 1);
    CU_ASSERT_FALSE(writes(&m));
    free_text(most);
    free_text(more);
}

static void attribute_values_are_limited_to_the_unsigned_length(void) {
    view_t most = long_text(UNSIGNED_LIMIT);
    view_t more = long_text(UNSIGNED_LIMIT + 1);
    view_t attributes[] = {VIEW("k"), most};
    message_content_t m = plain(attributes, 1);
    CU_ASSERT_TRUE(writes(&m));
    attributes[1] = more;
    CU_ASSERT_FALSE(writes(&m));
    free_text(most);
    free_text(more);
}

static void too_many_tags_are_not_written(void) {
    view_t tags[128];
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) tags[i] = VIEW("t");
    message_content_t m = plain(NULL, 0);
    m.tags = tags;
    m.tag_count = 127;
    CU_ASSERT_TRUE(writes(&m));
    m.tag_count = 128;
    CU_ASSERT_FALSE(writes(&m));
}

/* A wire message with one byte pair replaced. */
static bool parses_with(size_t at, uint8_t high, uint8_t low) {
    message_t m = wire_tagged_message();
    writer_t w;
    writer_init(&w, 0);
    writer_i64(&w, m.crc);
    writer_bytes(&w, m.payload.data, m.payload.size);
    CU_ASSERT_FALSE_FATAL(w.failed);
    w.data[at] = high;
    w.data[at + 1] = low;
    cursor_t c = cursor_of(writer_view(&w));
    bool good = message_parse_wire(&c, &m);
    CU_ASSERT_EQUAL(good, !c.failed);
    writer_free(&w);
    return good;
}

static void wire_17_negative_lengths(void) {
    enum { SUBJECT_AT = 0x19, ID_AT = 0x28, TAG_AT = 0x48, BODY_AT = 0x4d };
    CU_ASSERT_TRUE(parses_with(SUBJECT_AT, 0, 13));
    CU_ASSERT_FALSE(parses_with(SUBJECT_AT, 0xff, 0xff));
    CU_ASSERT_FALSE(parses_with(SUBJECT_AT, 0x80, 0));
    CU_ASSERT_TRUE(parses_with(ID_AT, 0, 29));
    CU_ASSERT_FALSE(parses_with(ID_AT, 0xff, 0xff));
    CU_ASSERT_TRUE(parses_with(TAG_AT, 0, 3));
    CU_ASSERT_FALSE(parses_with(TAG_AT, 0xff, 0xff));
    CU_ASSERT_TRUE(parses_with(BODY_AT, 0, 0));
    CU_ASSERT_FALSE(parses_with(BODY_AT, 0xff, 0xff));
    CU_ASSERT_FALSE(parses_with(BODY_AT, 0x7f, 0xff));
}

static void wire_18_value_of_40000_bytes(void) {
    view_t big = long_text(40000);
    view_t attributes[] = {VIEW("before"), VIEW("1"), VIEW("big"), big, VIEW("after"), VIEW("2")};
    message_content_t content = plain(attributes, 3);
    writer_t w;
    writer_init(&w, 0);
    message_write_wire(&w, &content);
    cursor_t c = cursor_of(writer_view(&w));
    message_t m;
    view_t value = VIEW("");
    CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m));
    CU_ASSERT_TRUE(message_attribute(&m, VIEW("big"), &value));
    CU_ASSERT_TRUE(view_equal(value, big));
    CU_ASSERT_TRUE(message_attribute(&m, VIEW("after"), &value));
    CU_ASSERT_TRUE(view_equal(value, VIEW("2")));
    CU_ASSERT_FALSE(message_attribute(&m, VIEW("absent"), &value));
    writer_free(&w);
    free_text(big);
}

static message_t with_attributes(view_t encoded) {
    message_t m;
    memset(&m, 0, sizeof m);
    m.attributes = encoded;
    return m;
}

static void attributes_end_and_overrun(void) {
    view_t key;
    view_t value;
    message_t m = with_attributes(VIEW("\0\001a\0\001x\0\001a\0\001y\0\0\0"));
    CU_ASSERT_TRUE(message_attribute(&m, VIEW("a"), &value));
    CU_ASSERT_TRUE(view_equal(value, VIEW("y"))); /* the last of a key wins; 3 bytes left are the end */
    cursor_t c = cursor_of(m.attributes);
    CU_ASSERT_TRUE(message_next_attribute(&c, &key, &value));
    CU_ASSERT_TRUE(message_next_attribute(&c, &key, &value));
    CU_ASSERT_FALSE(message_next_attribute(&c, &key, &value));
    CU_ASSERT_FALSE(c.failed);

    m = with_attributes(VIEW("\0\001a\0\002x"));
    c = cursor_of(m.attributes);
    CU_ASSERT_FALSE(message_next_attribute(&c, &key, &value));
    CU_ASSERT_TRUE(c.failed);
    CU_ASSERT_FALSE(message_attribute(&m, VIEW("a"), &value));
    m = with_attributes(view_make(NULL, 0));
    CU_ASSERT_FALSE(message_attribute(&m, VIEW("a"), &value));
}

static void tag_counts_below_one_are_no_tags(void) {
    static const uint8_t counts[] = {0, 0x80, 0xff};
    for (size_t i = 0; i < sizeof counts; i++) {
        uint8_t payload[] = {MESSAGE_HAS_TAGS, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 's', 0, 1, 'i', counts[i], 0, 0, 0, 0};
        cursor_t c = cursor_make(payload, sizeof payload);
        message_t m;
        CU_ASSERT_TRUE_FATAL(message_parse(&c, &m));
        CU_ASSERT_EQUAL(m.tag_count, 0);
        CU_ASSERT_EQUAL(m.tags.size, 0);
        CU_ASSERT_EQUAL(m.tag_size, 1);
        CU_ASSERT_EQUAL(m.tag_offset, sizeof payload - 5);
        cursor_t tags = cursor_of(m.tags);
        view_t tag;
        CU_ASSERT_FALSE(message_next_tag(&tags, &tag));
        CU_ASSERT_FALSE(tags.failed);
    }
}

static void the_encoder_sets_the_tag_bit(void) {
    view_t tags[] = {VIEW("a"), VIEW("b")};
    message_content_t content = plain(NULL, 0);
    content.flag = MESSAGE_HAS_TAGS | MESSAGE_LOW_RELIABILITY; /* without tags it must not stay */
    writer_t w;
    writer_init(&w, 0);
    message_write_wire(&w, &content);
    content.flag = (int8_t)(0x80 | MESSAGE_DELAYED); /* reserved bits go as they are */
    content.tags = tags;
    content.tag_count = 2;
    message_write_wire(&w, &content);
    cursor_t c = cursor_of(writer_view(&w));
    message_t m;
    CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m));
    CU_ASSERT_EQUAL(m.flag, MESSAGE_LOW_RELIABILITY);
    CU_ASSERT_TRUE(message_crc_is_right(&m));
    CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m));
    CU_ASSERT_EQUAL((uint8_t)m.flag, 0x80 | MESSAGE_DELAYED | MESSAGE_HAS_TAGS);
    CU_ASSERT_TRUE(message_crc_is_right(&m));
    CU_ASSERT_EQUAL(m.tag_count, 2);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    writer_free(&w);
}

static void another_subject_leaves_the_rest_unchanged(void) {
    message_t m = wire_tagged_message();
    view_t retry = VIEW("%RETRY%order.changed%ticket");
    writer_t w;
    writer_init(&w, 0);
    message_write_with_subject(&w, &m, retry);
    cursor_t c = cursor_of(writer_view(&w));
    message_t again;
    CU_ASSERT_TRUE_FATAL(message_parse(&c, &again));
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    CU_ASSERT_TRUE(view_equal(again.subject, retry));
    CU_ASSERT_EQUAL(again.flag, m.flag);
    CU_ASSERT_EQUAL(again.create_time, m.create_time);
    CU_ASSERT_EQUAL(again.expire_time, m.expire_time);
    CU_ASSERT_TRUE(view_equal(again.id, m.id));
    CU_ASSERT_TRUE(view_equal(again.tags, m.tags));
    CU_ASSERT_TRUE(view_equal(again.attributes, m.attributes));
    CU_ASSERT_EQUAL(again.payload.size, m.payload.size - m.subject.size + retry.size);
    writer_free(&w);

    view_t more = long_text(STR_LIMIT + 1);
    writer_init(&w, 0);
    message_write_with_subject(&w, &m, more);
    CU_ASSERT_TRUE(w.failed);
    writer_free(&w);
    free_text(more);
}

static void surplus_after_a_payload_is_left(void) {
    message_t m = wire_tagged_message();
    writer_t w;
    writer_init(&w, 0);
    writer_bytes(&w, m.payload.data, m.payload.size);
    writer_bytes(&w, "next", 4);
    cursor_t c = cursor_of(writer_view(&w));
    CU_ASSERT_TRUE(message_parse(&c, &m));
    CU_ASSERT_EQUAL(m.crc, 0);
    CU_ASSERT_TRUE(view_equal(cursor_rest(&c), VIEW("next")));
    CU_ASSERT_FALSE(message_parse(&c, &m));
    CU_ASSERT_TRUE(c.failed);
    writer_free(&w);
}

const test_case_t message_cases[] = {TEST(wire_15_crc),
                                     TEST(wire_16_long_strings_are_not_written),
                                     TEST(attribute_values_are_limited_to_the_unsigned_length),
                                     TEST(too_many_tags_are_not_written),
                                     TEST(wire_17_negative_lengths),
                                     TEST(wire_18_value_of_40000_bytes),
                                     TEST(attributes_end_and_overrun),
                                     TEST(tag_counts_below_one_are_no_tags),
                                     TEST(the_encoder_sets_the_tag_bit),
                                     TEST(another_subject_leaves_the_rest_unchanged),
                                     TEST(surplus_after_a_payload_is_left),
                                     TEST_END};
