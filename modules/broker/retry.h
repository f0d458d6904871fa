/* Moving messages to the retry subject of a group (broker.md 8.3, design decision 3). */
#ifndef QMQ_BROKER_RETRY_H
#define QMQ_BROKER_RETRY_H

#include "broker/group.h"

/* Messages read for moving, and what becomes of them; lives until moved was called. */
typedef struct retry_move {
    message_source_t source;
    chain_t payloads; /* memory of the rewritten payloads */
    view_t subject;   /* target */
    char *name;
    poll_result_t result;
    size_t skipped; /* unreadable */
} retry_move_t;

void retry_move_init(retry_move_t *m, group_t *g);
void retry_move_free(retry_move_t *m);
/* Reads pull sequences first..last of a consumer, at most about limit_bytes (at least one), and stages them for the home worker's batch.
 * *reached: the last pull sequence dealt with. QMQ_E_COLD: call again from a thread that may block. */
apr_status_t retry_move_read(retry_move_t *m, group_t *g, view_t consumer_id, int64_t first, int64_t last, bool may_block,
                             int64_t *reached);
/* How many messages were read. */
size_t retry_move_count(const retry_move_t *m);
/* Appends what was read; `stored` of the source is called on the home loop. With nothing read there is nothing to append and no call. */
void retry_move_append(retry_move_t *m, group_t *g);
/* After stored: true when every message is safe. */
bool retry_move_succeeded(const retry_move_t *m);

#endif
