/* What one append writes: the bytes of many records, cut into one vector a segment, fillers included. The appender fills a plan, writes it,
 * and publishes the end only when everything was written (design rule 12). Reused from append to append. */
#ifndef QMQ_STORE_APPEND_PLAN_H
#define QMQ_STORE_APPEND_PLAN_H

#include "store/segmented_log.h"

typedef struct plan_part {
    int64_t offset;
    int64_t size;
    size_t first; /* slices [first, first + count) */
    size_t count;
} plan_part_t;

typedef struct plan_block plan_block_t;

typedef struct append_plan {
    segmented_log_t *log;
    int64_t filler_size;
    void (*put_filler)(uint8_t *to, int64_t now_ms);
    int64_t now_ms;
    int64_t end; /* where the next record goes */
    int64_t bytes;
    io_slice_t *slices;
    size_t slice_count;
    size_t slice_capacity;
    plan_part_t *parts;
    size_t part_count;
    size_t part_capacity;
    plan_block_t *blocks; /* memory for headers and copies, the filling one first */
    plan_block_t *spare;
    size_t spare_count;
} append_plan_t;

void append_plan_init(append_plan_t *p, segmented_log_t *log, int64_t filler_size, void (*put_filler)(uint8_t *to, int64_t now_ms));
void append_plan_free(append_plan_t *p);

/* Starts anew at the end of the log. */
void append_plan_begin(append_plan_t *p, int64_t now_ms);
/* True when a record of this size can be in a segment at all. */
bool append_plan_fits(const append_plan_t *p, int64_t record_size);
/* Makes room for a record, which fits, behind a filler and in the next segment if need be (storage.md 4.4). Returns its offset; exactly
 * record_size bytes must be added next. */
int64_t append_plan_place(append_plan_t *p, int64_t record_size);
/* Memory for the next bytes, to be filled by the caller at once. */
uint8_t *append_plan_room(append_plan_t *p, size_t size);
/* The next bytes; they must stay unchanged until append_plan_write returned. */
void append_plan_refer(append_plan_t *p, const void *data, size_t size);

/* Writes everything. On failure nothing counts as written. *took_us: how long. */
apr_status_t append_plan_write(append_plan_t *p, int64_t *took_us);

#endif
