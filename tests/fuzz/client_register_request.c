#include "fuzz.h"
#include "protocol/client_register.h"

static bool same(const client_register_request_t *a, const client_register_request_t *b) {
    return view_equal(a->subject, b->subject) && a->client_type == b->client_type && view_equal(a->app_code, b->app_code) &&
           view_equal(a->client_id, b->client_id) && view_equal(a->consumer_group, b->consumer_group) &&
           a->request_type == b->request_type && view_equal(a->client_ldc, b->client_ldc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    client_register_request_t r;
    client_register_request_t again;
    writer_t w;
    if (!client_register_request_read(view_make(data, size), &r)) return 0;
    writer_init(&w, 0);
    client_register_request_write(&w, &r);
    FUZZ_REQUIRE(!w.failed);
    FUZZ_REQUIRE(client_register_request_read(writer_view(&w), &again) && same(&r, &again));
    writer_free(&w);
    return 0;
}
