/* A pull-log tablet as bytes: what consumers pulled and had not acknowledged when it was written (README.md, storage.md 7.3). */
#ifndef QMQ_STORE_PULL_TABLET_H
#define QMQ_STORE_PULL_TABLET_H

#include "base/writer.h"
#include "portability/file.h"
#include "store/pull_log.h"

#define TABLET_MAGIC 0x00A2B100u
#define TABLET_RUN_MAGIC 0xC1B2A300u
#define TABLET_HEADER_SIZE 28
#define TABLET_CRC_SIZE 8

/* A tablet in memory, found sound. */
typedef struct tablet_image {
    const uint8_t *bytes;
    size_t data_size;  /* behind the header */
    size_t index_size; /* behind the data */
    int64_t begin;
    int64_t end; /* as it stands in the header */
} tablet_image_t;

/* Consecutive pull sequences of a consumer. */
typedef struct tablet_run {
    view_t key; /* consumer id, group and subject with @ between them */
    int64_t pull;
    int64_t message; /* what the values count from */
    int32_t count;
    const uint8_t *values;
} tablet_run_t;

/* False when anything of it is not right: magic, sizes, checksum, a run. The bytes must outlive the image. */
bool tablet_image_open(tablet_image_t *t, const void *bytes, size_t size);
/* Walks the runs; *at starts at 0. */
bool tablet_image_next(const tablet_image_t *t, size_t *at, tablet_run_t *run);
/* Message sequence of the i-th pull sequence of a run. */
int64_t tablet_run_message(const tablet_run_t *run, int32_t i);

typedef struct tablet_builder {
    writer_t data;
    writer_t index;
    bool failed; /* a key or the whole is too long */
} tablet_builder_t;

void tablet_builder_init(tablet_builder_t *b);
void tablet_builder_free(tablet_builder_t *b);
/* Adds ranges of a consumer in ascending order. */
void tablet_builder_add(tablet_builder_t *b, view_t consumer_id, view_t group, view_t subject, const pull_range_t *ranges, size_t count);
static inline bool tablet_builder_is_empty(const tablet_builder_t *b) {
    return b->index.used == 0;
}
/* The whole file, memory_free it; NULL when the builder has failed. end: what the header shall say. */
uint8_t *tablet_builder_finish(tablet_builder_t *b, int64_t begin, int64_t end, size_t *size);

#endif
