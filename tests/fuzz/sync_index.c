#include "fuzz.h"
#include "protocol/sync_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body = view_make(data, size);
    cursor_t c = cursor_of(body);
    sync_index_entry_t e;
    writer_t w;
    writer_init(&w, 0);
    while (sync_index_entry_next(&c, &e)) sync_index_entry_write(&w, &e);
    FUZZ_REQUIRE(!w.failed);
    FUZZ_REQUIRE(c.failed ? view_starts(body, writer_view(&w)) : view_equal(body, writer_view(&w)));
    writer_free(&w);
    return 0;
}
