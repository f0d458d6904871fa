/* Segments that are missing or empty in the middle of a log: found, and closed for good when the operator gives up what they held. */
#ifndef QMQ_STORE_LOG_HOLES_H
#define QMQ_STORE_LOG_HOLES_H

#include "store/segmented_log.h"

/* False when a segment that begins below offset `below` is missing or empty although a later one has data: *error names it. Recovery. */
bool log_holes_none(segmented_log_t *l, int64_t below, qmq_error_t **error);
/* Every such segment becomes one that holds this filler (size bytes) and nothing else, so that the next start finds no hole. Recovery. */
apr_status_t log_holes_close(segmented_log_t *l, const void *filler, size_t size, qmq_error_t **error);

#endif
