#include "store/damage.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

#define WARNING_US 10000000

void damage_init(damage_t *d, const log_t *log, metrics_t *metrics) {
    memset(d, 0, sizeof *d);
    d->log = log;
    mutex_init(&d->lock);
    d->damaged_metric = metrics_counter(metrics, "storeDamagedRecordCount", METRIC_NO_LABELS);
    d->taken_over_metric = metrics_counter(metrics, "storeTakenOverBadCrcCount", METRIC_NO_LABELS);
}

void damage_free(damage_t *d) {
    mutex_destroy(&d->lock);
    memory_free(d->first);
    memset(d, 0, sizeof *d);
}

/* With the lock held: false when the place is known. */
static bool remember(damage_t *d, int64_t offset) {
    for (size_t i = 0; i < d->place_count; i++) {
        if (d->places[i] == offset) return false;
    }
    if (d->place_count < DAMAGE_PLACES) d->places[d->place_count++] = offset;
    return true;
}

void damage_report(damage_t *d, const segment_t *s, int64_t offset, const char *what) {
    mutex_lock(&d->lock);
    bool new = remember(d, offset);
    if (new && d->damaged++ == 0) d->first = memory_printf("%s, byte %lld", s->path, (long long)(offset - s->base));
    mutex_unlock(&d->lock);
    if (!new) return;
    metric_add(d->damaged_metric, 1);
    int64_t suppressed = 0;
    if (!log_permit(&d->limit, WARNING_US, &suppressed)) return;
    log_error(d->log,
              "damaged record: %s at byte %lld of %s (offset %lld); it is skipped and left where it is; check the disk, keep a copy of the "
              "file (%lld such lines suppressed)",
              what, (long long)(offset - s->base), s->path, (long long)offset, (long long)suppressed);
}

void damage_note_taken_over(damage_t *d, const segment_t *s, int64_t offset) {
    mutex_lock(&d->lock);
    bool new = remember(d, offset);
    if (new) d->taken_over++;
    mutex_unlock(&d->lock);
    if (!new) return;
    metric_add(d->taken_over_metric, 1);
    int64_t suppressed = 0;
    if (!log_permit(&d->taken_over_limit, WARNING_US, &suppressed)) return;
    log_warn(d->log,
             "the record at byte %lld of %s (offset %lld) was taken over with a wrong checksum and is delivered as it is (%lld such lines "
             "suppressed)",
             (long long)(offset - s->base), s->path, (long long)offset, (long long)suppressed);
}

void damage_figures(damage_t *d, int64_t *damaged, int64_t *taken_over, char *first, size_t size) {
    mutex_lock(&d->lock);
    *damaged = d->damaged;
    *taken_over = d->taken_over;
    (void)snprintf(first, size, "%s", d->first == NULL ? "" : d->first);
    mutex_unlock(&d->lock);
}
