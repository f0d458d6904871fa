/* malloc that ends the process with a message instead of returning NULL, for small things; big or peer-controlled sizes use
 * memory_try and handle the failure. */
#ifndef QMQ_BASE_MEMORY_H
#define QMQ_BASE_MEMORY_H

#include <stddef.h>

void *memory_alloc(size_t size);
void *memory_zalloc(size_t size);
void *memory_realloc(void *old, size_t size);
void *memory_try(size_t size);
char *memory_strdup(const char *s);
char *memory_strndup(const char *s, size_t size);
void *memory_dup(const void *from, size_t size);
void memory_free(void *p);

#endif
