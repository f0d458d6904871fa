#include "store/retention.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "store/index_internal.h"
#include "store/offset_file.h"
#include "store/store_internal.h"

#include <string.h>

#define SAVE_PERIOD_US INT64_C(60000000)
/* Messages that are about to expire are warned about at least this long, or one pass, before. */
#define WARN_AHEAD_PARTS 10
/* Un-acknowledged messages of a consumer that are looked at one by one. */
#define UNACKED_LOOKS 10000

static int64_t segment_end(const segmented_log_t *l, const segment_t *s) {
    return s->base + l->segment_size;
}

/* First segment when it can be deleted as far as the log is concerned: not the last one, and a restart does not need it. */
static segment_t *deletable(segmented_log_t *l, int64_t safe) {
    segment_t *s = segmented_log_at(l, 0);
    if (s == NULL) return NULL;
    int64_t end = segment_end(l, s);
    if (end < segmented_log_end(l) && end <= safe) return s;
    segment_release(s);
    return NULL;
}

/* It was only in use by ourselves. */
static void forget_refusal(segmented_log_t *l) {
    segment_t *s = segmented_log_at(l, 0);
    if (s == NULL) return;
    s->refusal_told = false;
    segment_release(s);
}

static bool delete_first(retention_t *r, segmented_log_t *l, segment_t *s) {
    char *path = memory_strdup(s->path);
    bool told = s->refusal_told;
    s->refusal_told = true;
    segment_release(s);
    apr_status_t status = segmented_log_remove_first(l);
    char text[160];
    if (status == APR_SUCCESS) {
        log_info(r->store->options.log, "%s has reached its retention and was deleted", path);
        atomic_fetch_add(&r->deleted_bytes, l->segment_size);
    } else if (status == QMQ_E_LOCKED) {
        forget_refusal(l);
    } else if (!told) {
        log_warn(r->store->options.log, "cannot delete %s: %s; it is tried again and again. See which process holds it open", path,
                 status_text(status, text, sizeof text));
    }
    memory_free(path);
    return status == APR_SUCCESS;
}

/* Unconsumed messages. */

typedef struct lagging {
    char *id;
    int64_t pull;
    int64_t ack;
} lagging_t;

typedef struct unconsumed {
    retention_t *retention;
    int64_t end; /* of the segment that will go */
    int64_t min; /* of the subject looked at */
    int64_t dead_before;
    int64_t messages;
    bool says;
    int64_t of_group;
    lagging_t *consumers;
    size_t consumer_count;
} unconsumed_t;

static void note_consumer(void *arg, view_t id, int64_t pull, int64_t ack) {
    unconsumed_t *u = arg;
    if (pull <= ack) return;
    u->consumers = memory_realloc(u->consumers, (u->consumer_count + 1) * sizeof u->consumers[0]);
    u->consumers[u->consumer_count++] = (lagging_t){memory_strndup(id.data, id.size), pull, ack};
}

static void count_unacked(unconsumed_t *u, store_group_t *g, const lagging_t *c) {
    for (int64_t p = c->ack + 1; p <= c->pull && p <= c->ack + UNACKED_LOOKS; p++) {
        int64_t message = store_pull_lookup(g, view_of(c->id), p);
        if (message >= u->dead_before) break;
        u->of_group += message >= u->min;
    }
}

/* The group's lock is held while its consumers are visited, so they are noted first. */
static void count_consumers(unconsumed_t *u, store_group_t *g) {
    store_consumers(g, note_consumer, u);
    for (size_t i = 0; i < u->consumer_count; i++) {
        count_unacked(u, g, &u->consumers[i]);
        memory_free(u->consumers[i].id);
    }
    memory_free(u->consumers);
    u->consumers = NULL;
    u->consumer_count = 0;
}

static void count_group(void *arg, named_t *thing) {
    unconsumed_t *u = arg;
    store_group_t *g = (store_group_t *)thing;
    store_t *s = u->retention->store;
    int64_t pulled = -1, next = 0;
    if (!store_group_pulled(g, &pulled) || !consumer_log_bounds(&s->index, g->subject, &u->min, &next)) return;
    if (consumer_log_first_from(&s->index, g->subject, u->end, &u->dead_before) != APR_SUCCESS) return;
    int64_t first = pulled + 1 > u->min ? pulled + 1 : u->min;
    u->of_group = u->dead_before > first ? u->dead_before - first : 0;
    count_consumers(u, g);
    u->messages += u->of_group;
    if (u->of_group == 0 || !u->says) return;
    log_warn(s->options.log, "retention: %lld messages of subject %s that group %.*s has not consumed are about to be deleted",
             (long long)u->of_group, g->subject->name, VIEW_ARG(store_group_name(g)));
}

static int64_t count_unconsumed(retention_t *r, int64_t end, bool says) {
    unconsumed_t u = {.retention = r, .end = end, .says = says};
    name_table_each(&r->store->progress.groups, count_group, &u);
    return u.messages;
}

static bool is_over_limit(const retention_t *r) {
    segmented_log_t *l = &r->store->messages.segments;
    int64_t size = segmented_log_end(l) - segmented_log_min(l);
    return (r->now.hold_max_bytes > 0 && size > r->now.hold_max_bytes) || !space_is_ample(&r->store->space);
}

/* Warns in one pass, allows the deletion in a later one. */
static bool was_warned(retention_t *r, const segment_t *s) {
    if (r->warned_base == s->base) return clock_mono_us() - r->warned_us >= r->now.check_period_us;
    int64_t messages = count_unconsumed(r, segment_end(&r->store->messages.segments, s), true);
    r->warned_base = s->base;
    r->warned_us = clock_mono_us();
    atomic_fetch_add(&r->unconsumed, messages);
    metric_add(r->expired_metric, messages);
    return messages == 0;
}

static bool is_held(retention_t *r, const segment_t *s) {
    if (!r->now.hold || count_unconsumed(r, segment_end(&r->store->messages.segments, s), false) == 0) return false;
    if (is_over_limit(r)) {
        if (r->held_base == s->base)
            log_error(r->store->options.log, "retention: %s was held for groups that have not consumed it, but the disk's limit is reached",
                      s->path);
        r->held_base = -1;
        return false;
    }
    if (r->held_base != s->base)
        log_warn(r->store->options.log, "retention: %s is kept beyond its time: groups have not consumed it (messagelog.retention.hold)",
                 s->path);
    r->held_base = s->base;
    return true;
}

/* Subjects begin where the log begins. */

typedef struct raise {
    store_t *store;
    int64_t from;
} raise_t;

static void raise_subject(void *arg, store_subject_t *subject) {
    raise_t *raise = arg;
    int64_t min = 0;
    if (consumer_log_first_from(&raise->store->index, subject, raise->from, &min) != APR_SUCCESS) return;
    consumer_log_raise_min(&raise->store->index, subject, min);
    consumer_log_delete_before(&raise->store->index, subject, min);
}

static void raise_minimums(retention_t *r) {
    store_t *s = r->store;
    raise_t raise = {s, segmented_log_min(&s->messages.segments)};
    if (raise.from == r->raised_to) return;
    r->raised_to = raise.from;
    subject_table_each(&s->subjects, raise_subject, &raise);
    offset_files_forget(&s->messages.segments);
}

static void clean_messages(retention_t *r) {
    store_t *s = r->store;
    segmented_log_t *l = &s->messages.segments;
    for (segment_t *first; (first = deletable(l, safe_points_message(&s->safe))) != NULL;) {
        int64_t left = r->now.message_ms - segment_ages_of(&r->ages, AGED_MESSAGES, first->base);
        bool soon = left <= r->now.message_ms / WARN_AHEAD_PARTS;
        bool goes = soon && !is_held(r, first) && was_warned(r, first) && left <= 0;
        if (!goes) {
            segment_release(first);
            return;
        }
        if (!delete_first(r, l, first)) return;
        raise_minimums(r);
    }
}

static void clean_actions(retention_t *r) {
    segmented_log_t *l = &r->store->actions.segments;
    for (segment_t *first; (first = deletable(l, safe_points_action(&r->store->safe))) != NULL;) {
        if (segment_ages_of(&r->ages, AGED_ACTIONS, first->base) < r->now.action_ms) {
            segment_release(first);
            return;
        }
        if (!delete_first(r, l, first)) return;
    }
}

static void clean(void *arg) {
    retention_t *r = arg;
    store_t *s = r->store;
    mutex_lock(&r->lock);
    r->now = r->wanted;
    mutex_unlock(&r->lock);
    segment_ages_update(&r->ages, AGED_MESSAGES, &s->messages.segments);
    segment_ages_update(&r->ages, AGED_ACTIONS, &s->actions.segments);
    if (r->now.delete_expired) {
        clean_messages(r);
        clean_actions(r);
    }
    raise_minimums(r);
    offset_files_write(s);
    atomic_fetch_add(&r->passes, 1);
    if (clock_mono_us() < r->save_us) return;
    r->save_us = clock_mono_us() + SAVE_PERIOD_US;
    segment_ages_save(&r->ages, s->options.log);
}

apr_status_t retention_start(retention_t *r, store_t *store) {
    memset(r, 0, sizeof *r);
    r->store = store;
    r->wanted = store->options.retention;
    r->warned_base = r->held_base = -1;
    r->expired_metric = metrics_counter(store->options.metrics, "storeUnconsumedExpiringCount", METRIC_NO_LABELS);
    mutex_init(&r->lock);
    segment_ages_open(&r->ages, store->root, store->taken_over);
    apr_status_t status = periodic_start(&r->thread, "store-cleaner", r->wanted.check_period_us, clean, r);
    if (status == APR_SUCCESS) periodic_trigger(r->thread);
    return status;
}

void retention_stop(retention_t *r) {
    if (r->store == NULL) return;
    periodic_stop(r->thread);
    segment_ages_update(&r->ages, AGED_MESSAGES, &r->store->messages.segments);
    segment_ages_save(&r->ages, r->store->options.log);
    segment_ages_close(&r->ages);
    mutex_destroy(&r->lock);
    memset(r, 0, sizeof *r);
}

void store_set_retention(store_t *s, const store_retention_t *wanted) {
    mutex_lock(&s->retention.lock);
    int64_t period = s->retention.wanted.check_period_us;
    s->retention.wanted = *wanted;
    s->retention.wanted.check_period_us = period;
    mutex_unlock(&s->retention.lock);
}
