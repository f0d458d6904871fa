/* When each consumer of a group was last heard of (broker.md 8.1). A small list a group; consumers that never asked since the start are not
 * in it. Any thread. */
#ifndef QMQ_BROKER_HEARTBEATS_H
#define QMQ_BROKER_HEARTBEATS_H

#include "broker/broker_internal.h"

typedef struct heartbeats {
    mutex_t lock;
    struct heartbeat **at; /* while they are few */
    uint32_t count;
    struct table *many; /* when they are many; then at is NULL */
} heartbeats_t;

void heartbeats_init(heartbeats_t *h);
void heartbeats_free(heartbeats_t *h);

/* The consumer was heard of now. False when that is no news: others were told within the last second. */
bool heartbeats_note(heartbeats_t *h, view_t consumer_id, int64_t now_us);
/* When it was last heard of (monotonic); -1: never. */
int64_t heartbeats_of(heartbeats_t *h, view_t consumer_id);
void heartbeats_refresh_all(heartbeats_t *h, int64_t now_us);
/* Forgets those not heard of since `before_us`; the number left. */
size_t heartbeats_forget(heartbeats_t *h, int64_t before_us);

#endif
