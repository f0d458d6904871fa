/* How many requests an address may send: a fixed table of places, addresses whose hashes meet share one. One thread. */
#ifndef QMQ_HTTP_RATE_H
#define QMQ_HTTP_RATE_H

#include "base/view.h"

#include <stdbool.h>
#include <stdint.h>

#define RATE_PLACES 1024

typedef struct rate {
    int64_t cost_us; /* of one request; 0: no limit */
    int64_t free_us[RATE_PLACES];
} rate_t;

/* a_second 0: no limit. */
void rate_init(rate_t *r, int a_second);
/* False: this one is too much. What was not used is kept for a second. */
bool rate_permit(rate_t *r, view_t who, int64_t now_us);

#endif
