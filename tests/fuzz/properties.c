#include "base/properties.h"

#include "fuzz.h"

static void check_keys(const properties_t *p) {
    const char *key = NULL;
    const char *value = NULL;
    for (size_t i = 0; properties_at(p, i, &key, &value); i++) {
        FUZZ_REQUIRE(key != NULL && value != NULL);
        const char *got = properties_get(p, key);
        FUZZ_REQUIRE(got == NULL ? *value == 0 : *got != 0);
        FUZZ_REQUIRE(properties_line(p, key) > 0);
        FUZZ_REQUIRE(properties_raw(p, key) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    qmq_error_t *error = NULL;
    properties_t *p = properties_parse("fuzz.properties", (const char *)data, size, &error);
    FUZZ_REQUIRE((p == NULL) == (error != NULL));
    if (p != NULL) check_keys(p);
    properties_free(p);
    qmq_error_free(error);
    return 0;
}
