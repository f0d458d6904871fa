/* Index entries of both formats, and the head of a sorted table. */
#include "fuzz.h"
#include "store/index_entry.h"
#include "store/sorted_tables.h"

static void check(index_format_t format, const uint8_t *from) {
    uint8_t made[INDEX_MOST_SIZE];
    index_entry_t e = index_entry_decode(format, from);
    index_entry_encode(format, made, &e);
    index_entry_t back = index_entry_decode(format, made);
    FUZZ_REQUIRE(back.time_ms == e.time_ms && back.offset == e.offset && back.record_size == e.record_size &&
                 back.header_size == e.header_size);
    if (index_entry_is_plausible(&e, 1 << 30)) FUZZ_REQUIRE(!index_entry_is_sorted(&e) && !index_entry_is_blank(&e) && e.offset >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sorted_table_header_t h;
    if (size < INDEX_MOST_SIZE) return 0;
    check(INDEX_V1, data);
    check(INDEX_V2, data);
    if (sorted_table_header_parse(data, &h)) FUZZ_REQUIRE(h.data_size >= 0 && h.data_size < SORTED_TABLE_SIZE);
    return 0;
}
