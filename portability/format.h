/* Marks a function whose parameter F is a printf format and whose first argument for it is parameter A. The formats are C11's
 * (%zu, %lld) on every system, whatever a system's own printf understood before. */
#ifndef QMQ_PORTABILITY_FORMAT_H
#define QMQ_PORTABILITY_FORMAT_H

#include <stdio.h>

#ifdef __MINGW_PRINTF_FORMAT
#define QMQ_PRINTF(f, a) __attribute__((format(__MINGW_PRINTF_FORMAT, f, a)))
#else
#define QMQ_PRINTF(f, a) __attribute__((format(printf, f, a)))
#endif

/* For functions that never return NULL. */
#if defined(__GNUC__)
#define QMQ_NEVER_NULL __attribute__((returns_nonnull))
#else
#define QMQ_NEVER_NULL
#endif

#endif
