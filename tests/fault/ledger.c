#include "ledger.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ledger_init(ledger_t *l) {
    memset(l, 0, sizeof *l);
    for (int i = 0; i < SUBJECTS; i++) {
        (void)snprintf(l->subjects[i].name, sizeof l->subjects[i].name, "subject.%d", i);
        l->subjects[i].pull = l->subjects[i].ack = l->subjects[i].pulled_message = -1;
    }
}

void ledger_free(ledger_t *l) {
    for (int i = 0; i < SUBJECTS; i++) memory_free(l->subjects[i].messages);
    memset(l, 0, sizeof *l);
}

void ledger_breach(ledger_t *l, const char *format, ...) {
    if (l->breach[0] != 0) return;
    va_list values;
    va_start(values, format);
    (void)vsnprintf(l->breach, sizeof l->breach, format, values);
    va_end(values);
}

void ledger_payload(uint8_t *to, uint64_t content, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) to[i] = (uint8_t)(content >> (i % 8 * 8)) ^ (uint8_t)(i / 8);
}

void ledger_stored(ledger_t *l, int subject, int64_t sequence, uint64_t content, uint32_t size) {
    ledger_subject_t *s = &l->subjects[subject];
    if (sequence <= s->pulled_message) {
        l->reused++;
        ledger_breach(l, "sequence %lld of %s was pulled and is given again", (long long)sequence, s->name);
    }
    if ((size_t)sequence >= s->count) {
        size_t count = (size_t)sequence + 64;
        s->messages = memory_realloc(s->messages, count * sizeof s->messages[0]);
        memset(s->messages + s->count, 0, (count - s->count) * sizeof s->messages[0]);
        s->count = count;
    }
    if (s->messages[sequence].durable) {
        l->reused++;
        ledger_breach(l, "sequence %lld of %s is given again", (long long)sequence, s->name);
    }
    s->messages[sequence] = (ledger_message_t){content, size, false};
}

void ledger_durable(ledger_t *l, int subject, int64_t sequence, uint64_t content) {
    ledger_message_t *m = &l->subjects[subject].messages[sequence];
    if (m->content != content || m->durable) return;
    m->durable = true;
    l->acknowledged++;
}

static bool has_message(store_t *store, store_subject_t *subject, int64_t sequence, const ledger_message_t *m, poll_result_t *r) {
    poll_options_t o = {.from = sequence, .max = 1, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX, .may_block = true};
    if (store_poll(store, subject, &o, r) != APR_SUCCESS || r->count != 1 || r->messages[0].sequence != sequence) return false;
    uint8_t *wanted = memory_alloc(m->size);
    ledger_payload(wanted, m->content, m->size);
    const slice_t *got = &r->messages[0].payload;
    bool same = got->size == m->size && memcmp(got->data, wanted, m->size) == 0;
    memory_free(wanted);
    return same;
}

static void check_messages(ledger_t *l, store_t *store, const ledger_subject_t *s) {
    store_subject_t *subject = store_subject_find(store, view_of(s->name));
    poll_result_t r;
    poll_result_init(&r);
    for (size_t i = 0; i < s->count; i++) {
        if (!s->messages[i].durable) continue;
        if (subject != NULL && has_message(store, subject, (int64_t)i, &s->messages[i], &r)) continue;
        l->lost++;
        ledger_breach(l, "message %zu of %s is lost", i, s->name);
    }
    poll_result_free(&r);
}

static void check_positions(ledger_t *l, store_t *store, const ledger_subject_t *s) {
    store_group_t *g = store_group_find(store, view_of(s->name), view_of("group"));
    int64_t pull = -1, ack = -1;
    if (g != NULL) (void)store_consumer_position(g, view_of("consumer"), &pull, &ack);
    if (pull >= s->pull && ack >= s->ack) return;
    l->lost++;
    ledger_breach(l, "the consumer of %s stands at %lld/%lld, it was at %lld/%lld", s->name, (long long)pull, (long long)ack,
                  (long long)s->pull, (long long)s->ack);
}

void ledger_check(ledger_t *l, store_t *s) {
    for (int i = 0; i < SUBJECTS; i++) {
        check_messages(l, s, &l->subjects[i]);
        check_positions(l, s, &l->subjects[i]);
    }
}
