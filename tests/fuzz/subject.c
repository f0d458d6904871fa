#include "protocol/subject.h"

#include "base/memory.h"
#include "fuzz.h"

/* A retry name made of the parts takes apart into them, when they are such as a split gives. */
static void check_name(view_t real, view_t group) {
    view_t r;
    view_t g;
    size_t size = subject_retry_name(real, group, NULL, 0);
    char *name = memory_alloc(size);
    FUZZ_REQUIRE(subject_retry_name(real, group, name, size) == size);
    FUZZ_REQUIRE(subject_kind(view_make(name, size)) == SUBJECT_RETRY);
    subject_split(view_make(name, size), &r, &g);
    FUZZ_REQUIRE(view_equal(r, real) && view_equal(g, group));
    memory_free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    view_t subject = view_make(data, size);
    view_t real;
    view_t group;
    subject_split(subject, &real, &group);
    FUZZ_REQUIRE(fuzz_is_inside(real, subject) && fuzz_is_inside(group, subject));
    bool is_whole = real.size == subject.size && group.size == 0;
    if (subject_kind(subject) == SUBJECT_NORMAL) FUZZ_REQUIRE(is_whole);
    if (!is_whole) {
        FUZZ_REQUIRE(real.size > 0 && group.size > 0);
        check_name(real, group);
    }
    if (subject_is_storable(subject)) {
        FUZZ_REQUIRE(size > 0 && size <= SUBJECT_MAX_BYTES && !subject_has_illegal_character(subject) && pull_name_is_legal(subject));
    }
    return 0;
}
