#include "stores.h"

#include "store/marker.h"

#include "base/crc32.h"
#include "portability/thread.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct waited {
    mutex_t lock;
    condition_t changed;
    bool done;
} waited_t;

typedef struct waited_batch {
    store_batch_t batch; /* first */
    waited_t waited;
} waited_batch_t;

typedef struct waited_actions {
    store_action_batch_t batch; /* first */
    waited_t waited;
} waited_actions_t;

static void waited_init(waited_t *w) {
    mutex_init(&w->lock);
    condition_init(&w->changed);
    w->done = false;
}

static void waited_signal(waited_t *w) {
    mutex_lock(&w->lock);
    w->done = true;
    condition_signal(&w->changed);
    mutex_unlock(&w->lock);
}

static void waited_wait(waited_t *w) {
    mutex_lock(&w->lock);
    while (!w->done) condition_wait(&w->changed, &w->lock);
    mutex_unlock(&w->lock);
    mutex_destroy(&w->lock);
    condition_destroy(&w->changed);
}

void stored_init(stored_t *t) {
    static int number;
    memset(t, 0, sizeof *t);
    if (number == 0) {
        static char setting[1200];
        (void)snprintf(setting, sizeof setting, "QMQ_TEST_FAULTS=%s/faults", test_directory());
        CU_ASSERT_EQUAL(putenv(setting), 0); /* before the first file is opened */
        char *path = memory_printf("%s/store.log", test_directory());
        CU_ASSERT_EQUAL(log_to_file(path, 256 * 1024 * 1024, 1), APR_SUCCESS);
        memory_free(path);
    }
    t->root = memory_printf("%s/store-%d", test_directory(), number++);
    log_init(&t->log, "store");
    t->options.root = t->root;
    t->options.log = &t->log;
    t->options.min_free_bytes = 1;
    t->options.metrics = metrics_create();
}

void stored_open(stored_t *t) {
    qmq_error_t *error = NULL;
    apr_status_t status = store_open(&t->store, &t->options, &error);
    if (status != APR_SUCCESS) printf("%s: %s\n", qmq_error_message(error), qmq_error_remedy(error));
    CU_ASSERT_EQUAL_FATAL(status, APR_SUCCESS);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t->store);
    CU_ASSERT_PTR_NULL(error);
}

void stored_close(stored_t *t) {
    store_close(t->store);
    t->store = NULL;
}

void stored_crash(stored_t *t) {
    char *copy = memory_printf("%s-c", t->root);
    test_copy(t->root, copy);
    stored_close(t);
    memory_free(t->root);
    t->root = copy;
    t->options.root = copy;
}

void stored_free(stored_t *t) {
    if (t->store != NULL) stored_close(t);
    metrics_destroy(t->options.metrics);
    memory_free(t->root);
}

static void message_done(store_batch_t *b) {
    waited_signal(&((waited_batch_t *)b)->waited);
}

int64_t stored_put_status(stored_t *t, const char *subject, const void *payload, size_t size, apr_status_t *status) {
    store_message_t m = {.subject = view_of(subject), .payload = payload, .payload_size = (uint32_t)size, .crc = crc32_of(payload, size)};
    waited_batch_t w;
    memset(&w.batch, 0, sizeof w.batch);
    w.batch.messages = &m;
    w.batch.count = 1;
    w.batch.done = message_done;
    waited_init(&w.waited);
    store_append(t->store, &w.batch);
    waited_wait(&w.waited);
    if (status != NULL) *status = m.status;
    return m.status == APR_SUCCESS ? m.sequence : -1;
}

int64_t stored_put(stored_t *t, const char *subject, const char *payload) {
    return stored_put_status(t, subject, payload, strlen(payload), NULL);
}

void stored_poll(stored_t *t, const char *subject, int64_t from, int max, poll_result_t *r) {
    poll_options_t o = {.from = from, .max = max, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX, .may_block = true};
    poll_result_init(r);
    CU_ASSERT_EQUAL(store_poll(t->store, store_subject_find(t->store, view_of(subject)), &o, r), APR_SUCCESS);
}

bool stored_has(stored_t *t, const char *subject, int64_t sequence, const char *payload) {
    poll_result_t r;
    stored_poll(t, subject, sequence, 1, &r);
    bool has = r.count == 1 && r.messages[0].sequence == sequence &&
               view_equal(view_make(r.messages[0].payload.data, r.messages[0].payload.size), view_of(payload));
    poll_result_free(&r);
    return has;
}

static void actions_done(store_action_batch_t *b) {
    waited_signal(&((waited_actions_t *)b)->waited);
}

apr_status_t stored_action(stored_t *t, store_action_t action) {
    waited_actions_t w;
    memset(&w.batch, 0, sizeof w.batch);
    w.batch.actions = &action;
    w.batch.count = 1;
    w.batch.done = actions_done;
    waited_init(&w.waited);
    store_append_actions(t->store, &w.batch);
    waited_wait(&w.waited);
    return w.batch.status;
}

apr_status_t stored_pull(stored_t *t, const char *subject, const char *group, const char *consumer, int64_t first, int64_t last,
                         int64_t message) {
    store_group_t *g = store_group_get(t->store, view_of(subject), view_of(group));
    return stored_action(
        t, (store_action_t){ACTION_PULL, g, view_of(consumer), 1700000000100, false, first, last, message, message + last - first});
}

apr_status_t stored_ack(stored_t *t, const char *subject, const char *group, const char *consumer, int64_t first, int64_t last) {
    store_group_t *g = store_group_get(t->store, view_of(subject), view_of(group));
    return stored_action(t, (store_action_t){ACTION_RANGE_ACK, g, view_of(consumer), 1700000000101, false, first, last, 0, 0});
}

int64_t stored_counter(const stored_t *t, const char *name, const char *subject) {
    metric_labels_t labels = {subject == NULL ? NULL : "subject", view_of(subject), NULL, {NULL, 0}};
    return metric_value(metrics_counter(t->options.metrics, name, labels));
}

char *stored_path(const stored_t *t, const char *name) {
    return memory_printf("%s/%s", t->root, name);
}

uint8_t *stored_read(const stored_t *t, const char *name, size_t *size) {
    char *path = stored_path(t, name), *text = NULL;
    apr_status_t status = file_read_all(path, 1u << 30, &text, size);
    memory_free(path);
    return status == APR_SUCCESS ? (uint8_t *)text : NULL;
}

static file_t *open_file(const stored_t *t, const char *name, int flags) {
    file_t *f = NULL;
    char *path = stored_path(t, name);
    CU_ASSERT_EQUAL_FATAL(file_open(&f, path, IO_READ | IO_WRITE | flags), APR_SUCCESS);
    memory_free(path);
    return f;
}

void stored_write(const stored_t *t, const char *name, const void *data, size_t size) {
    file_t *f = open_file(t, name, IO_CREATE | IO_TRUNCATE);
    CU_ASSERT_EQUAL_FATAL(file_write_at(f, data, size, 0), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
}

void stored_patch(const stored_t *t, const char *name, int64_t offset, const void *data, size_t size) {
    file_t *f = open_file(t, name, 0);
    CU_ASSERT_EQUAL_FATAL(file_write_at(f, data, size, offset), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
}

void stored_truncate(const stored_t *t, const char *name, int64_t size) {
    file_t *f = open_file(t, name, 0);
    CU_ASSERT_EQUAL_FATAL(file_truncate(f, size), APR_SUCCESS);
    CU_ASSERT_EQUAL(file_close(f), APR_SUCCESS);
}

void stored_remove(const stored_t *t, const char *name) {
    char *path = stored_path(t, name);
    test_remove(path);
    memory_free(path);
}

void stored_forget(const stored_t *t, bool index) {
    static const char *const directories[] = {"checkpoint", "pulllog_smt"};
    stored_remove(t, MARKER_NAME);
    if (index) stored_remove(t, "consumerlog");
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        char *path = stored_path(t, directories[i]);
        test_remove(path);
        CU_ASSERT_EQUAL(directory_create(path), APR_SUCCESS);
        memory_free(path);
    }
}

bool stored_exists(const stored_t *t, const char *name) {
    path_info_t info;
    char *path = stored_path(t, name);
    apr_status_t status = path_inspect(path, &info);
    memory_free(path);
    return status == APR_SUCCESS && info.kind != PATH_MISSING;
}
