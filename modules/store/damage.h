/* What was found damaged while the store is open: counted once a place, said with file and offset, and left where it is. Any thread. */
#ifndef QMQ_STORE_DAMAGE_H
#define QMQ_STORE_DAMAGE_H

#include "base/metrics.h"
#include "store/segmented_log.h"

/* Places that are remembered; further ones are counted every time they are met. */
#define DAMAGE_PLACES 1024

typedef struct damage {
    const log_t *log;
    mutex_t lock;
    int64_t places[DAMAGE_PLACES];
    size_t place_count;
    int64_t damaged;
    int64_t taken_over;
    char *first; /* "file, byte n": the first damaged place; NULL: none */
    log_limit_t limit;
    log_limit_t taken_over_limit;
    metric_t *damaged_metric;
    metric_t *taken_over_metric;
} damage_t;

void damage_init(damage_t *d, const log_t *log, metrics_t *metrics);
void damage_free(damage_t *d);
/* The record at this offset of the segment is not what was written: `what` in words. */
void damage_report(damage_t *d, const segment_t *s, int64_t offset, const char *what);
/* A record of the original's, whole but stored with a wrong checksum by its producer: it is delivered. */
void damage_note_taken_over(damage_t *d, const segment_t *s, int64_t offset);
/* Copies the first place (cut to size); "" when there is none. */
void damage_figures(damage_t *d, int64_t *damaged, int64_t *taken_over, char *first, size_t size);

#endif
