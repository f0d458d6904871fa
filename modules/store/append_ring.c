#include "store/append_ring.h"

#include <string.h>

/* Batches of one write, and writes before the role is handed over. */
#define TAKE_NODES 16
#define GUEST_ROUNDS 4
/* A write above SLOW_US makes the own thread append until QUICK_ROUNDS writes in a row stayed below QUICK_US. */
#define SLOW_US 5000
#define QUICK_US 1000
#define QUICK_ROUNDS 32

/* With the lock held: up to TAKE_NODES off the front. */
static append_node_t *take(append_ring_t *r) {
    append_node_t *first = r->first, *end = first;
    for (int n = 1; n < TAKE_NODES && end->next != NULL; n++) end = end->next;
    r->first = end->next;
    if (r->first == NULL) r->last = NULL;
    end->next = NULL;
    return first;
}

/* With the lock held. */
static void note_latency(append_ring_t *r, int64_t us) {
    if (us > SLOW_US) {
        r->slow = true;
        r->quick_rounds = 0;
    } else if (r->slow) {
        r->quick_rounds = us < QUICK_US ? r->quick_rounds + 1 : 0;
        if (r->quick_rounds >= QUICK_ROUNDS) r->slow = false;
    }
}

/* Called and left with the lock held, as the appender; afterwards nobody is or the own thread will be. */
static void append(append_ring_t *r, bool guest) {
    for (int rounds = 0; r->first != NULL; rounds++) {
        if (guest && (rounds == GUEST_ROUNDS || r->slow)) {
            r->handed = true;
            condition_signal(&r->handed_over);
            return;
        }
        append_node_t *taken = take(r);
        mutex_unlock(&r->lock);
        int64_t us = r->drain(r->arg, taken);
        mutex_lock(&r->lock);
        note_latency(r, us);
    }
    r->busy = false;
}

static void own_thread(void *arg) {
    append_ring_t *r = arg;
    mutex_lock(&r->lock);
    while (!r->stopping || r->handed) {
        if (r->handed) {
            r->handed = false;
            append(r, false);
        } else {
            condition_wait(&r->handed_over, &r->lock);
        }
    }
    mutex_unlock(&r->lock);
}

apr_status_t append_ring_start(append_ring_t *r, const char *name, int64_t (*drain)(void *arg, append_node_t *first), void *arg) {
    memset(r, 0, sizeof *r);
    r->drain = drain;
    r->arg = arg;
    mutex_init(&r->lock);
    condition_init(&r->handed_over);
    return thread_start(&r->thread, name, own_thread, r);
}

void append_ring_stop(append_ring_t *r) {
    if (r->drain == NULL) return;
    mutex_lock(&r->lock);
    r->stopping = true;
    condition_signal(&r->handed_over);
    mutex_unlock(&r->lock);
    if (r->thread != NULL) thread_join(r->thread);
    mutex_destroy(&r->lock);
    condition_destroy(&r->handed_over);
    memset(r, 0, sizeof *r);
}

void append_ring_submit(append_ring_t *r, append_node_t *node) {
    node->next = NULL;
    mutex_lock(&r->lock);
    if (r->last == NULL) {
        r->first = node;
    } else {
        r->last->next = node;
    }
    r->last = node;
    if (!r->busy) {
        r->busy = true;
        append(r, true);
    }
    mutex_unlock(&r->lock);
}
