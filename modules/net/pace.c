#include "net/pace.h"

#define SECOND_NS ((int64_t)1000000000)
#define US_NS 1000

void pace_init(pace_t *p, int a_second) {
    p->cost_ns = a_second <= 0 ? 0 : SECOND_NS / a_second;
}

int64_t pace_take(pace_t *p, view_t who, uint32_t requests, int64_t now_us) {
    if (p->cost_ns == 0) return 0;
    int64_t now_ns = now_us * US_NS;
    _Atomic int64_t *place = &p->free_ns[view_hash(who) % PACE_PLACES];
    int64_t old = atomic_load(place);
    int64_t next;
    do {
        next = (old < now_ns - SECOND_NS ? now_ns - SECOND_NS : old) + requests * p->cost_ns;
    } while (!atomic_compare_exchange_weak(place, &old, next));
    return next > now_ns ? (next - now_ns) / US_NS : 0;
}
