#include "fuzz.h"
#include "protocol/send.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body = view_make(data, size);
    cursor_t c = cursor_of(body);
    send_result_t r;
    writer_t w;
    writer_init(&w, 0);
    while (send_result_next(&c, &r)) send_result_write(&w, &r);
    FUZZ_REQUIRE(!w.failed);
    FUZZ_REQUIRE(c.failed ? view_starts(body, writer_view(&w)) : view_equal(body, writer_view(&w)));
    writer_free(&w);
    return 0;
}
