/* The contents of a file as power.c follows it: what is durable, and what was done since. Plain memory, no locks. */
#ifndef QMQ_PORTABILITY_POSIX_POWER_IMAGE_H
#define QMQ_PORTABILITY_POSIX_POWER_IMAGE_H

#include "portability/posix/power.h"

#ifdef QMQ_TEST_HOOKS
typedef struct power_bytes {
    uint8_t *data;
    size_t size;
} power_bytes_t;

/* A write (bytes) or a change of size (no bytes). */
typedef struct power_change {
    int64_t offset; /* or the new size */
    uint8_t *bytes;
    size_t size;
    bool grows; /* a change of size that never shortens */
} power_change_t;

typedef struct power_image {
    power_bytes_t durable;
    power_change_t *changes;
    size_t count;
    size_t capacity;
    size_t forgotten; /* changes that became durable */
} power_image_t;

void power_image_write(power_image_t *i, const io_slice_t *slices, size_t count, int64_t offset, size_t size);
void power_image_resize(power_image_t *i, int64_t size, bool grows);
/* Changes so far. */
size_t power_image_changes(const power_image_t *i);
/* The first `upto` of them are durable. */
void power_image_sync(power_image_t *i, size_t upto);
/* What a disk may hold; `tears_last`: the last change is under way. The caller frees *to's data. */
void power_image_lose(const power_image_t *i, power_loss_t loss, uint64_t *random, bool tears_last, power_bytes_t *to);
void power_image_free(power_image_t *i);
uint64_t power_random(uint64_t *state);
#endif

#endif
