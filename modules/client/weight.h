/* Which broker group a pull consumer asks next: those that had messages lately are asked more often (client.md 12.3). Pure. */
#ifndef QMQ_CLIENT_WEIGHT_H
#define QMQ_CLIENT_WEIGHT_H

#include <stddef.h>
#include <stdint.h>

#define WEIGHT_FIRST 100

/* got < 0: the pull failed. */
int weight_after(int weight, int wanted, int got);
/* Index of the one to take, r uniform in [0, sum of the weights). */
size_t weight_choose(const int *weights, size_t count, int64_t r);
int64_t weight_sum(const int *weights, size_t count);

#endif
