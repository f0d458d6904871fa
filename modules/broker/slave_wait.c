#include "broker/slave_wait.h"

#include "portability/clock.h"

#include <string.h>

/* How often those whose connection is gone are looked for while it is full. */
#define SWEEP_US 1000000

void slave_wait_init(slave_wait_t *s) {
    memset(s, 0, sizeof *s);
    mutex_init(&s->lock);
}

void slave_wait_destroy(slave_wait_t *s) {
    mutex_destroy(&s->lock);
}

static void finish(slave_wait_t *s, slave_waiter_t *w, bool confirmed) {
    while (w != NULL) {
        slave_waiter_t *next = w->next; /* a finished one is its owner's */
        slave_wait_unreserve(s, w->messages);
        w->done(w, confirmed);
        w = next;
    }
}

/* With the lock held: takes those off that the slave has; INT64_MAX: all. */
static slave_waiter_t *take_covered(slave_wait_t *s, int64_t offset) {
    slave_waiter_t *taken = s->first, *last = NULL;
    while (s->first != NULL && s->first->end_offset <= offset) {
        last = s->first;
        s->first = last->next;
    }
    if (s->first == NULL) s->last = NULL;
    if (last == NULL) return NULL;
    last->next = NULL;
    return taken;
}

/* With the lock held: those nobody waits for any more. */
static slave_waiter_t *take_gone(slave_wait_t *s) {
    slave_waiter_t *taken = NULL, **at = &s->first;
    s->last = NULL;
    while (*at != NULL) {
        slave_waiter_t *w = *at;
        if (!peer_is_gone(w->peer)) {
            s->last = w;
            at = &w->next;
            continue;
        }
        *at = w->next;
        w->next = taken;
        taken = w;
    }
    return taken;
}

static void sweep(slave_wait_t *s) {
    int64_t now = clock_mono_us();
    slave_waiter_t *gone = NULL;
    mutex_lock(&s->lock);
    if (now - s->swept_us >= SWEEP_US) {
        s->swept_us = now;
        gone = take_gone(s);
    }
    mutex_unlock(&s->lock);
    finish(s, gone, false);
}

bool slave_wait_reserve(slave_wait_t *s, int64_t limit) {
    if (atomic_fetch_add(&s->messages, 1) < limit) return true;
    slave_wait_unreserve(s, 1);
    sweep(s);
    return false;
}

void slave_wait_unreserve(slave_wait_t *s, int64_t messages) {
    atomic_fetch_sub(&s->messages, messages);
}

/* Batches of several loops may arrive a little out of order. */
static void insert(slave_wait_t *s, slave_waiter_t *w) {
    slave_waiter_t **at = &s->first;
    if (s->last != NULL && s->last->end_offset <= w->end_offset) at = &s->last->next;
    while (*at != NULL && (*at)->end_offset <= w->end_offset) at = &(*at)->next;
    w->next = *at;
    *at = w;
    if (w->next == NULL) s->last = w;
}

void slave_wait_add(slave_wait_t *s, slave_waiter_t *w) {
    mutex_lock(&s->lock);
    bool closed = s->closed;
    if (!closed) insert(s, w);
    mutex_unlock(&s->lock);
    if (!closed) return;
    w->next = NULL;
    finish(s, w, false);
}

void slave_wait_confirm(slave_wait_t *s, int64_t offset) {
    mutex_lock(&s->lock);
    slave_waiter_t *covered = take_covered(s, offset);
    mutex_unlock(&s->lock);
    finish(s, covered, true);
}

void slave_wait_release(slave_wait_t *s) {
    slave_wait_confirm(s, INT64_MAX);
}

void slave_wait_close(slave_wait_t *s) {
    mutex_lock(&s->lock);
    s->closed = true;
    slave_waiter_t *left = take_covered(s, INT64_MAX);
    mutex_unlock(&s->lock);
    finish(s, left, false);
}
