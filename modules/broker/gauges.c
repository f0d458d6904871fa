#include "broker/gauges.h"

#include "broker/dead_consumers.h"

static double read_nothing(void *arg) {
    (void)arg;
    return 0;
}

static double read_clients(void *arg) {
    const broker_t *b = arg;
    return b->client_port == NULL ? 0 : net_server_connections(b->client_port);
}

static double read_sync_peers(void *arg) {
    const broker_t *b = arg;
    return b->sync_port == NULL ? 0 : net_server_connections(b->sync_port);
}

static double read_parked_pulls(void *arg) {
    return atomic_load_explicit(&((broker_t *)arg)->parked_pulls, memory_order_relaxed);
}

static double read_parked_sends(void *arg) {
    return (double)atomic_load_explicit(&((broker_t *)arg)->slave_wait.messages, memory_order_relaxed);
}

static double read_groups(void *arg) {
    return atomic_load_explicit(&((broker_t *)arg)->group_count, memory_order_relaxed);
}

static store_figures_t figures_of(void *arg) {
    store_figures_t f;
    store_figures(((broker_t *)arg)->store, &f);
    return f;
}

/* The end was read first, and the log goes on. */
static double lag(int64_t end, int64_t reached) {
    return reached < end ? (double)(end - reached) : 0;
}

static double read_message_replay_lag(void *arg) {
    store_figures_t f = figures_of(arg);
    return lag(f.message_end, f.message_indexed);
}

static double read_action_replay_lag(void *arg) {
    store_figures_t f = figures_of(arg);
    return lag(f.action_end, f.action_applied);
}

static double read_posted(void *arg) {
    return atomic_load_explicit(&((broker_t *)arg)->posted, memory_order_relaxed);
}

static double read_queued_sends(void *arg) {
    const broker_t *b = arg;
    int queued = 0;
    for (int i = 0; i < b->worker_count; i++) queued += worker_queued(b->workers[i]);
    return queued;
}

static double read_dead_tasks(void *arg) {
    return dead_consumers_tasks(((broker_t *)arg)->dead_consumers);
}

static double read_dead_mailboxes(void *arg) {
    return dead_consumers_mailboxes(((broker_t *)arg)->dead_consumers);
}

static double read_consumers(void *arg) {
    return (double)figures_of(arg).consumers;
}

static double read_mappings(void *arg) {
    return (double)figures_of(arg).mappings;
}

static double read_writable(void *arg) {
    return store_is_writable(((broker_t *)arg)->store, NULL);
}

static const struct {
    const char *name;
    const char *label;
    const char *value;
    double (*read)(void *arg);
} table[] = {
    {"ReplayMessageLogLag", NULL, NULL, read_message_replay_lag},
    {"ReplayActionLogLag", NULL, NULL, read_action_replay_lag},
    /* No slave ever told how far it is. */
    {"slaveMessageLogLag", "role", "MASTER", read_nothing},
    {"slaveActionLogLag", "role", "MASTER", read_nothing},
    {"executorQueueSize", "requestCode", "10", read_queued_sends},
    {"actorSystemQueue_qmq", NULL, NULL, read_posted},
    {"actorSystemQueue_consumers", NULL, NULL, read_dead_tasks},
    {"dispatchers_qmq", NULL, NULL, read_groups},
    {"dispatchers_consumers", NULL, NULL, read_dead_mailboxes},
    {"brokerActiveClientCount", NULL, NULL, read_clients},
    {"nettyProviderConnectionActiveCount", "name", "sync", read_sync_peers},
    {"logSegmentTotalRefCount", NULL, NULL, read_mappings},
    {"brokerParkedPullCount", NULL, NULL, read_parked_pulls},
    {"brokerParkedSendCount", NULL, NULL, read_parked_sends},
    {"brokerKnownConsumerCount", NULL, NULL, read_consumers},
    {"brokerStoreWritable", NULL, NULL, read_writable},
};

void gauges_add(broker_t *b) {
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        metric_labels_t labels = METRIC_NO_LABELS;
        if (table[i].label != NULL) labels = (metric_labels_t){table[i].label, view_of(table[i].value), NULL, {NULL, 0}};
        metrics_gauge(b->metrics, table[i].name, labels, table[i].read, b);
    }
}

static double read_lag(void *arg) {
    group_t *g = arg;
    int64_t min = 0, next = 0, position = 0;
    (void)store_subject_bounds(group_subject(g), &min, &next);
    if (!store_group_pulled(group_progress(g), &position)) return 0;
    return (double)(next - position - 1);
}

static double read_pending(void *arg) {
    return group_pending(arg);
}

void gauges_add_group(group_t *g) {
    broker_t *b = group_broker(g);
    char name[ACTOR_NAME_SIZE];
    metric_labels_t actor = {"name", group_actor_name(g, name), NULL, {NULL, 0}};
    metrics_gauge(b->metrics, "actorQueue_qmq", actor, read_pending, g);
    metric_labels_t labels = {"subject", group_subject_name(g), "group", group_name(g)};
    metrics_gauge(b->metrics, "messageSequenceLag", labels, read_lag, g);
}

static void remove_group(void *arg, group_t *g) {
    broker_t *b = arg;
    metrics_remove_gauges(b->metrics, g);
}

void gauges_remove(broker_t *b) {
    if (b->metrics == NULL) return;
    metrics_remove_gauges(b->metrics, b);
    group_each(b, remove_group, b);
}
