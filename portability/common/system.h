/* What the files here share on every system: memory that is there or the process ends, and real time to wait. */
#ifndef QMQ_PORTABILITY_COMMON_SYSTEM_H
#define QMQ_PORTABILITY_COMMON_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/* Ends the process: an invariant is broken or memory ran out. error is the system's number or 0. */
_Noreturn void system_fatal(const char *what, int error);

/* Zeroed memory; never NULL. Freed with free. */
void *system_alloc(size_t size);
/* As realloc, for an array of count elements; never NULL. */
void *system_resize(void *memory, size_t count, size_t size);
char *system_copy(const char *text);

/* Real microseconds to wait, at most, before `us` of clock_mono_us may have passed; the waiter then looks at the clock again.
 * The same number, except where a test bends time. */
int64_t system_wait_us(int64_t us);

#endif
