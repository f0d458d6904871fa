/* A slow walk over the message log, again and again, that compares every record with its checksum: damage is found while a replica or a
 * copy still has the bytes, not when a consumer asks for them. */
#ifndef QMQ_STORE_SCRUB_H
#define QMQ_STORE_SCRUB_H

#include "portability/thread.h"
#include "store/damage.h"

#include <stdbool.h>

typedef struct scrub {
    segmented_log_t *messages;
    damage_t *damage;
    int64_t own_from;
    int64_t bytes_per_second; /* 0: off */
    int64_t pause_us;         /* between two walks, and before the first */
    mutex_t lock;
    condition_t changed;
    bool stopping;
    thread_t *thread;
    /* Scrub thread. */
    int64_t walk_start_us;
    int64_t walk_from;
    _Atomic int64_t walks;    /* completed ones */
    _Atomic int64_t position; /* of the walk under way */
} scrub_t;

/* own_from: records from this offset on are ours, so a wrong checksum is damage. */
apr_status_t scrub_start(scrub_t *s, segmented_log_t *messages, damage_t *damage, int64_t own_from, int64_t bytes_per_second,
                         int64_t pause_us);
/* Also for one that was not started. */
void scrub_stop(scrub_t *s);

#endif
