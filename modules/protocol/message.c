#include "protocol/message.h"

#include "base/crc32.h"
#include "protocol/pieces.h"

#define FIXED_HEAD 17 /* flag, creation time, expiry time */
/* The smallest payload: fixed head, two empty strs, no tags, an empty body. */
#define PAYLOAD_LEAST (FIXED_HEAD + 2 * STR_HEAD + 4)
#define CRC_SIZE 8
#define PAIR_LEAST 4 /* two empty strs */

bool message_parse(cursor_t *c, message_t *m) {
    if (!cursor_need(c, PAYLOAD_LEAST)) return false;
    const uint8_t *start = c->at;
    m->crc = 0;
    m->flag = cursor_i8(c);
    m->create_time = cursor_i64(c);
    m->expire_time = cursor_i64(c);
    m->subject = cursor_str(c);
    m->id = cursor_str(c);
    m->tag_offset = (size_t)(c->at - start);
    m->tag_count = 0;
    m->tags = view_make(NULL, 0);
    m->tag_size = 0;
    if ((m->flag & MESSAGE_HAS_TAGS) != 0) {
        m->tags = strs_take(c, &m->tag_count);
        m->tag_size = 1 + m->tags.size;
    }
    m->attributes = sized_take(c);
    m->payload = view_make(start, (size_t)(c->at - start));
    return !c->failed;
}

bool message_parse_wire(cursor_t *c, message_t *m) {
    int64_t crc = cursor_i64(c);
    if (!message_parse(c, m)) return false;
    m->crc = crc;
    return true;
}

bool message_crc_is_right(const message_t *m) {
    return (uint64_t)m->crc >> 32 == 0 && (uint32_t)m->crc == crc32_of(m->payload.data, m->payload.size);
}

bool message_next_tag(cursor_t *c, view_t *tag) {
    if (cursor_left(c) == 0) return false;
    *tag = cursor_str(c);
    return !c->failed;
}

bool message_next_attribute(cursor_t *c, view_t *key, view_t *value) {
    if (cursor_left(c) < PAIR_LEAST) return false;
    *key = cursor_str_unsigned(c);
    *value = cursor_str_unsigned(c);
    return !c->failed;
}

bool message_attribute(const message_t *m, view_t key, view_t *value) {
    cursor_t c = cursor_of(m->attributes);
    bool found = false;
    view_t k;
    view_t v;
    while (message_next_attribute(&c, &k, &v)) {
        if (!view_equal(k, key)) continue;
        *value = v;
        found = true;
    }
    return found;
}

static void write_tags(writer_t *w, const message_content_t *m) {
    if (m->tag_count > STRS_MAX_COUNT) {
        w->failed = true;
        return;
    }
    writer_i8(w, (int8_t)m->tag_count);
    for (int i = 0; i < m->tag_count; i++) writer_str(w, m->tags[i]);
}

static void write_attributes(writer_t *w, const message_content_t *m) {
    size_t size_at = w->used;
    writer_i32(w, 0);
    size_t start = w->used;
    for (size_t i = 0; i < m->attribute_count && !w->failed; i++) {
        writer_str(w, m->attributes[2 * i]);
        writer_str_unsigned(w, m->attributes[2 * i + 1]);
    }
    if (w->failed) return;
    if (w->used - start > INT32_MAX) {
        w->failed = true;
        return;
    }
    writer_patch_i32(w, size_at, (int32_t)(w->used - start));
}

void message_write_wire(writer_t *w, const message_content_t *m) {
    size_t crc_at = w->used;
    bool has_tags = m->tag_count > 0;
    writer_i64(w, 0);
    writer_i8(w, (int8_t)((m->flag & ~MESSAGE_HAS_TAGS) | (has_tags ? MESSAGE_HAS_TAGS : 0)));
    writer_i64(w, m->create_time);
    writer_i64(w, m->expire_time);
    writer_str(w, m->subject);
    writer_str(w, m->id);
    if (has_tags) write_tags(w, m);
    write_attributes(w, m);
    if (w->failed) return;
    size_t start = crc_at + CRC_SIZE;
    writer_patch_i64(w, crc_at, (int64_t)crc32_of(w->data + start, w->used - start));
}

void message_write_with_subject(writer_t *w, const message_t *m, view_t subject) {
    size_t after = FIXED_HEAD + STR_HEAD + m->subject.size;
    writer_bytes(w, m->payload.data, FIXED_HEAD);
    writer_str(w, subject);
    writer_bytes(w, m->payload.data + after, m->payload.size - after);
}
