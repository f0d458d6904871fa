#include "broker/waiters.h"

#include "base/memory.h"

typedef struct subject_waiters {
    struct subject_waiters *older; /* list of the broker */
    mutex_t lock;
    waiter_t head; /* of a ring */
    figures_t figures;
} subject_waiters_t;

static subject_waiters_t *waiters_of(broker_t *b, store_subject_t *subject) {
    subject_waiters_t *s = store_subject_user(subject);
    if (s != NULL) return s;
    s = memory_zalloc(sizeof *s);
    mutex_init(&s->lock);
    s->head.next = s->head.previous = &s->head;
    subject_waiters_t *winner = store_subject_set_user(subject, s);
    if (winner != s) {
        mutex_destroy(&s->lock);
        memory_free(s);
        return winner;
    }
    s->older = atomic_load(&b->waiters);
    while (!atomic_compare_exchange_weak(&b->waiters, &s->older, s)) {}
    return s;
}

static void waiter_unlink(waiter_t *w) {
    w->previous->next = w->next;
    w->next->previous = w->previous;
    w->listed = false;
}

void waiters_register(broker_t *b, store_subject_t *subject, waiter_t *w) {
    subject_waiters_t *s = waiters_of(b, subject);
    mutex_lock(&s->lock);
    if (!w->listed) {
        w->next = &s->head;
        w->previous = s->head.previous;
        s->head.previous->next = w;
        s->head.previous = w;
        w->listed = true;
    }
    mutex_unlock(&s->lock);
}

void waiters_unregister(broker_t *b, store_subject_t *subject, waiter_t *w) {
    subject_waiters_t *s = waiters_of(b, subject);
    mutex_lock(&s->lock);
    if (w->listed) waiter_unlink(w);
    mutex_unlock(&s->lock);
}

/* The lock orders this look after the publication of the messages: a waiter that is missed registers later and then sees them itself. */
void waiters_wake(store_subject_t *subject) {
    subject_waiters_t *s = store_subject_user(subject);
    if (s == NULL) return;
    /* Those who register again meanwhile wait for the next message. */
    waiter_t woken = {.next = &woken, .previous = &woken};
    mutex_lock(&s->lock);
    if (s->head.next != &s->head) {
        woken.next = s->head.next;
        woken.previous = s->head.previous;
        woken.next->previous = woken.previous->next = &woken;
        s->head.next = s->head.previous = &s->head;
    }
    while (woken.next != &woken) {
        waiter_t *w = woken.next;
        waiter_unlink(w);
        /* Woken under the lock: unregistering waits for it, so w cannot go away in between. */
        w->wake(w);
        mutex_unlock(&s->lock);
        mutex_lock(&s->lock);
    }
    mutex_unlock(&s->lock);
}

void subject_count(broker_t *b, store_subject_t *subject, subject_figure_t which, int64_t n) {
    subject_figure_add(&waiters_of(b, subject)->figures, b->metrics, store_subject_name(subject), which, n);
}

void subject_time(broker_t *b, store_subject_t *subject, subject_figure_t which, int64_t us, uint32_t times) {
    subject_figure_time(&waiters_of(b, subject)->figures, b->metrics, store_subject_name(subject), which, us, times);
}

void waiters_free_all(broker_t *b) {
    subject_waiters_t *s = atomic_load(&b->waiters);
    while (s != NULL) {
        subject_waiters_t *older = s->older;
        figures_free(&s->figures);
        mutex_destroy(&s->lock);
        memory_free(s);
        s = older;
    }
}
