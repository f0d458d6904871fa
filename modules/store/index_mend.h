/* Entries of the index that do not point at their message: the message is looked for in the log, and the entry is written anew. */
#ifndef QMQ_STORE_INDEX_MEND_H
#define QMQ_STORE_INDEX_MEND_H

#include "store/consumer_log.h"

/* What was looked for in vain, so that nobody looks again. */
#define MEND_REMEMBERED 1024

typedef struct index_mender {
    mutex_t lock; /* one search at a time; guards the rest */
    uint64_t in_vain[MEND_REMEMBERED];
    size_t next;
    log_limit_t limit;
} index_mender_t;

void index_mender_init(index_mender_t *m);
void index_mender_free(index_mender_t *m);

/* The entry `*e` of message `sequence` is wrong, or nothing was written there. True with the right one in *e, which is in the file now
 * (as far as it can be written); false when the log has no such message. Reads the log between the neighbours' records; blocks; any
 * thread. */
bool index_mend(index_mender_t *m, consumer_logs_t *x, store_subject_t *s, int64_t sequence, index_entry_t *e);

#endif
