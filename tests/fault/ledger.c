#include "ledger.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ledger_init(ledger_t *l) {
    memset(l, 0, sizeof *l);
    for (int i = 0; i < SUBJECTS; i++) {
        (void)snprintf(l->subjects[i].name, sizeof l->subjects[i].name, "subject.%d%d", i, i); /* two bytes apart */
        l->subjects[i].pull = l->subjects[i].ack = l->subjects[i].pulled_message = -1;
    }
}

void ledger_free(ledger_t *l) {
    for (int i = 0; i < SUBJECTS; i++) {
        memory_free(l->subjects[i].messages);
        memory_free(l->subjects[i].pulls);
    }
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
    s->messages[sequence] = (ledger_message_t){.content = content, .size = size};
}

void ledger_durable(ledger_t *l, int subject, int64_t sequence, uint64_t content) {
    ledger_message_t *m = &l->subjects[subject].messages[sequence];
    if (m->content != content || m->durable) return;
    m->durable = true;
    l->acknowledged++;
}

void ledger_pulled(ledger_subject_t *s, int64_t first, int64_t count, int64_t message) {
    size_t end = (size_t)(first + count);
    if (end > s->pull_count) {
        s->pulls = memory_realloc(s->pulls, end * sizeof s->pulls[0]);
        for (size_t i = s->pull_count; i < end; i++) s->pulls[i] = -1;
        s->pull_count = end;
    }
    for (int64_t i = 0; i < count; i++) s->pulls[first + i] = message + i;
    if (first + count - 1 > s->pull) s->pull = first + count - 1;
}

void ledger_damaged(ledger_t *l, const char *subject, int64_t sequence, bool may_come_again) {
    for (int i = 0; i < SUBJECTS; i++) {
        ledger_subject_t *s = &l->subjects[i];
        if (strcmp(s->name, subject) != 0 || sequence < 0 || (size_t)sequence >= s->count) continue;
        s->messages[sequence].damaged = true;
        if (may_come_again || !s->messages[sequence].durable) s->messages[sequence] = (ledger_message_t){.content = 0};
    }
}

void ledger_forget_damaged(ledger_t *l) {
    for (int i = 0; i < SUBJECTS; i++) {
        ledger_subject_t *s = &l->subjects[i];
        for (size_t k = 0; k < s->count; k++) {
            if (s->messages[k].damaged) s->messages[k] = (ledger_message_t){.content = 0};
        }
    }
}

void ledger_forget_positions(ledger_t *l) {
    for (int i = 0; i < SUBJECTS; i++) {
        ledger_subject_t *s = &l->subjects[i];
        s->pull = s->ack = s->pulled_message = -1;
        s->pull_count = 0;
        s->other_is_gone = false;
    }
}

typedef enum found { FOUND_NOTHING, FOUND_IT, FOUND_ANOTHER } found_t;

static found_t find_message(store_t *store, store_subject_t *subject, int64_t sequence, const ledger_message_t *m, poll_result_t *r) {
    poll_options_t o = {.from = sequence, .max = 1, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX, .may_block = true};
    if (store_poll(store, subject, &o, r) != APR_SUCCESS || r->count != 1 || r->messages[0].sequence != sequence) return FOUND_NOTHING;
    uint8_t *wanted = memory_alloc(m->size);
    ledger_payload(wanted, m->content, m->size);
    const slice_t *got = &r->messages[0].payload;
    bool same = got->size == m->size && memcmp(got->data, wanted, m->size) == 0;
    memory_free(wanted);
    return same ? FOUND_IT : FOUND_ANOTHER;
}

static void check_messages(ledger_t *l, store_t *store, const ledger_subject_t *s) {
    store_subject_t *subject = store_subject_find(store, view_of(s->name));
    poll_result_t r;
    poll_result_init(&r);
    for (size_t i = 0; i < s->count; i++) {
        if (!s->messages[i].durable) continue;
        found_t found = subject == NULL ? FOUND_NOTHING : find_message(store, subject, (int64_t)i, &s->messages[i], &r);
        if (found == FOUND_IT || (s->messages[i].damaged && (found == FOUND_NOTHING || l->has_strangers))) continue;
        l->lost++;
        ledger_breach(l, found == FOUND_NOTHING ? "message %zu of %s is lost" : "message %zu of %s is not what was sent", i, s->name);
    }
    poll_result_free(&r);
}

static void check_positions(ledger_t *l, store_t *store, const ledger_subject_t *s) {
    store_group_t *g = store_group_find(store, view_of(s->name), view_of("group"));
    int64_t pull = -1, ack = -1;
    if (g != NULL) (void)store_consumer_position(g, view_of("consumer"), &pull, &ack);
    for (int64_t p = ack + 1; g != NULL && p <= s->pull && (size_t)p < s->pull_count; p++) {
        int64_t message = s->pulls[p] < 0 ? -1 : store_pull_lookup(g, view_of("consumer"), p);
        if (message == s->pulls[p]) continue;
        l->lost++;
        ledger_breach(l, "pull %lld of %s was given message %lld, it is %lld now", (long long)p, s->name, (long long)s->pulls[p],
                      (long long)message);
    }
    int64_t other_pull = -1, other_ack = -1;
    if (s->other_is_gone && g != NULL && store_consumer_position(g, view_of("other"), &other_pull, &other_ack))
        ledger_breach(l, "the consumer of %s that went for ever is back", s->name);
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
