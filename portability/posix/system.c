#include "portability/posix/system.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void system_fatal(const char *what, int error) {
    fprintf(stderr, "qmq: fatal: %s%s%s\n", what, error != 0 ? ": " : "", error != 0 ? strerrordesc_np(error) : "");
    abort();
}

void *system_alloc(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) system_fatal("out of memory", 0);
    return memory;
}

void *system_resize(void *memory, size_t count, size_t size) {
    void *larger = reallocarray(memory, count, size);
    if (larger == NULL) system_fatal("out of memory", 0);
    return larger;
}

char *system_copy(const char *text) {
    char *copy = strdup(text);
    if (copy == NULL) system_fatal("out of memory", 0);
    return copy;
}
