#include "base/crc32.h"
#include "portability/clock.h"
#include "portability/posix/power_image.h"
#include "portability/thread.h"
#include "run.h"

#include <string.h>

#define BATCH 8
/* A damaged action can take a consumer anywhere; the ledger keeps every pull and follows it only so far. */
#define FURTHEST_PULL (1 << 22)
#define MOST_PAYLOAD 3000

typedef struct waited {
    mutex_t lock;
    condition_t changed;
    bool done;
} waited_t;

/* Waiting for one completion. */

static void waited_begin(waited_t *w) {
    mutex_init(&w->lock);
    condition_init(&w->changed);
    w->done = false;
}

static void waited_signal(waited_t *w) {
    mutex_lock(&w->lock);
    w->done = true;
    condition_signal(&w->changed);
    mutex_unlock(&w->lock);
}

static void waited_end(waited_t *w) {
    mutex_lock(&w->lock);
    while (!w->done) condition_wait(&w->changed, &w->lock);
    mutex_unlock(&w->lock);
    mutex_destroy(&w->lock);
    condition_destroy(&w->changed);
}

typedef struct batch {
    store_batch_t batch; /* first */
    waited_t waited;
} batch_t;

typedef struct action_batch {
    store_action_batch_t batch; /* first */
    waited_t waited;
} action_batch_t;

typedef struct sync {
    store_sync_waiter_t waiter; /* first */
    waited_t waited;
} sync_t;

static void messages_done(store_batch_t *b) {
    waited_signal(&((batch_t *)b)->waited);
}

static void actions_done(store_action_batch_t *b) {
    waited_signal(&((action_batch_t *)b)->waited);
}

static void sync_done(store_sync_waiter_t *w) {
    waited_signal(&((sync_t *)w)->waited);
}

/* True when everything below offset is promised: at once where only the process dies, else after a sync. */
static bool is_promised(run_t *r, bool actions, int64_t end) {
    if (r->loss == POWER_KEEPS_ALL) return !power_was_cut();
    if (pick(r, 3) == 0) return false;
    sync_t s;
    waited_begin(&s.waited);
    s.waiter.end_offset = end;
    s.waiter.done = sync_done;
    if (actions) {
        store_await_action_sync(r->store, &s.waiter);
    } else {
        store_await_message_sync(r->store, &s.waiter);
    }
    waited_end(&s.waited);
    return s.waiter.status == APR_SUCCESS && !power_was_cut();
}

/* Steps. */

void append(run_t *r) {
    static uint8_t payloads[BATCH][MOST_PAYLOAD];
    store_message_t messages[BATCH];
    uint64_t contents[BATCH];
    int subjects[BATCH];
    batch_t b;
    size_t count = 1 + pick(r, BATCH);
    memset(&b.batch, 0, sizeof b.batch);
    for (size_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)(1 + pick(r, pick(r, 4) == 0 ? MOST_PAYLOAD : 200));
        contents[i] = power_random(&r->random) | 1;
        subjects[i] = (int)pick(r, SUBJECTS);
        ledger_payload(payloads[i], contents[i], size);
        messages[i] = (store_message_t){.subject = view_of(r->ledger.subjects[subjects[i]].name),
                                        .payload = payloads[i],
                                        .payload_size = size,
                                        .crc = crc32_of(payloads[i], size)};
    }
    b.batch.messages = messages;
    b.batch.count = count;
    b.batch.done = messages_done;
    waited_begin(&b.waited);
    store_append(r->store, &b.batch);
    waited_end(&b.waited);
    bool cut = power_was_cut();
    for (size_t i = 0; i < count && !cut; i++) {
        if (messages[i].status == APR_SUCCESS)
            ledger_stored(&r->ledger, subjects[i], messages[i].sequence, contents[i], messages[i].payload_size);
    }
    if (cut || !is_promised(r, false, b.batch.end_offset)) return;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].status == APR_SUCCESS) ledger_durable(&r->ledger, subjects[i], messages[i].sequence, contents[i]);
    }
}

static bool act(run_t *r, store_action_t *action, int64_t *end) {
    action_batch_t b;
    memset(&b.batch, 0, sizeof b.batch);
    b.batch.actions = action;
    b.batch.count = 1;
    b.batch.done = actions_done;
    waited_begin(&b.waited);
    store_append_actions(r->store, &b.batch);
    waited_end(&b.waited);
    *end = b.batch.end_offset;
    return b.batch.status == APR_SUCCESS;
}

/* Where the one consumer of the one group stands. */
typedef struct stand {
    ledger_subject_t *subject;
    store_group_t *group;
    int64_t pull, ack, pulled;
    int64_t next; /* message */
} stand_t;

static bool stand_of(run_t *r, stand_t *at) {
    *at = (stand_t){&r->ledger.subjects[pick(r, SUBJECTS)], NULL, -1, -1, -1, 0};
    view_t name = view_of(at->subject->name);
    int64_t min = 0;
    at->group = store_group_get(r->store, name, view_of("group"));
    (void)store_consumer_position(at->group, view_of("consumer"), &at->pull, &at->ack);
    (void)store_group_pulled(at->group, &at->pulled);
    store_subject_t *subject = store_subject_find(r->store, name);
    return subject != NULL && store_subject_bounds(subject, &min, &at->next);
}

static store_action_t action_of(const stand_t *at, action_type_t type, const char *consumer) {
    return (store_action_t){.type = type, .group = at->group, .consumer_id = view_of(consumer), .time_ms = clock_wall_ms()};
}

static void acknowledge(run_t *r, const stand_t *at, int64_t first, int64_t last) {
    int64_t end = 0;
    store_action_t a = action_of(at, ACTION_RANGE_ACK, "consumer");
    a.first_pull = first;
    a.last_pull = last;
    if (act(r, &a, &end) && is_promised(r, true, end) && last > at->subject->ack) at->subject->ack = last;
}

static bool pull(run_t *r, const stand_t *at, const char *consumer, int64_t first, int64_t count) {
    int64_t end = 0;
    store_action_t a = action_of(at, ACTION_PULL, consumer);
    a.first_pull = first;
    a.last_pull = first + count - 1;
    a.first_message = at->pulled + 1;
    a.last_message = at->pulled + count;
    if (!act(r, &a, &end) || !is_promised(r, true, end)) return false;
    at->subject->pulled_message = a.last_message;
    return true;
}

void pull_or_ack(run_t *r) {
    stand_t at;
    if (!stand_of(r, &at) || at.pull > FURTHEST_PULL) return;
    if (at.pull > at.ack && pick(r, 2) == 0) {
        acknowledge(r, &at, at.ack + 1, at.ack + 1 + (int64_t)pick(r, (uint64_t)(at.pull - at.ack)));
        return;
    }
    if (at.next <= at.pulled + 1) return;
    int64_t count = 1 + (int64_t)pick(r, (uint64_t)(at.next - at.pulled - 1));
    if (pull(r, &at, "consumer", at.pull + 1, count)) ledger_pulled(at.subject, at.pull + 1, count, at.pulled + 1);
}

static void come_and_go(run_t *r, const stand_t *at) {
    int64_t end = 0, last = -1, ack = -1;
    (void)store_consumer_position(at->group, view_of("other"), &last, &ack);
    at->subject->other_is_gone = false;
    if (at->next > at->pulled + 1) (void)pull(r, at, "other", last + 1, 1);
    store_action_t a = action_of(at, ACTION_FOREVER_OFFLINE, "other");
    if (act(r, &a, &end) && is_promised(r, true, end)) at->subject->other_is_gone = true;
}

void misbehave(run_t *r) {
    stand_t at;
    if (!stand_of(r, &at)) return;
    switch (pick(r, 3)) {
    case 0:
        if (at.ack >= 0) acknowledge(r, &at, (int64_t)pick(r, (uint64_t)at.ack + 1), at.ack);
        break;
    case 1:
        if (at.pull > at.ack + 1) acknowledge(r, &at, at.ack + 2, at.pull);
        break;
    default:
        come_and_go(r, &at);
    }
}
