/* malloc that ends the process with a message instead of returning NULL, for small things; big or peer-controlled sizes use
 * memory_try and handle the failure. */
#ifndef QMQ_BASE_MEMORY_H
#define QMQ_BASE_MEMORY_H

#include "portability/format.h"

#include <stdarg.h>
#include <stddef.h>

void *memory_alloc(size_t size) QMQ_NEVER_NULL;
void *memory_zalloc(size_t size) QMQ_NEVER_NULL;
void *memory_realloc(void *old, size_t size) QMQ_NEVER_NULL;
void *memory_try(size_t size);
char *memory_strdup(const char *s) QMQ_NEVER_NULL;
char *memory_strndup(const char *s, size_t size);
void *memory_dup(const void *from, size_t size);
/* printf into memory of its own; caller frees. */
char *memory_printf(const char *format, ...) QMQ_PRINTF(1, 2);
char *memory_vprintf(const char *format, va_list arguments) QMQ_PRINTF(1, 0);
void memory_free(void *p);

#endif
