/* Random numbers from the system's generator. Any thread. */
#ifndef QMQ_PORTABILITY_RANDOM_H
#define QMQ_PORTABILITY_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *to, size_t size);
/* Uniform in [0, bound), bound > 0. */
uint64_t random_below(uint64_t bound);

#endif
