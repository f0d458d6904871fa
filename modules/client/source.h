/* One (broker group, subject, consumer group): at most one pull outstanding, what was received from it, and its acknowledgements in order
 * (client.md 9.3, 10). Loop thread. */
#ifndef QMQ_CLIENT_SOURCE_H
#define QMQ_CLIENT_SOURCE_H

#include "client/ack_queue.h"
#include "client/subscription.h"

struct source_call;

typedef struct source {
    struct source *next;
    entry_t *entry;
    char *broker_group;
    ack_queue_t acks;
    bool subscribed; /* a pull was answered */
    struct source_call *pull;
    struct source_call *ack;
    loop_timer_t pull_timer; /* a pause before the next pull */
    loop_timer_t ack_timer;  /* a flush, or the next try of a failed acknowledgement */
    int64_t pause_us;
    int weight; /* of a pull consumer's choice (client.md 12.3) */
    /* Of a pull consumer: told when the pull it asked for has ended, with the number of messages, or -1 when it failed. */
    void (*pulled)(void *owner, struct source *self, int count);
} source_t;

source_t *source_find(const entry_t *e, const char *broker_group);
/* Made when it is new. */
source_t *source_get(entry_t *e, const char *broker_group);
void source_free(source_t *s);
/* Begins a pull when one may be begun; does nothing for pull consumers. */
void source_step(source_t *s);
/* True when a pull may be sent now. */
bool source_can_pull(const source_t *s);
/* Sends one pull; source_can_pull must be true. wait_ms < 0: the broker answers at once. */
void source_pull(source_t *s, int count, int64_t wait_ms);
/* The message is done: marks it and frees it. */
void source_finish(qmq_message_t *m);
/* Acknowledges all that is finished. */
void source_flush(source_t *s);
/* Flushes; when there was nothing to send, tells the broker that we live. */
void source_heartbeat(source_t *s);
bool source_is_settled(const source_t *s);

#endif
