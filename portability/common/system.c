#include "portability/common/system.h"

#include <stdlib.h>
#include <string.h>

void *system_alloc(size_t size) {
    void *memory = calloc(1, size);
    if (memory == NULL) system_fatal("out of memory", 0);
    return memory;
}

void *system_resize(void *memory, size_t count, size_t size) {
    if (size > 0 && count > SIZE_MAX / size) system_fatal("out of memory", 0);
    size_t bytes = count * size;
    void *larger = realloc(memory, bytes == 0 ? 1 : bytes);
    if (larger == NULL) system_fatal("out of memory", 0);
    return larger;
}

char *system_copy(const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(system_alloc(size), text, size);
}
