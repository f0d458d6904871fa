/* A pull-log tablet, its checksum made right: every run lies inside, and what is read can be written again. */
#include "base/crc32.h"
#include "base/memory.h"
#include "fuzz.h"
#include "store/pull_tablet.h"

static void check(const tablet_image_t *image, view_t whole) {
    size_t at = 0;
    tablet_run_t run;
    tablet_builder_t b;
    tablet_builder_init(&b);
    while (tablet_image_next(image, &at, &run)) {
        FUZZ_REQUIRE(fuzz_is_inside(run.key, whole) && run.count > 0);
        for (int32_t i = 0; i < run.count && i < 4096; i++) (void)tablet_run_message(&run, i);
        pull_range_t r = {run.pull, run.message, 1};
        tablet_builder_add(&b, run.key, view_of("g"), view_of("s"), &r, 1);
    }
    FUZZ_REQUIRE(at == image->index_size);
    size_t size = 0;
    uint8_t *made = tablet_builder_finish(&b, image->begin, image->end, &size);
    tablet_image_t back;
    FUZZ_REQUIRE(made == NULL || tablet_image_open(&back, made, size));
    memory_free(made);
    tablet_builder_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tablet_image_t image;
    (void)tablet_image_open(&image, data, size);
    if (size < TABLET_HEADER_SIZE + TABLET_CRC_SIZE) return 0;
    uint8_t *copy = memory_dup(data, size);
    put_u64(copy + size - TABLET_CRC_SIZE, crc32_of(copy + TABLET_HEADER_SIZE, size - TABLET_HEADER_SIZE - TABLET_CRC_SIZE));
    if (tablet_image_open(&image, copy, size)) check(&image, view_make(copy, size));
    memory_free(copy);
    return 0;
}
