/* A small file of ours in the store's root (README.md): which part of the logs is known to be durable and sound, and whether the store was
 * closed in order. It is a cache: one that is missing, damaged or does not fit the logs any more costs a longer start, nothing else. */
#ifndef QMQ_STORE_MARKER_H
#define QMQ_STORE_MARKER_H

#include "base/view.h"
#include "store/segmented_log.h"

#define MARKER_NAME ".marker"
#define MARKER_SIZE 512

/* A record boundary of a log below which everything was synced, and a checksum over the bytes in front of it. */
typedef struct marker_point {
    int64_t offset;
    uint32_t print;
} marker_point_t;

typedef struct marker {
    bool clean; /* closed in order: the offsets are the ends of the logs */
    marker_point_t messages;
    marker_point_t actions;
    int64_t own_from; /* message-log offset from which on all records are ours */
} marker_t;

/* Text of a marker: MARKER_SIZE bytes. */
void marker_put(const marker_t *m, char to[MARKER_SIZE]);
/* QMQ_E_MALFORMED: damaged; QMQ_E_INVALID: written by a later version, *version tells which. */
apr_status_t marker_parse(view_t text, marker_t *m, int64_t *version);

/* APR_ENOENT when there is none. */
apr_status_t marker_load(const char *root, marker_t *m, int64_t *version);
/* False: no process of ours has ever opened the store. */
bool marker_exists(const char *root);
/* Opens it for marker_write, created when missing. */
apr_status_t marker_open(file_t **out, const char *root);
/* Overwrites it; `sync` makes it durable before the call returns. */
apr_status_t marker_write(file_t *f, const marker_t *m, bool sync);

/* The point of a log at offset, which is at most its end. Reads some bytes in front of it. */
apr_status_t marker_point_take(segmented_log_t *l, int64_t offset, marker_point_t *to);
/* Whether the log still is what it was when the point was taken. */
bool marker_point_fits(segmented_log_t *l, const marker_point_t *p);
/* When it does not fit: whether the log is still one that had its boundary there, with damage in front of it. A record (whose first four
 * bytes are `magic`) starts at the offset or nothing follows it, and there is data in front. */
bool marker_point_is_boundary(segmented_log_t *l, const marker_point_t *p, uint32_t magic);

#endif
