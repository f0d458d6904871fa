/* What push and pull consumers have in common: the subject and its retry subject, a source for every broker group that serves them,
 * verdicts on messages. Reference-counted, because received messages may outlive the consumer; its work is done on the loop. */
#ifndef QMQ_CLIENT_SUBSCRIPTION_H
#define QMQ_CLIENT_SUBSCRIPTION_H

#include "base/shared.h"
#include "client/client.h"
#include "client/message_impl.h"
#include "qmq/consumer.h"

struct source;
struct sendback;

/* One subject as it is pulled. */
typedef struct entry {
    struct subscription *subscription;
    char *subject;
    bool is_retry;
    route_t *route;
    route_watcher_t watcher;
    struct source *sources;
} entry_t;

#define SUBSCRIPTION_ENTRIES 2

typedef struct subscription subscription_t;
struct subscription {
    shared_t shared;
    qmq_client_t *client;
    char *subject;
    char *group;
    char *real_subject; /* what retry names are made of; differs for a dead-letter subject */
    char *real_group;
    qmq_consumer_options_t options; /* group and tags are not to be used */
    char *tags;                     /* encoded */
    size_t tags_size;
    int tag_count;
    bool is_dead_letter; /* its subject is one */
    bool pushes;         /* sources pull by themselves */
    /* Loop. */
    entry_t entries[SUBSCRIPTION_ENTRIES];
    size_t entry_count;
    bool stopping; /* no new pulls */
    bool detached; /* nothing is done any more; changed on the loop with the lock held */
    bool claimed;  /* in the client's table of subscriptions */
    char *key;
    size_t key_size;
    loop_timer_t heartbeat;
    struct sendback *sendbacks;
    /* Loop; whose subscription it is. messages: linked by next, the receiver's from here on. */
    void (*deliver)(void *owner, qmq_message_t *messages);
    void (*progressed)(void *owner); /* subscribed somewhere, or an acknowledgement went out */
    void *owner;
    /* Verdicts of any thread, on their way to the loop. */
    mutex_t lock;
    qmq_message_t *verdicts;
    qmq_message_t **last_verdict;
    bool posted;
    task_t arrived;
};

/* Checks and copies the options. One reference, the caller's. NULL and *error when an option is bad. */
subscription_t *subscription_create(qmq_client_t *c, const char *subject, const qmq_consumer_options_t *options, qmq_error_t **error);
/* Takes the (subject, group) for this one; false and *error when another of the client has it. Any thread but the loop's. */
bool subscription_claim(subscription_t *s, qmq_error_t **error);
void subscription_retain(subscription_t *s);
/* NULL is allowed; any thread. */
void subscription_release(subscription_t *s);
/* Registers and begins. Loop thread. */
void subscription_start(subscription_t *s);
/* No new pulls; what is finished is acknowledged. Loop thread. */
void subscription_stop(subscription_t *s);
/* Gives everything up. Loop thread. */
void subscription_detach(subscription_t *s);
/* Every verdict given was acknowledged or sent back. Loop thread. */
bool subscription_is_settled(subscription_t *s);
/* At least one broker group of the subject, and all that are known, answered a pull. Loop thread. */
bool subscription_is_ready(const subscription_t *s);
/* Why it is not. Loop thread. */
qmq_error_t *subscription_problem(const subscription_t *s);
/* What the subject's configuration says, else the consumer's options. Loop thread. */
int subscription_batch(const subscription_t *s);
int64_t subscription_poll_ms(const subscription_t *s);
int64_t subscription_max_unacked(const subscription_t *s);
int64_t subscription_max_retry(const subscription_t *s);
bool subscription_is_online(const subscription_t *s);
/* The verdict on a message, once: error_text NULL means done. Takes the message over. Any thread. */
void subscription_verdict(qmq_message_t *m, const char *error_text);

#endif
