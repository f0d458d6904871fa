#include "protocol/pull.h"

#include "protocol/codes.h"
#include "protocol/pieces.h"

#define RESERVED_OFFSET (-1) /* once the consumer-log offset */

static tag_filter_t read_tag_filter(cursor_t *c) {
    tag_filter_t f;
    f.type = cursor_i16(c);
    f.tags = strs_take(c, &f.count);
    return f;
}

/* Of a type that occurs twice the first counts. */
static void read_filter(cursor_t *c, pull_request_t *r) {
    int16_t type = cursor_i16(c);
    if (type == FILTER_TAG) {
        tag_filter_t f = read_tag_filter(c);
        if (!r->has_tag_filter) r->tag_filter = f;
        r->has_tag_filter = true;
    } else if (type == FILTER_SUB_ENV) {
        view_t env = cursor_str(c);
        view_t sub_env = cursor_str(c);
        if (!r->has_sub_env) {
            r->env = env;
            r->sub_env = sub_env;
        }
        r->has_sub_env = true;
    } else {
        pieces_refuse(c);
    }
}

static void read_filters(cursor_t *c, pull_request_t *r) {
    int32_t count = cursor_i32(c);
    for (int32_t i = 0; i < count && !c->failed; i++) read_filter(c, r);
}

bool pull_request_read(view_t body, int16_t version, pull_request_t *r) {
    cursor_t c = cursor_of(body);
    memset(r, 0, sizeof *r);
    r->subject = cursor_str(&c);
    r->group = cursor_str(&c);
    r->consumer_id = cursor_str(&c);
    r->request_num = cursor_i32(&c);
    r->offset = cursor_i64(&c);
    r->pull_offset_begin = cursor_i64(&c);
    r->pull_offset_last = cursor_i64(&c);
    r->timeout_ms = cursor_i64(&c);
    r->broadcast = cursor_u8(&c) != 0;
    if (version >= VERSION_9) {
        read_filters(&c, r);
    } else if (version == VERSION_8) {
        r->tag_filter = read_tag_filter(&c);
        r->has_tag_filter = true;
    }
    return !c.failed;
}

static void write_tag_filter(writer_t *w, const tag_filter_t *f) {
    if (f->count < 0 || f->count > STRS_MAX_COUNT) {
        w->failed = true;
        return;
    }
    writer_i16(w, f->type);
    writer_i8(w, (int8_t)f->count);
    writer_bytes(w, f->tags.data, f->tags.size);
}

static void write_filters(writer_t *w, const pull_request_t *r) {
    writer_i32(w, (r->has_tag_filter ? 1 : 0) + (r->has_sub_env ? 1 : 0));
    if (r->has_tag_filter) {
        writer_i16(w, FILTER_TAG);
        write_tag_filter(w, &r->tag_filter);
    }
    if (r->has_sub_env) {
        writer_i16(w, FILTER_SUB_ENV);
        writer_str(w, r->env);
        writer_str(w, r->sub_env);
    }
}

void pull_request_write(writer_t *w, int16_t version, const pull_request_t *r) {
    static const tag_filter_t none = {TAG_NONE, 0, {NULL, 0}};
    writer_str(w, r->subject);
    writer_str(w, r->group);
    writer_str(w, r->consumer_id);
    writer_i32(w, r->request_num);
    writer_i64(w, r->offset);
    writer_i64(w, r->pull_offset_begin);
    writer_i64(w, r->pull_offset_last);
    writer_i64(w, r->timeout_ms);
    writer_u8(w, r->broadcast ? 1 : 0);
    if (version >= VERSION_9) {
        write_filters(w, r);
    } else if (version == VERSION_8) {
        write_tag_filter(w, r->has_tag_filter ? &r->tag_filter : &none);
    }
}

void tag_filter_write_tags(writer_t *w, const view_t *tags, int count) {
    for (int i = 0; i < count; i++) writer_str(w, tags[i]);
}

bool tag_filter_is_active(const tag_filter_t *f) {
    return f->type != TAG_NONE && f->count > 0;
}

static bool message_has_tag(const message_t *m, view_t wanted) {
    cursor_t c = cursor_of(m->tags);
    view_t tag;
    while (message_next_tag(&c, &tag)) {
        if (view_equal(tag, wanted)) return true;
    }
    return false;
}

bool tag_filter_matches(const tag_filter_t *f, const message_t *m) {
    if (!tag_filter_is_active(f)) return true;
    if (m->tag_count == 0) return false;
    /* Of one pair OR, AND and types not known mean the same; else a type not known matches nothing. */
    bool is_pair = f->count == 1 && m->tag_count == 1;
    if (is_pair) return view_equal(f->tags, m->tags);
    if (f->type != TAG_OR && f->type != TAG_AND) return false;
    bool wants_all = f->type == TAG_AND;
    cursor_t c = cursor_of(f->tags);
    view_t wanted;
    while (message_next_tag(&c, &wanted)) {
        if (message_has_tag(m, wanted) != wants_all) return !wants_all;
    }
    return wants_all;
}

void pull_response_write_head(writer_t *w, int64_t pull_offset) {
    writer_i64(w, pull_offset);
    writer_i64(w, RESERVED_OFFSET);
}

bool pull_response_read_head(cursor_t *c, int64_t *pull_offset) {
    *pull_offset = cursor_i64(c);
    cursor_skip(c, sizeof(int64_t));
    return !c->failed;
}
