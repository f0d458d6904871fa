#include "protocol/send.h"

#include "content.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body = view_make(data, size);
    size_t count = 0;
    bool good = send_request_check(body, &count);
    cursor_t c = cursor_of(body);
    size_t parsed = 0;
    bool named = true;
    message_t m;
    while (named && cursor_left(&c) > 0 && message_parse_wire(&c, &m)) {
        named = m.subject.size > 0 && m.id.size > 0;
        if (named) parsed++;
        content_check(&m, body);
        /* computed for right and wrong ones */
        (void)message_crc_is_right(&m);
    }
    FUZZ_REQUIRE(good == (named && !c.failed));
    FUZZ_REQUIRE(parsed == count);
    return 0;
}
