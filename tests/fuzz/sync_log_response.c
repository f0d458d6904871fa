#include "fuzz.h"
#include "protocol/sync_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body = view_make(data, size);
    sync_log_response_t r;
    writer_t w;
    if (!sync_log_response_read(body, &r)) return 0;
    writer_init(&w, 0);
    sync_log_response_write_head(&w, (int32_t)r.data.size, r.start_offset);
    writer_bytes(&w, r.data.data, r.data.size);
    FUZZ_REQUIRE(!w.failed && view_equal(body, writer_view(&w)));
    writer_free(&w);
    return 0;
}
