#include "metaserver/tokens.h"

#include <stdio.h>
#include <string.h>

typedef struct search {
    const char *given;
    size_t size;
    char *who;
    size_t who_size;
    bool found;
} search_t;

/* Looks at every byte given, whatever it meets. */
static bool equal_in_constant_time(const char *known, const char *given, size_t size) {
    size_t known_size = strlen(known);
    unsigned char different = known_size != size;
    for (size_t i = 0; i < size; i++) different = (unsigned char)(different | (known[known_size == 0 ? 0 : i % known_size] ^ given[i]));
    return different == 0;
}

static bool compare(void *arg, const char *key, const char *value) {
    search_t *s = arg;
    if (*key != 0 && equal_in_constant_time(key, s->given, s->size)) {
        s->found = true;
        (void)snprintf(s->who, s->who_size, "%s", value);
    }
    return true;
}

bool token_is_valid(side_file_t *file, const char *internal, const char *given, char *who, size_t who_size) {
    if (given == NULL || *given == 0) return false;
    search_t s = {.given = given, .size = strlen(given), .who = who, .who_size = who_size};
    side_file_walk(file, compare, &s);
    if (internal != NULL) (void)compare(&s, internal, "this process");
    return s.found;
}
