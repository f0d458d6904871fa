#include "content.h"
#include "fuzz.h"
#include "protocol/pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body = view_make(data, size);
    cursor_t c = cursor_of(body);
    int64_t first = 0;
    message_t m;
    if (!pull_response_read_head(&c, &first)) {
        FUZZ_REQUIRE(size < PULL_RESPONSE_HEAD);
        return 0;
    }
    while (cursor_left(&c) > 0 && message_parse(&c, &m)) {
        content_check(&m, body);
        cursor_t attributes = cursor_of(m.attributes);
        view_t key;
        view_t value;
        while (message_next_attribute(&attributes, &key, &value)) {
            FUZZ_REQUIRE(fuzz_is_inside(key, m.attributes) && fuzz_is_inside(value, m.attributes));
        }
    }
    uint8_t head[PULL_RESPONSE_HEAD];
    writer_t w;
    writer_init_fixed(&w, head, sizeof head);
    pull_response_write_head(&w, first);
    FUZZ_REQUIRE(!w.failed && w.used == PULL_RESPONSE_HEAD && memcmp(head, data, 8) == 0);
    return 0;
}
