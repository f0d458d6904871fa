/* Disk space and whether appends are taken. A thread of its own reserves space ahead of both logs, creates the next segment early, turns
 * the message log read-only before the disk is full and back when space returned. The action log keeps reserved room, so that pulls and
 * acks go on meanwhile. */
#ifndef QMQ_STORE_SPACE_H
#define QMQ_STORE_SPACE_H

#include "portability/executor.h"
#include "store/segmented_log.h"
#include "store/space_forecast.h"
#include "store/store.h"

typedef enum space_log { SPACE_MESSAGES, SPACE_ACTIONS, SPACE_LOGS } space_log_t;

typedef struct space {
    const char *root;
    const log_t *log;
    int64_t min_free_bytes;
    int64_t min_free_percent;
    _Atomic int64_t min_free; /* the larger of the two on this disk */
    space_forecast_t forecast;
    char *reserve;    /* a file that is given up when the disk is full: checkpoints and the end of the process find room */
    bool has_reserve; /* keeper only */
    metrics_t *metrics;
    int64_t hot_window;
    void (*writable)(void *arg, bool writable, const char *reason);
    void *arg;
    segmented_log_t *logs[SPACE_LOGS];
    _Atomic int64_t low[SPACE_LOGS]; /* an end beyond this asks for more room */
    _Atomic bool asked;
    _Atomic unsigned causes; /* bits: why nothing is appended */
    _Atomic int64_t full_since_us;
    bool announced; /* what the server was told last; keeper only */
    log_limit_t limit;
    periodic_t *keeper;
} space_t;

void space_init(space_t *s, const store_options_t *options, const char *root, segmented_log_t *messages, segmented_log_t *actions);
/* Gives up what was kept for a full disk: a start comes first. The store is locked. */
void space_prepare(space_t *s);
/* Reserves the first room here, then starts the thread. */
apr_status_t space_start(space_t *s);
void space_stop(space_t *s);

/* Any thread. */
bool space_is_writable(const space_t *s, const char **reason);
/* Actions are taken also on a full disk. */
bool space_takes_actions(const space_t *s);
/* The end of a log moved. Cheap. */
void space_ask(space_t *s);
static inline void space_note_end(space_t *s, space_log_t which, int64_t end) {
    if (end > atomic_load_explicit(&s->low[which], memory_order_relaxed)) space_ask(s);
}
/* A write of the message log failed. */
void space_write_failed(space_t *s, apr_status_t status);
/* A data sync of either log failed: what was written since the last one may be lost, nothing is appended until the next start. */
void space_sync_failed(space_t *s, const segmented_log_t *l, apr_status_t status);
int64_t space_available(const space_t *s);
/* False when the disk is so full that messages are refused or soon will be. */
bool space_is_ample(const space_t *s);

#endif
