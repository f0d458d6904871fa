/* A pull under way: pull.c answers and holds, pull_find.c looks for what can be delivered. */
#ifndef QMQ_BROKER_PULL_INTERNAL_H
#define QMQ_BROKER_PULL_INTERNAL_H

#include "broker/group.h"
#include "broker/peer.h"
#include "broker/sub_env.h"
#include "protocol/pull.h"

typedef enum found {
    FOUND_NOTHING,  /* wait, or answer 4 */
    FOUND_COLD,     /* ask again from a thread that may block */
    FOUND_MESSAGES, /* body is the answer; actions (if any) are to be written first */
    FOUND_FILTERED, /* something was there and the filter wanted none of it; actions are to be written, then answer 4 */
    FOUND_AGAIN     /* write the actions, then look again */
} found_t;

typedef enum pull_phase { PULL_FINDS, PULL_READS_DISK, PULL_WRITES } pull_phase_t;

typedef struct pull {
    operation_t op; /* first */
    held_t held;
    loop_timer_t timer;
    job_t job;
    task_t back;
    action_source_t source;
    reply_to_t reply;
    peer_t *peer;
    int64_t arrived_us;
    int64_t deadline_us; /* end of the hold */
    int64_t timeout_ms;
    int64_t last; /* pull_offset_last */
    int request_num;
    int16_t version;
    bool broadcast;
    bool from_earliest; /* should the group be new */
    bool is_held;
    bool timed_out;
    bool looked_twice;  /* a second look in a row found nothing although something should be there */
    view_t consumer_id; /* both in `text` */
    tag_filter_t filter;
    view_t env_key;       /* in text; empty: environments do not matter */
    sub_env_rule_t *rule; /* of env_key, as of the last look */
    /* What was found. */
    pull_phase_t phase;
    found_t found;
    chain_t body;
    size_t messages;  /* in body */
    int64_t new_next; /* the group's position once the actions are written; -1: unchanged */
    int64_t due_ms;   /* wall clock when the next message of a retry subject may be delivered; 0: unknown */
    store_action_t *actions;
    size_t action_count;
    size_t action_capacity;
    store_action_t first_action; /* room for the usual case */
    poll_result_t result;
    size_t text_size;
    char text[];
} pull_t;

/* Looks for un-acked messages of the consumer, then for new ones (broker.md 6.4). Fills found's fields. Home loop (may_block false) or a
 * reader thread while the group waits for it. */
found_t pull_find(pull_t *p, bool may_block);
/* Forgets what was found. */
void pull_forget(pull_t *p);

#endif
