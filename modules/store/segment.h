/* What segmented_log.c needs of a single file; everybody else goes through segmented_log.h. */
#ifndef QMQ_STORE_SEGMENT_H
#define QMQ_STORE_SEGMENT_H

#include "store/segmented_log.h"

/* Opens or creates the file; one reference for the caller. */
apr_status_t segment_open(segment_t **out, const char *directory, int64_t base);
/* The same for an existing file that is only read. */
apr_status_t segment_open_existing(segment_t **out, const char *directory, int64_t base);
/* One reference for the caller; NULL when the system refuses. */
segment_map_t *segment_map_create(segment_t *s, int64_t segment_size);

#endif
