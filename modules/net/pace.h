/* How fast an address may send requests to a port: whoever sends more is read from later, and loses nothing. A fixed table of places,
 * addresses whose hashes meet share one. Any thread. */
#ifndef QMQ_NET_PACE_H
#define QMQ_NET_PACE_H

#include "base/view.h"

#include <stdatomic.h>
#include <stdint.h>

#define PACE_PLACES 4096

typedef struct pace {
    int64_t cost_ns; /* of one request; 0: no limit */
    _Atomic int64_t free_ns[PACE_PLACES];
} pace_t;

/* *p is zeroed memory. a_second 0: no limit. */
void pace_init(pace_t *p, int a_second);
/* Notes the requests that have come from who and returns how many microseconds nothing is to be read from it; 0: go on. What was not used
 * is kept for a second. */
int64_t pace_take(pace_t *p, view_t who, uint32_t requests, int64_t now_us);

#endif
