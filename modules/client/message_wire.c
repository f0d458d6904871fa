#include "base/memory.h"
#include "client/message_impl.h"
#include "client/names.h"
#include "protocol/message.h"

bool message_is_delayed(const qmq_message_t *m, int64_t now_ms) {
    return m->schedule_ms > 0 && m->schedule_ms - now_ms >= MESSAGE_LEAST_DELAY_MS;
}

void message_encode(writer_t *w, const qmq_message_t *m, const char *subject, bool delayed, int64_t now_ms) {
    view_t tags[MESSAGE_MOST_TAGS];
    view_t *pairs = memory_alloc((m->count > 0 ? m->count : 1) * 2 * sizeof *pairs);
    for (size_t i = 0; i < m->tag_count; i++) tags[i] = view_of(m->tags[i]);
    for (size_t i = 0; i < m->count; i++) {
        pairs[2 * i] = view_make(m->attributes[i].key, m->attributes[i].key_size);
        pairs[2 * i + 1] = view_make(m->attributes[i].value, m->attributes[i].value_size);
    }
    message_content_t content = {.flag = delayed ? MESSAGE_DELAYED : 0,
                                 .create_time = message_find_i64(m, KEY_CREATE_TIME, now_ms),
                                 .expire_time = delayed ? m->schedule_ms : now_ms,
                                 .subject = view_of(subject),
                                 .id = view_of(m->id),
                                 .tags = tags,
                                 .tag_count = (int)m->tag_count,
                                 .attributes = pairs,
                                 .attribute_count = m->count};
    message_write_wire(w, &content);
    memory_free(pairs);
}

static void take_tags(qmq_message_t *m, const message_t *wire) {
    cursor_t c = cursor_of(wire->tags);
    view_t tag;
    while (m->tag_count < MESSAGE_MOST_TAGS && message_next_tag(&c, &tag)) {
        if (tag.size > 0) m->tags[m->tag_count++] = memory_strndup(tag.data, tag.size);
    }
}

static void take_attributes(qmq_message_t *m, const message_t *wire) {
    cursor_t c = cursor_of(wire->attributes);
    view_t key, value;
    while (message_next_attribute(&c, &key, &value)) message_put(m, key, value);
    m->corrupt = c.failed;
}

qmq_message_t *message_decode(const message_t *wire, const char *subject, int64_t now_ms) {
    char *id = memory_strndup(wire->id.data, wire->id.size);
    qmq_message_t *m = message_new(subject, id);
    memory_free(id);
    take_tags(m, wire);
    take_attributes(m, wire);
    m->created_ms = message_find_i64(m, KEY_CREATE_TIME, now_ms);
    m->schedule_ms = message_find_i64(m, KEY_SCHEDULE_TIME, 0);
    int64_t times = message_find_i64(m, KEY_TIMES, 1);
    m->attempt = times < 1 || times > INT32_MAX ? 1 : (int)times;
    return m;
}
