/* How long ago segments got their last record, by a clock that runs while the store is open: a wall clock that jumps makes nothing old
 * (storage.md 16). Kept in a file of ours; segments it does not know are dated once by their files. Cleaner thread only. */
#ifndef QMQ_STORE_SEGMENT_AGES_H
#define QMQ_STORE_SEGMENT_AGES_H

#include "store/segmented_log.h"

#define AGES_NAME ".retention"

typedef struct segment_age {
    int64_t base;
    int64_t since_ms; /* on the retention clock */
} segment_age_t;

typedef struct log_ages {
    const char *name; /* of the log in the file */
    segment_age_t *at;
    size_t count;
    size_t capacity;
    bool adopted; /* segments that were there at the start have their dates */
    /* Wall time of the first record of a segment; -1 when it cannot be told. */
    int64_t (*first_time)(segment_t *s);
} log_ages_t;

typedef enum aged_log { AGED_MESSAGES, AGED_ACTIONS, AGED_LOGS } aged_log_t;

typedef struct segment_ages {
    char *path;
    int64_t now_ms; /* the retention clock */
    int64_t mono_us;
    log_ages_t logs[AGED_LOGS];
} segment_ages_t;

/* Reads the file; a missing or damaged one is an empty one. taken_over: nobody has kept such a file, so what is complete is dated by its
 * times; else it counts as young. */
void segment_ages_open(segment_ages_t *a, const char *root, bool taken_over);
void segment_ages_close(segment_ages_t *a);
/* Moves the clock on and takes notice of new and deleted segments. */
void segment_ages_update(segment_ages_t *a, aged_log_t which, segmented_log_t *l);
/* Since when the segment is complete; 0 for the last one and for an unknown one. */
int64_t segment_ages_of(const segment_ages_t *a, aged_log_t which, int64_t base);
/* Writes the file; what cannot be written costs dating by files at the next start. */
void segment_ages_save(const segment_ages_t *a, const log_t *log);

#endif
