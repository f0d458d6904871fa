/* The inside of a producer. A lane is the queue of one (client type, subject); batches leave it while its broker groups have room in their
 * window. Everything but the fields under `lock` belongs to the loop. */
#ifndef QMQ_CLIENT_PRODUCER_IMPL_H
#define QMQ_CLIENT_PRODUCER_IMPL_H

#include "base/table.h"
#include "client/client.h"
#include "client/message_impl.h"
#include "qmq/producer.h"

/* A message on its way. */
typedef struct sending {
    struct sending *next;
    qmq_message_t *message;
    qmq_sent_fn done;
    void *arg;
    bool direct; /* done is the library's own and is called on the loop */
    int tries;
    uint64_t number;    /* in the order handed over */
    qmq_error_t *error; /* of the last try */
} sending_t;

typedef struct sending_list {
    sending_t *first;
    sending_t **last;
    size_t count;
} sending_list_t;

struct batch;
struct pause;

typedef struct lane {
    struct qmq_producer *producer;
    int type;
    char *key; /* "<type> <subject>" */
    const char *subject;
    route_t *route;
    route_watcher_t watcher;
    int last_group; /* round robin */
    sending_list_t waiting;
    loop_timer_t patience; /* runs while messages wait and there is no group */
} lane_t;

struct qmq_producer {
    qmq_client_t *client;
    qmq_producer_options_t options;
    mutex_t lock;
    condition_t changed;
    size_t queued;   /* handed over and without a verdict, that count for max_queue */
    size_t pending;  /* handed over and their callback not over */
    uint64_t handed; /* all that were ever handed over */
    struct flusher *flushers;
    bool closed;
    bool posted;
    sending_list_t inbox;
    task_t arrived;
    table_t lanes;
    struct batch *batches; /* under way */
    struct pause *pauses;  /* failed ones that wait for their next try */
};

void sending_list_init(sending_list_t *l);
void sending_list_add(sending_list_t *l, sending_t *s);
sending_t *sending_list_take(sending_list_t *l);

/* Loop thread. Takes over what waits in the list and sends it. */
void producer_route(qmq_producer_t *p, sending_list_t *list);
/* Loop thread. Final verdicts: the errors are in the messages. */
void producer_finish(qmq_producer_t *p, sending_list_t *list);
/* Loop thread. Everything unfinished fails with QMQ_CLOSED; lanes and what is under way are given up. */
void producer_abandon(qmq_producer_t *p);

#endif
