/* Layouts in which every field has one form: what was read and written again is the beginning of the input. One program each, FUZZ_TYPE
 * names the structure, FUZZ_HEADER where it is declared. */
#include "fuzz.h"

#include FUZZ_HEADER

#define JOIN(a, b) a##b
#define NAME(type, part) JOIN(type, part)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t body = view_make(data, size);
    NAME(FUZZ_TYPE, _t) r;
    if (!NAME(FUZZ_TYPE, _read)(body, &r)) return 0;
    writer_t w;
    writer_init(&w, 0);
    NAME(FUZZ_TYPE, _write)(&w, &r);
    FUZZ_REQUIRE(!w.failed);
    FUZZ_REQUIRE(view_starts(body, writer_view(&w)));
    FUZZ_REQUIRE(NAME(FUZZ_TYPE, _read)(writer_view(&w), &r));
    writer_free(&w);
    return 0;
}
