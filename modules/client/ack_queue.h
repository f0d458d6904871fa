/* What was received and in which order it may be acknowledged: only contiguous ranges of finished messages, in order (client.md 10). Pure;
 * one owner. */
#ifndef QMQ_CLIENT_ACK_QUEUE_H
#define QMQ_CLIENT_ACK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ack_entry {
    struct ack_entry *next;
    int64_t offset;
    bool done;
} ack_entry_t;

typedef struct ack_range {
    struct ack_range *next;
    int64_t begin;
    int64_t last;
    size_t count; /* messages in it */
} ack_range_t;

typedef struct ack_queue {
    ack_entry_t *head; /* oldest that is in no range */
    ack_entry_t *tail;
    ack_entry_t *scan; /* first not finished one */
    ack_range_t *ranges;
    ack_range_t *last_range;
    int64_t min; /* first offset not acknowledged, -1 before the first message */
    int64_t max; /* last offset received, -1 before the first message */
    size_t outstanding;
    int64_t batch; /* a range leaves at this width although more follows */
} ack_queue_t;

void ack_queue_init(ack_queue_t *q, int batch);
void ack_queue_free(ack_queue_t *q);
/* A received message; offsets ascend. The entry belongs to the queue and is gone once it is part of a range. */
ack_entry_t *ack_queue_append(ack_queue_t *q, int64_t offset);
/* The message is finished; once an entry. */
void ack_queue_complete(ack_queue_t *q, ack_entry_t *e);
/* Makes ranges of all that is finished at the head. */
void ack_queue_flush(ack_queue_t *q);
/* The range to send now; NULL when there is none. It stays first until ack_queue_sent. */
const ack_range_t *ack_queue_next(const ack_queue_t *q);
/* The first range was acknowledged. */
void ack_queue_sent(ack_queue_t *q);
/* True when something finished waits for more to come. */
bool ack_queue_has_finished(const ack_queue_t *q);

#endif
