/* Time. Every other file reads clocks only through here, so that a test build or a simulator can bend time. */
#ifndef QMQ_PORTABILITY_CLOCK_H
#define QMQ_PORTABILITY_CLOCK_H

#include <stdint.h>

/* Wall clock, milliseconds since 1970-01-01T00:00:00Z. May jump in both directions. Any thread. */
int64_t clock_wall_ms(void);

/* Monotonic clock, microseconds from an arbitrary start. Time-outs, holds and rates use this one. Any thread. */
int64_t clock_mono_us(void);

#endif
