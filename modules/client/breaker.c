#include "client/breaker.h"

static void enter(breaker_t *b, breaker_state_t state) {
    b->state = state;
    b->count = 0;
}

bool breaker_allows(breaker_t *b, int64_t now_us) {
    if (b->state != BREAKER_OPEN) return true;
    if (now_us - b->opened_us <= BREAKER_OPEN_US) return false;
    enter(b, BREAKER_HALF_OPEN);
    return true;
}

void breaker_failed(breaker_t *b, int64_t now_us) {
    if (b->state == BREAKER_OPEN) return;
    if (b->state == BREAKER_CLOSED && ++b->count < BREAKER_FAILURES) return;
    enter(b, BREAKER_OPEN);
    b->opened_us = now_us;
}

void breaker_succeeded(breaker_t *b) {
    if (b->state == BREAKER_CLOSED) {
        b->count = 0;
    } else if (b->state == BREAKER_HALF_OPEN && ++b->count >= BREAKER_SUCCESSES) {
        enter(b, BREAKER_CLOSED);
    }
}
