#include "fuzz.h"
#include "protocol/codes.h"
#include "protocol/pull.h"

static bool same_filters(const pull_request_t *a, const pull_request_t *b) {
    return a->has_tag_filter == b->has_tag_filter && a->tag_filter.type == b->tag_filter.type &&
           a->tag_filter.count == b->tag_filter.count && view_equal(a->tag_filter.tags, b->tag_filter.tags) &&
           a->has_sub_env == b->has_sub_env && view_equal(a->env, b->env) && view_equal(a->sub_env, b->sub_env);
}

static bool same(const pull_request_t *a, const pull_request_t *b) {
    return view_equal(a->subject, b->subject) && view_equal(a->group, b->group) && view_equal(a->consumer_id, b->consumer_id) &&
           a->request_num == b->request_num && a->offset == b->offset && a->pull_offset_begin == b->pull_offset_begin &&
           a->pull_offset_last == b->pull_offset_last && a->timeout_ms == b->timeout_ms && a->broadcast == b->broadcast &&
           same_filters(a, b);
}

static void check_tags(const tag_filter_t *f) {
    cursor_t c = cursor_of(f->tags);
    view_t tag;
    int count = 0;
    while (message_next_tag(&c, &tag)) count++;
    FUZZ_REQUIRE(!c.failed && count == f->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body;
    int16_t version = fuzz_version(data, size, &body);
    pull_request_t r;
    pull_request_t again;
    writer_t w;
    if (!pull_request_read(body, version, &r)) return 0;
    check_tags(&r.tag_filter);
    if (version < VERSION_8) FUZZ_REQUIRE(!r.has_tag_filter && !r.has_sub_env);
    writer_init(&w, 0);
    pull_request_write(&w, version, &r);
    FUZZ_REQUIRE(!w.failed);
    FUZZ_REQUIRE(pull_request_read(writer_view(&w), version, &again) && same(&r, &again));
    writer_free(&w);
    return 0;
}
