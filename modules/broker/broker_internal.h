/* The broker's objects as its own files see them. */
#ifndef QMQ_BROKER_INTERNAL_H
#define QMQ_BROKER_INTERNAL_H

#include "broker/settings.h"
#include "broker/slave_wait.h"
#include "host/host.h"
#include "net/loops.h"
#include "net/server.h"
#include "portability/executor.h"
#include "portability/thread.h"
#include "store/store.h"

typedef struct broker broker_t;
typedef struct worker worker_t;
typedef struct registration registration_t;

struct broker {
    instance_t *instance;
    const log_t *log;
    metrics_t *metrics;
    _Atomic(broker_settings_t *) settings;
    loops_t *loops;
    worker_t **workers; /* one a loop, same index */
    int worker_count;
    executor_t *readers; /* cold reads */
    store_t *store;
    net_server_t *client_port;
    net_server_t *sync_port;
    _Atomic(registration_t *) registration;    /* NULL at first: the store reports earlier */
    _Atomic bool read_only;                    /* from start until online, and from the beginning of the stop */
    _Atomic(struct group *) groups;            /* all ever made, for the stop */
    _Atomic(struct subject_waiters *) waiters; /* likewise */
    _Atomic bool stopping;
    _Atomic int parked_pulls;
    _Atomic int group_count;
    _Atomic int posted; /* operations on their way to the loops of their groups */
    struct dead_consumers *dead_consumers;
    struct sub_env *sub_env; /* NULL: environments do not matter */
    _Atomic(struct look *) look;
    slave_wait_t slave_wait;
    metric_t *invalid_messages;
    metric_t *request_time;
    log_limit_t overflow_limit;
    log_limit_t parked_limit;
    log_limit_t gap_limit;
    log_limit_t cold_limit;
    log_limit_t unreadable_limit;
};

static inline const broker_settings_t *broker_settings(broker_t *b) {
    return atomic_load_explicit(&b->settings, memory_order_acquire);
}

static inline bool broker_wants_disk(broker_t *b, view_t subject) {
    return durability_of(&broker_settings(b)->durability, subject) == DURABILITY_DISK;
}

/* The worker of the calling loop thread; NULL on other threads. */
worker_t *broker_current_worker(broker_t *b);

#endif
