#include "site.h"

#include "broker/group.h"
#include "broker/peer.h"
#include "broker/waiters.h"
#include "portability/file.h"
#include "portability/host.h"
#include "store/message_record.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_FRAME (256 * 1024 * 1024)

static void first_site(void) {
    static char setting[1200];
    if (setting[0] != 0) return;
    (void)snprintf(setting, sizeof setting, "QMQ_TEST_FAULTS=%s/faults", test_directory());
    CU_ASSERT_EQUAL(putenv(setting), 0); /* before the first file is opened */
    char *path = memory_printf("%s/broker.log", test_directory());
    CU_ASSERT_EQUAL(log_to_file(path, 256 * 1024 * 1024, 1), APR_SUCCESS);
    memory_free(path);
}

void site_init(site_t *s) {
    static int number;
    first_site();
    memset(s, 0, sizeof *s);
    s->root = memory_printf("%s/store-%d", test_directory(), number++);
    log_init(&s->log, "broker");
    s->loops = 2;
    s->settings.reject_illegal_subject = true;
    s->settings.pull_answer_max_bytes = 64 * 1024 * 1024;
    s->settings.max_parked_pulls = 100000;
    s->settings.retry_delay_ms = 0;
    s->settings.retry_move_rate = 1e6;
    s->settings.skip_check_while_offline = true;
    s->store.root = s->root;
    s->store.log = &s->log;
    s->store.min_free_bytes = 1;
}

void site_start(site_t *s) {
    broker_t *b = &s->broker;
    memset(b, 0, sizeof *b);
    b->log = &s->log;
    b->metrics = s->store.metrics = s->metrics;
    b->invalid_messages = metrics_counter(s->metrics, "brokerReceivedInvalidMessage", METRIC_NO_LABELS);
    slave_wait_init(&b->slave_wait);
    b->request_time = metrics_timer(s->metrics, "nettyRequestExecutorExecute", METRIC_NO_LABELS);
    atomic_store(&b->settings, &s->settings);
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(traffic_open(b, s->loops, &error), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(store_open(&b->store, &s->store, &error), APR_SUCCESS);
    net_server_options_t o = {.name = "broker.port",
                              .address = "127.0.0.1",
                              .commands = broker_client_commands,
                              .arg = b,
                              .opened = peer_opened,
                              .closed = peer_closed,
                              .max_frame = MAX_FRAME,
                              .max_unsent = 8 * 1024 * 1024,
                              .max_connections = 1000,
                              .log = &s->log};
    CU_ASSERT_EQUAL_FATAL(net_server_start(&b->client_port, b->loops, &o, &error), APR_SUCCESS);
    s->port = net_server_port(b->client_port);
}

void site_stop(site_t *s) {
    broker_t *b = &s->broker;
    atomic_store(&b->read_only, true);
    traffic_close(b);
    CU_ASSERT_EQUAL(atomic_load(&b->parked_pulls), 0);
    CU_ASSERT_EQUAL(atomic_load(&b->posted), 0);
    group_free_all(b);
    waiters_free_all(b);
    store_close(b->store);
    b->store = NULL;
}

void site_restart(site_t *s) {
    site_stop(s);
    site_start(s);
}

void site_free(site_t *s) {
    if (s->broker.store != NULL) site_stop(s);
    metrics_destroy(s->metrics);
    memory_free(s->root);
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWER 4
#else
#define SLOWER 1
#endif

int site_repetitions(int plain) {
    const char *times = process_environment("QMQ_TEST_SLOWER");
    return plain / SLOWER / (times == NULL || atoi(times) < 1 ? 1 : atoi(times));
}

void site_position(site_t *s, const char *subject, const char *group, const char *consumer, int64_t *pull_sequence, int64_t *ack_sequence) {
    *pull_sequence = *ack_sequence = -1;
    store_group_t *g = store_group_find(s->broker.store, view_of(subject), view_of(group));
    if (g != NULL) (void)store_consumer_position(g, view_of(consumer), pull_sequence, ack_sequence);
}

int64_t site_counter(site_t *s, const char *name, const char *subject, const char *group) {
    metric_labels_t labels = METRIC_NO_LABELS;
    if (subject != NULL) labels = (metric_labels_t){"subject", view_of(subject), group == NULL ? NULL : "group", view_of(group)};
    return metric_value(metrics_counter(s->metrics, name, labels));
}

int64_t site_pulled(site_t *s, const char *subject, const char *group) {
    store_group_t *g = store_group_find(s->broker.store, view_of(subject), view_of(group));
    int64_t pulled = -1;
    return g != NULL && store_group_pulled(g, &pulled) ? pulled : -2;
}

int64_t site_messages(site_t *s, const char *subject) {
    int64_t min = 0, next = 0;
    store_subject_t *found = store_subject_find(s->broker.store, view_of(subject));
    return found != NULL && store_subject_bounds(found, &min, &next) ? next : 0;
}

static size_t find(const char *text, size_t size, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= size; i++) {
        if (memcmp(text + i, word, length) == 0) return i;
    }
    return SIZE_MAX;
}

void site_spoil(site_t *s, const char *subject, const char *id) {
    char *path = memory_printf("%s/messagelog/00000000000000000000", s->root), *text = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(file_read_all(path, (size_t)1 << 31, &text, &size), APR_SUCCESS);
    size_t at = find(text, size, id);
    CU_ASSERT_NOT_EQUAL_FATAL(at, SIZE_MAX);
    size_t before = 1 + 8 + 8 + 2 + strlen(subject) + 2 + MESSAGE_HEADER_FIXED + strlen(subject);
    file_t *f = NULL;
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_READ | IO_WRITE), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_write_at(f, "\xff\xff\xff\xff", 4, (int64_t)(at - before)), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
    memory_free(text);
    memory_free(path);
}

typedef struct wanted {
    site_t *site;
    int pulls;
} wanted_t;

static bool holds(void *arg) {
    wanted_t *w = arg;
    return atomic_load(&w->site->broker.parked_pulls) == w->pulls;
}

bool site_holds(site_t *s, int pulls) {
    wanted_t w = {s, pulls};
    return test_wait(holds, &w, 20);
}
