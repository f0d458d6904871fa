#include "store/append_plan.h"

#include "base/memory.h"
#include "portability/clock.h"

#include <string.h>

#define BLOCK_SIZE 65536
/* Blocks kept from one append to the next; more were a burst. */
#define BLOCKS_KEPT 16

struct plan_block {
    struct plan_block *next;
    size_t used;
    size_t size;
    uint8_t bytes[];
};

void append_plan_init(append_plan_t *p, segmented_log_t *log, int64_t filler_size, void (*put_filler)(uint8_t *to, int64_t now_ms)) {
    memset(p, 0, sizeof *p);
    p->log = log;
    p->filler_size = filler_size;
    p->put_filler = put_filler;
}

static void free_blocks(plan_block_t *b) {
    while (b != NULL) {
        plan_block_t *next = b->next;
        memory_free(b);
        b = next;
    }
}

void append_plan_free(append_plan_t *p) {
    free_blocks(p->blocks);
    free_blocks(p->spare);
    memory_free(p->slices);
    memory_free(p->parts);
    memset(p, 0, sizeof *p);
}

/* Some blocks of the usual size are kept for the next round, the others are given back. */
static void recycle_blocks(append_plan_t *p) {
    for (plan_block_t *b = p->blocks; b != NULL;) {
        plan_block_t *next = b->next;
        if (b->size == BLOCK_SIZE && p->spare_count < BLOCKS_KEPT) {
            b->used = 0;
            b->next = p->spare;
            p->spare = b;
            p->spare_count++;
        } else {
            memory_free(b);
        }
        b = next;
    }
    p->blocks = NULL;
}

void append_plan_begin(append_plan_t *p, int64_t now_ms) {
    recycle_blocks(p);
    p->now_ms = now_ms;
    p->end = segmented_log_end(p->log);
    p->bytes = 0;
    p->slice_count = 0;
    p->part_count = 0;
}

static void add_block(append_plan_t *p, size_t size) {
    plan_block_t *b = p->spare;
    if (size <= BLOCK_SIZE && b != NULL) {
        p->spare = b->next;
        p->spare_count--;
    } else {
        size_t room = size <= BLOCK_SIZE ? BLOCK_SIZE : size;
        b = memory_alloc(sizeof *b + room);
        b->used = 0;
        b->size = room;
    }
    b->next = p->blocks;
    p->blocks = b;
}

static void add_slice(append_plan_t *p, const void *data, size_t size) {
    if (p->slices == NULL || p->slice_count == p->slice_capacity) {
        p->slice_capacity = p->slice_capacity == 0 ? 256 : p->slice_capacity * 2;
        p->slices = memory_realloc(p->slices, p->slice_capacity * sizeof(io_slice_t));
    }
    p->slices[p->slice_count++] = (io_slice_t){data, size};
    p->parts[p->part_count - 1].count++;
}

void append_plan_refer(append_plan_t *p, const void *data, size_t size) {
    plan_part_t *part = &p->parts[p->part_count - 1];
    io_slice_t *last = part->count == 0 ? NULL : &p->slices[p->slice_count - 1];
    if (last != NULL && (const uint8_t *)last->data + last->size == (const uint8_t *)data) {
        last->size += size;
    } else {
        add_slice(p, data, size);
    }
    part->size += (int64_t)size;
    p->end += (int64_t)size;
    p->bytes += (int64_t)size;
}

uint8_t *append_plan_room(append_plan_t *p, size_t size) {
    if (p->blocks == NULL || p->blocks->size - p->blocks->used < size) add_block(p, size);
    uint8_t *room = p->blocks->bytes + p->blocks->used;
    p->blocks->used += size;
    append_plan_refer(p, room, size);
    return room;
}

static void add_part(append_plan_t *p) {
    if (p->part_count == p->part_capacity) {
        p->part_capacity = p->part_capacity == 0 ? 4 : p->part_capacity * 2;
        p->parts = memory_realloc(p->parts, p->part_capacity * sizeof(plan_part_t));
    }
    p->parts[p->part_count++] = (plan_part_t){p->end, 0, p->slice_count, 0};
}

bool append_plan_fits(const append_plan_t *p, int64_t record_size) {
    return record_size == p->log->segment_size || record_size + p->filler_size <= p->log->segment_size;
}

int64_t append_plan_place(append_plan_t *p, int64_t record_size) {
    int64_t free = p->log->segment_size - p->end % p->log->segment_size;
    if (p->part_count == 0) add_part(p);
    if (record_size != free && record_size + p->filler_size > free) {
        p->put_filler(append_plan_room(p, (size_t)p->filler_size), p->now_ms);
        p->end += free - p->filler_size;
        add_part(p);
    } else if (free == p->log->segment_size && p->parts[p->part_count - 1].size > 0) {
        add_part(p);
    }
    return p->end;
}

apr_status_t append_plan_write(append_plan_t *p, int64_t *took_us) {
    int64_t start = clock_mono_us();
    apr_status_t status = segmented_log_clean(p->log);
    for (size_t i = 0; status == APR_SUCCESS && i < p->part_count; i++) {
        const plan_part_t *part = &p->parts[i];
        if (part->size > 0) status = segmented_log_write(p->log, part->offset, p->slices + part->first, part->count, part->size);
    }
    if (status == APR_SUCCESS) {
        for (size_t i = 0; i + 1 < p->part_count; i++) segmented_log_fill(p->log, p->parts[i].offset);
    } else {
        segmented_log_soil(p->log, p->end);
        (void)segmented_log_clean(p->log); /* tried again before the next write */
    }
    *took_us = clock_mono_us() - start;
    return status;
}
