/* Who is alive (metaserver.md 9): one watch a broker group with the time of its last heartbeat, one timer for all of them, and the changes
 * of broker_group.broker_state that follow. The changes of one group go to the database one after the other; what fails is tried again
 * unless newer word has come. */
#ifndef QMQ_METASERVER_LIVENESS_H
#define QMQ_METASERVER_LIVENESS_H

#include "base/metrics.h"
#include "metaserver/answers.h"
#include "metaserver/catalog.h"
#include "metaserver/database.h"

typedef struct liveness liveness_t;

/* Groups watched at a time, far more than any site has: strangers cannot fill the memory. Half of them is for groups that have a row. */
#define LIVENESS_WATCHES 10000

typedef struct liveness_options {
    database_t *database;
    catalog_t *catalog;
    loop_t *loop; /* where the timer lives */
    const log_t *log;
    metrics_t *metrics;
} liveness_options_t;

liveness_t *liveness_create(const liveness_options_t *options);
/* Stops the timer; the loop's thread. */
void liveness_stop(liveness_t *l);
/* After database_close and the end of the loop. */
void liveness_destroy(liveness_t *l);

/* A heartbeat with a state: watches the group for another timeout_us, and stores the state when it differs from the snapshot's. False when
 * it would have to be stored and is no state. Any thread, never blocks. */
bool liveness_heartbeat(liveness_t *l, view_t group, int32_t state, int64_t timeout_us);

/* ONLINE (state RW, watched for timeout_us) and OFFLINE (state NRW, timeout_us 0: watched no more). Answers 0 or 51 when it is done. Any
 * thread. */
void liveness_put(liveness_t *l, view_t group, int kind, view_t master, int state, int64_t timeout_us, answer_t *answer);

/* Nobody has heard of the group since since_us, nor does it answer: NRW, unless its row was touched since then. Any thread. */
void liveness_silent(liveness_t *l, view_t group, int64_t since_us);
/* Whether heartbeats of the group come here. Any thread. */
bool liveness_watches(liveness_t *l, view_t group);

/* Tries again what failed. Any thread. */
void liveness_retry(liveness_t *l);
size_t liveness_watched(liveness_t *l);

#endif
