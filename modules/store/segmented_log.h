/* A log as a row of files of equal size in one directory, each named after the offset of its first byte (storage.md 2, 3). One appender at
 * a time writes it; locating, reading and mapping are for any thread. */
#ifndef QMQ_STORE_SEGMENTED_LOG_H
#define QMQ_STORE_SEGMENTED_LOG_H

#include "base/error.h"
#include "base/log.h"
#include "base/shared.h"
#include "portability/file.h"
#include "portability/mapping.h"
#include "portability/thread.h"

#include <stdatomic.h>

/* A read-only mapping of a whole segment; slices of answers hold references on it. */
typedef struct segment_map {
    shared_t shared;
    mapping_t *mapping;
    const uint8_t *data;
} segment_map_t;

typedef struct segment {
    shared_t shared; /* the log holds one reference */
    int64_t base;
    char *path;
    file_t *file;
    _Atomic int64_t allocated; /* bytes of the file that have disk blocks, as far as we know, and that mappings may touch */
    bool refusal_told;         /* cleaner: it could not be deleted, and that was said */
    segment_map_t *map;        /* log's lock; NULL while nobody reads here */
} segment_t;

typedef struct segmented_log {
    const char *name; /* "message log" */
    char *directory;
    int64_t segment_size;
    const log_t *log;
    bool only_read; /* files are opened for reading, nothing is created */

    mutex_t lock; /* segments and their maps */
    segment_t **segments;
    size_t count;
    size_t capacity;

    _Atomic int64_t end; /* next offset; everything below is written */

    /* Appender only. */
    segment_t *writing; /* the segment last written to, retained */
    int64_t soiled_end; /* a failed write may have left bytes in [end, soiled_end) */

    /* Sync: one at a time. */
    mutex_t sync_lock;
    condition_t sync_done;
    bool syncing;
    int64_t directory_synced; /* base of the newest segment whose directory entry is durable */
    apr_status_t sync_failure;
    _Atomic int64_t synced;
} segmented_log_t;

/* Lists and opens the segments; foreign names are ignored with a warning. directory is created when missing and taken over (memory_free).
 * The end is not known yet. */
apr_status_t segmented_log_open(segmented_log_t *l, const char *name, char *directory, int64_t segment_size, const log_t *log,
                                qmq_error_t **error);
/* The same for looking at it: a missing directory is an empty log, nothing is created or written. */
apr_status_t segmented_log_view(segmented_log_t *l, const char *name, char *directory, int64_t segment_size, const log_t *log,
                                qmq_error_t **error);
/* Closes everything; also after a failed open. */
void segmented_log_close(segmented_log_t *l);

/* Offset of the first segment; 0 when there is none. Any thread. */
int64_t segmented_log_min(segmented_log_t *l);
static inline int64_t segmented_log_end(const segmented_log_t *l) {
    return atomic_load_explicit(&l->end, memory_order_acquire);
}
static inline int64_t segmented_log_base(const segmented_log_t *l, int64_t offset) {
    return offset - offset % l->segment_size;
}
/* Retained segment that contains the offset, or NULL. Any thread. */
segment_t *segmented_log_locate(segmented_log_t *l, int64_t offset);
/* The same by position in the row; NULL behind the last. Any thread. */
segment_t *segmented_log_at(segmented_log_t *l, size_t index);
static inline void segment_release(segment_t *s) {
    if (s != NULL) shared_release(&s->shared);
}
/* Retained segment with this base, created (empty file) when missing. Any thread. */
apr_status_t segmented_log_obtain(segmented_log_t *l, int64_t base, segment_t **out);

/* Recovery: makes `end` the end. Cuts the file it lies in, deletes later ones, counts everything from `synced` on as not durable. */
apr_status_t segmented_log_cut(segmented_log_t *l, int64_t end, int64_t synced, qmq_error_t **error);

/* Deletes the first segment, which must not be the last. QMQ_E_LOCKED: a reader holds it, try later. Any thread but several at a time. */
apr_status_t segmented_log_remove_first(segmented_log_t *l);

/* Appending. One thread at a time. */

/* Before the first write of a round: overwrites with zeros what a failed write left behind the end. */
apr_status_t segmented_log_clean(segmented_log_t *l);
/* Writes bytes of one segment at offset >= end; nothing is visible yet. */
apr_status_t segmented_log_write(segmented_log_t *l, int64_t offset, const io_slice_t *slices, size_t count, int64_t size);
/* A write of [end, upto) failed in between. */
static inline void segmented_log_soil(segmented_log_t *l, int64_t upto) {
    if (upto > l->soiled_end) l->soiled_end = upto;
}
/* The segment of this offset got its filler: its file takes the full size. */
void segmented_log_fill(segmented_log_t *l, int64_t offset);
/* Makes everything below end visible. */
static inline void segmented_log_publish(segmented_log_t *l, int64_t end) {
    atomic_store_explicit(&l->end, end, memory_order_release);
}

/* Reserves disk space up to `upto` bytes of the segment (at most its size). Any thread. */
apr_status_t segment_allocate(segment_t *s, int64_t upto, int64_t segment_size);

/* A sync that failed like this may be tried again: it did not get as far as the disk. */
static inline bool segmented_log_may_retry(apr_status_t status) {
    return APR_STATUS_IS_EMFILE(status) || APR_STATUS_IS_ENFILE(status);
}
/* Makes everything below the end of the moment of the call durable. After a failure of the disk always fails again. Blocks; any thread. */
apr_status_t segmented_log_sync(segmented_log_t *l);

/* The whole segment in memory, retained; NULL when the system refuses. Any thread. */
segment_map_t *segmented_log_map(segmented_log_t *l, segment_t *s);
static inline void segment_map_release(segment_map_t *m) {
    if (m != NULL) shared_release(&m->shared);
}
/* Gives up the mappings of segments that end at or before offset; those in use live until the last reference is dropped. Any thread. */
void segmented_log_unmap_before(segmented_log_t *l, int64_t offset);
/* How many segments are mapped for new readers. Any thread. */
int64_t segmented_log_mappings(segmented_log_t *l);
int64_t segmented_log_files(segmented_log_t *l);

#endif
