#include "http/rate.h"

#define SECOND_US 1000000

void rate_init(rate_t *r, int a_second) {
    *r = (rate_t){.cost_us = a_second <= 0 ? 0 : a_second > SECOND_US ? 1 : SECOND_US / a_second};
}

bool rate_permit(rate_t *r, view_t who, int64_t now_us) {
    if (r->cost_us == 0) return true;
    int64_t *free_us = &r->free_us[view_hash(who) % RATE_PLACES];
    if (*free_us < now_us - SECOND_US) *free_us = now_us - SECOND_US;
    if (*free_us + r->cost_us > now_us) return false;
    *free_us += r->cost_us;
    return true;
}
