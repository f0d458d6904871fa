#include "store/scrub.h"

#include "portability/clock.h"
#include "store/message_replay.h"

#include <string.h>

/* How far the walk may run ahead of its rate. */
#define BURST_US 200000

/* False when it is to stop. */
static bool pause_for(scrub_t *s, int64_t us) {
    int64_t end = clock_mono_us() + us;
    mutex_lock(&s->lock);
    while (!s->stopping) {
        int64_t left = end - clock_mono_us();
        if (left <= 0 || condition_wait_us(&s->changed, &s->lock, left) == APR_TIMEUP) break;
    }
    bool goes_on = !s->stopping;
    mutex_unlock(&s->lock);
    return goes_on;
}

/* Only what is certainly on the disk is looked at. */
static bool visit(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    scrub_t *s = arg;
    (void)record;
    (void)hole;
    if (offset >= atomic_load(&s->messages->synced)) return false;
    atomic_store(&s->position, offset);
    int64_t due = s->walk_start_us + (int64_t)((double)(offset - s->walk_from) * 1e6 / (double)s->bytes_per_second);
    int64_t ahead = due - clock_mono_us();
    return ahead > BURST_US ? pause_for(s, ahead) : true;
}

static void progress(void *arg, int64_t offset) {
    (void)arg;
    (void)offset;
}

static void bad_crc(void *arg, const segment_t *segment, int64_t offset) {
    scrub_t *s = arg;
    if (offset < s->own_from) {
        damage_note_taken_over(s->damage, segment, offset);
    } else {
        damage_report(s->damage, segment, offset, "a record with a wrong checksum");
    }
}

static void damaged(void *arg, const segment_t *segment, int64_t offset, int64_t size, const char *reason) {
    scrub_t *s = arg;
    (void)size;
    damage_report(s->damage, segment, offset, reason);
}

static void walk(scrub_t *s) {
    message_visitor_t visitor = {.visit = visit, .progress = progress, .bad_crc = bad_crc, .damaged = damaged, .arg = s};
    int64_t skipped = 0;
    s->walk_start_us = clock_mono_us();
    s->walk_from = segmented_log_min(s->messages);
    (void)message_replay(s->messages, s->walk_from, &visitor, &skipped); /* what cannot be read is reported inside */
    atomic_fetch_add(&s->walks, 1);
}

static void run(void *arg) {
    scrub_t *s = arg;
    while (pause_for(s, s->pause_us)) walk(s);
}

apr_status_t scrub_start(scrub_t *s, segmented_log_t *messages, damage_t *damage, int64_t own_from, int64_t bytes_per_second,
                         int64_t pause_us) {
    memset(s, 0, sizeof *s);
    s->messages = messages;
    s->damage = damage;
    s->own_from = own_from;
    s->bytes_per_second = bytes_per_second;
    s->pause_us = pause_us;
    if (bytes_per_second <= 0) return APR_SUCCESS;
    mutex_init(&s->lock);
    condition_init(&s->changed);
    return thread_start(&s->thread, "store-scrub", run, s);
}

void scrub_stop(scrub_t *s) {
    if (s->bytes_per_second <= 0) return;
    mutex_lock(&s->lock);
    s->stopping = true;
    condition_signal(&s->changed);
    mutex_unlock(&s->lock);
    if (s->thread != NULL) thread_join(s->thread);
    condition_destroy(&s->changed);
    mutex_destroy(&s->lock);
    memset(s, 0, sizeof *s);
}
