/* What a consumer pulled and did not acknowledge: pull sequences -> message sequences, as sorted ranges (storage.md 7). Not thread-safe. */
#ifndef QMQ_STORE_PULL_LOG_H
#define QMQ_STORE_PULL_LOG_H

#include <stdint.h>

typedef struct pull_range {
    int64_t pull;    /* first pull sequence */
    int64_t message; /* its message sequence; both count up together */
    int64_t count;
} pull_range_t;

/* All zero is an empty one. */
typedef struct pull_log {
    pull_range_t *ranges; /* [first, first + count) are in use */
    uint32_t first;
    uint32_t count;
    uint32_t capacity;
} pull_log_t;

void pull_log_free(pull_log_t *p);
/* Maps [first, last] to messages from `message` on. What an earlier call said about these pull sequences is forgotten: the last record
 * decides. */
void pull_log_put(pull_log_t *p, int64_t first, int64_t last, int64_t message);
/* The same, but only for those pull sequences of which nothing is known. */
void pull_log_fill(pull_log_t *p, int64_t first, int64_t last, int64_t message);
/* How many pull sequences behind `pull` are known. */
int64_t pull_log_count_after(const pull_log_t *p, int64_t pull);
/* What is known behind `pull`, as a new log; pull_log_free it. */
void pull_log_copy_after(const pull_log_t *p, int64_t pull, pull_log_t *to);
/* Forgets everything up to and including `last`. */
void pull_log_trim(pull_log_t *p, int64_t last);
/* -1: unknown. */
int64_t pull_log_find(const pull_log_t *p, int64_t pull);

#endif
