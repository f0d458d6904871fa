#include "client/ack_queue.h"

#include "base/memory.h"

#include <string.h>

void ack_queue_init(ack_queue_t *q, int batch) {
    memset(q, 0, sizeof *q);
    q->min = -1;
    q->max = -1;
    q->batch = batch;
}

void ack_queue_free(ack_queue_t *q) {
    while (q->head != NULL) {
        ack_entry_t *next = q->head->next;
        memory_free(q->head);
        q->head = next;
    }
    while (q->ranges != NULL) {
        ack_range_t *next = q->ranges->next;
        memory_free(q->ranges);
        q->ranges = next;
    }
}

ack_entry_t *ack_queue_append(ack_queue_t *q, int64_t offset) {
    ack_entry_t *e = memory_zalloc(sizeof *e);
    e->offset = offset;
    if (q->outstanding == 0) q->min = offset;
    if (q->head == NULL) {
        q->head = e;
    } else {
        q->tail->next = e;
    }
    if (q->scan == NULL) q->scan = e;
    q->tail = e;
    q->max = offset;
    q->outstanding++;
    return e;
}

static void add_range(ack_queue_t *q, int64_t begin, int64_t last, size_t count) {
    ack_range_t *r = memory_zalloc(sizeof *r);
    r->begin = begin;
    r->last = last;
    r->count = count;
    if (q->ranges == NULL) {
        q->ranges = r;
    } else {
        q->last_range->next = r;
    }
    q->last_range = r;
}

/* Takes one run of consecutive offsets off the head, up to but not including `end`. An offset never received must not be acknowledged. */
static void take_run(ack_queue_t *q, const ack_entry_t *end) {
    int64_t begin = q->head->offset;
    int64_t last = begin - 1;
    size_t count = 0;
    while (q->head != NULL && q->head != end && q->head->offset == last + 1) {
        ack_entry_t *e = q->head;
        last = e->offset;
        count++;
        q->head = e->next;
        memory_free(e);
    }
    if (q->head == NULL) q->tail = NULL;
    add_range(q, begin, last, count);
}

void ack_queue_flush(ack_queue_t *q) {
    while (q->head != NULL && q->head != q->scan) take_run(q, q->scan);
}

void ack_queue_complete(ack_queue_t *q, ack_entry_t *e) {
    e->done = true;
    if (e != q->scan) return;
    const ack_entry_t *end = e;
    while (q->scan != NULL && q->scan->done) {
        end = q->scan;
        q->scan = q->scan->next;
    }
    if (q->scan == NULL || end->offset - q->head->offset >= q->batch - 1) ack_queue_flush(q);
}

bool ack_queue_has_finished(const ack_queue_t *q) {
    return q->head != NULL && q->head != q->scan;
}

const ack_range_t *ack_queue_next(const ack_queue_t *q) {
    return q->ranges;
}

void ack_queue_sent(ack_queue_t *q) {
    ack_range_t *r = q->ranges;
    q->ranges = r->next;
    if (q->ranges == NULL) q->last_range = NULL;
    q->outstanding -= r->count;
    q->min = r->last + 1;
    memory_free(r);
}
