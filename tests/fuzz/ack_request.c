#include "protocol/ack.h"

#include "fuzz.h"
#include "protocol/codes.h"

static bool same(const ack_request_t *a, const ack_request_t *b) {
    return view_equal(a->subject, b->subject) && view_equal(a->group, b->group) && view_equal(a->consumer_id, b->consumer_id) &&
           a->pull_offset_begin == b->pull_offset_begin && a->pull_offset_last == b->pull_offset_last && a->broadcast == b->broadcast;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body;
    int16_t version = fuzz_version(data, size, &body);
    ack_request_t r;
    ack_request_t again;
    writer_t w;
    if (!ack_request_read(body, version, &r)) return 0;
    if (version < VERSION_8) FUZZ_REQUIRE(!r.broadcast);
    writer_init(&w, 0);
    ack_request_write(&w, version, &r);
    FUZZ_REQUIRE(!w.failed);
    FUZZ_REQUIRE(ack_request_read(writer_view(&w), version, &again) && same(&r, &again));
    writer_free(&w);
    return 0;
}
