#include "protocol/client_register.h"

#include "base/memory.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body = view_make(data, size);
    client_register_response_t r;
    if (!client_register_response_read(body, &r)) return 0;
    FUZZ_REQUIRE(r.group_count >= 0 && fuzz_is_inside(r.groups, body));
    route_group_t *groups = memory_alloc((size_t)r.group_count * sizeof *groups);
    cursor_t c = cursor_of(r.groups);
    for (int i = 0; i < r.group_count; i++) FUZZ_REQUIRE(route_group_next(&c, &groups[i]));
    FUZZ_REQUIRE(cursor_left(&c) == 0);
    writer_t w;
    writer_init(&w, 0);
    client_register_response_write(&w, &r, groups);
    FUZZ_REQUIRE(!w.failed && view_starts(body, writer_view(&w)));
    writer_free(&w);
    memory_free(groups);
    return 0;
}
