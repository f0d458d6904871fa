#include "wire.h"

#include "examples.h"
#include "test.h"

#define LIMIT (16u << 20)

static uint8_t example[EXAMPLE_ROOM];
static size_t example_size;

static bool load(const char *name) {
    for (const example_t *e = examples; e->name != NULL; e++) {
        if (strcmp(e->name, name) == 0) return example_decode(e->hex, example, sizeof example, &example_size);
    }
    return false;
}

frame_t wire_example(const char *name) {
    frame_t f;
    size_t needed = 0;
    const char *reason = NULL;
    memset(&f, 0, sizeof f);
    CU_ASSERT_TRUE_FATAL(load(name));
    CU_ASSERT_EQUAL_FATAL(frame_parse(example, example_size, LIMIT, &f, &needed, &reason), APR_SUCCESS);
    CU_ASSERT_EQUAL(f.size, example_size);
    return f;
}

bool wire_is_example(const char *name, const frame_t *f, writer_t *body) {
    uint8_t head[FRAME_HEAD];
    frame_write_head(head, f->code, f->version, f->opaque, f->flag, f->request_code, body->used);
    bool same_head = load(name) && memcmp(head, example, FRAME_HEAD) == 0;
    return wire_holds(body, view_make(example + FRAME_HEAD, example_size - FRAME_HEAD)) && same_head;
}

bool wire_holds(writer_t *w, view_t bytes) {
    bool same = !w->failed && view_equal(writer_view(w), bytes);
    writer_free(w);
    return same;
}

message_t wire_tagged_message(void) {
    message_t m;
    memset(&m, 0, sizeof m);
    frame_t f = wire_example("send_request");
    cursor_t c = cursor_of(f.body);
    CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m));
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    return m;
}

bool wire_content_of(const message_t *m, wire_content_t *to) {
    message_content_t content = {m->flag, m->create_time, m->expire_time, m->subject, m->id, to->tags, 0, to->attributes, 0};
    cursor_t c = cursor_of(m->tags);
    while (content.tag_count < WIRE_MAX_PARTS && message_next_tag(&c, &to->tags[content.tag_count])) content.tag_count++;
    bool all_tags = cursor_left(&c) == 0 && content.tag_count == m->tag_count;
    c = cursor_of(m->attributes);
    size_t n = 0;
    while (n < WIRE_MAX_PARTS && message_next_attribute(&c, &to->attributes[2 * n], &to->attributes[2 * n + 1])) n++;
    content.attribute_count = n;
    to->content = content;
    return all_tags && !c.failed && cursor_left(&c) == 0;
}
