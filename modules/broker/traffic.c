#include "broker/traffic.h"

#include "base/memory.h"
#include "broker/ack.h"
#include "broker/consume_manage.h"
#include "broker/group.h"
#include "broker/produce.h"
#include "broker/pull.h"
#include "portability/clock.h"
#include "protocol/codes.h"

#define FLUSH_ON_STOP_US (2 * 1000000LL)
#define READER_THREADS 2
#define READER_QUEUE 10000

static void timed(command_fn run, void *arg, connection_t *c, const frame_t *request, block_t *block) {
    const broker_t *b = arg;
    int64_t began = clock_mono_us();
    run(arg, c, request, block);
    metric_time_span(b->request_time, began, clock_mono_us());
}

static void timed_produce(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    timed(produce_command, arg, c, request, block);
}

static void timed_pull(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    timed(pull_command, arg, c, request, block);
}

static void timed_ack(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    timed(ack_command, arg, c, request, block);
}

static void timed_manage(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    timed(consume_manage_command, arg, c, request, block);
}

const command_t broker_client_commands[] = {{REQUEST_SEND_MESSAGE, timed_produce},
                                            {REQUEST_PULL_MESSAGE, timed_pull},
                                            {REQUEST_ACK, timed_ack},
                                            {REQUEST_CONSUME_MANAGE, timed_manage},
                                            {0, NULL}};

worker_t *broker_current_worker(broker_t *b) {
    int index = loops_current(b->loops);
    return index < 0 ? NULL : b->workers[index];
}

apr_status_t traffic_open(broker_t *b, int loops, qmq_error_t **error) {
    apr_status_t rv = loops_start(&b->loops, "broker-io", loops);
    if (rv == APR_SUCCESS) rv = executor_create(&b->readers, "broker-read", READER_THREADS, READER_QUEUE);
    if (rv != APR_SUCCESS) {
        *error = error_create(rv, "Raise the limit of threads of this user", "cannot start the broker's threads");
        return rv;
    }
    b->worker_count = loops_count(b->loops);
    b->workers = memory_zalloc((size_t)b->worker_count * sizeof *b->workers);
    for (int i = 0; i < b->worker_count; i++) b->workers[i] = worker_create(b, i);
    return APR_SUCCESS;
}

/* Stopping: held pulls are answered in their groups' turns, then everything in flight is awaited. */

typedef struct closing {
    broker_t *broker;
    mutex_t lock;
    condition_t done;
    int left;
} closing_t;

typedef struct close_group {
    operation_t op; /* first */
    closing_t *closing;
} close_group_t;

static step_t close_group_run(operation_t *op) {
    close_group_t *c = (close_group_t *)op;
    closing_t *closing = c->closing;
    pull_answer_held(op->group);
    memory_free(c);
    mutex_lock(&closing->lock);
    if (--closing->left == 0) condition_broadcast(&closing->done);
    mutex_unlock(&closing->lock);
    return STEP_DONE;
}

static void close_group(void *arg, group_t *g) {
    closing_t *closing = arg;
    close_group_t *c = memory_zalloc(sizeof *c);
    c->op.run = close_group_run;
    c->op.knows = -1;
    c->closing = closing;
    mutex_lock(&closing->lock);
    closing->left++;
    mutex_unlock(&closing->lock);
    group_submit(g, &c->op, NULL);
}

static void answer_held_pulls(broker_t *b) {
    closing_t closing = {.broker = b, .left = 1};
    mutex_init(&closing.lock);
    condition_init(&closing.done);
    group_each(b, close_group, &closing);
    mutex_lock(&closing.lock);
    closing.left--;
    while (closing.left > 0) condition_wait(&closing.done, &closing.lock);
    mutex_unlock(&closing.lock);
    condition_destroy(&closing.done);
    mutex_destroy(&closing.lock);
}

void traffic_close(broker_t *b) {
    atomic_store(&b->stopping, true);
    atomic_store(&b->read_only, true); /* also when it went on line while it was asked to stop */
    slave_wait_close(&b->slave_wait);
    if (b->sync_port != NULL) net_server_destroy(b->sync_port, 0);
    if (b->client_port != NULL) {
        net_server_stop_accepting(b->client_port);
        answer_held_pulls(b);
        net_server_destroy(b->client_port, FLUSH_ON_STOP_US);
        answer_held_pulls(b);
    }
    /* The closing operations above were the last of their groups; what is left in flight are messages of producers. */
    if (b->readers != NULL) executor_stop(b->readers);
    for (int i = 0; i < b->worker_count; i++) worker_drain(b->workers[i]);
    if (b->loops != NULL) loops_stop(b->loops);
    if (b->readers != NULL) executor_destroy(b->readers);
    for (int i = 0; i < b->worker_count; i++) worker_destroy(b->workers[i]);
    memory_free(b->workers);
    slave_wait_destroy(&b->slave_wait);
}
