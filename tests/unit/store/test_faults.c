#include "base/crc32.h"
#include "portability/thread.h"
#include "stores.h"
#include "suites.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALL 2048

typedef struct watched {
    stored_t t;
    _Atomic int calls;
    _Atomic bool writable;
    bool wanted;
} watched_t;

static void on_writable(void *arg, bool writable, const char *reason) {
    watched_t *w = arg;
    CU_ASSERT_TRUE(writable || strlen(reason) > 0);
    atomic_store(&w->writable, writable);
    atomic_fetch_add(&w->calls, 1);
}

static void watched_init(watched_t *w) {
    memset(w, 0, sizeof *w);
    stored_init(&w->t);
    w->t.options.writable = on_writable;
    w->t.options.arg = w;
    atomic_init(&w->writable, true);
}

static bool has_state(void *arg) {
    watched_t *w = arg;
    return store_is_writable(w->t.store, NULL) == w->wanted && atomic_load(&w->writable) == w->wanted;
}

static bool wait_for(watched_t *w, bool wanted) {
    w->wanted = wanted;
    return test_wait(has_state, w, 20);
}

/* A write that fails in its middle leaves nothing: not in memory, not after a restart; the place is used again. */
static void storage_68_failed_write_leaves_nothing(void) {
    static const char *const rules[] = {"write 1 EIO path=messagelog\n", "write 1 EIO short path=messagelog\n",
                                        "write 1 EIO short path=messagelog\nwrite 2 EIO path=messagelog\n"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        stored_t t;
        apr_status_t status = APR_SUCCESS;
        stored_init(&t);
        stored_open(&t);
        CU_ASSERT_EQUAL(stored_put(&t, "s", "first"), 0);
        int64_t end = store_message_end(t.store);
        if (!test_faults(rules[i])) {
            stored_free(&t);
            return;
        }
        static char payload[2000];
        memset(payload, 'l', sizeof payload);
        CU_ASSERT_EQUAL(stored_put_status(&t, "s", payload, sizeof payload, &status), -1);
        CU_ASSERT_TRUE(test_faults(""));
        CU_ASSERT_TRUE(APR_STATUS_IS_EGENERAL(status) || status == APR_FROM_OS_ERROR(5));
        CU_ASSERT_EQUAL(store_message_end(t.store), end);
        CU_ASSERT_TRUE(store_is_writable(t.store, NULL));
        poll_result_t r;
        stored_poll(&t, "s", 0, 10, &r);
        CU_ASSERT_EQUAL(r.count, 1);
        poll_result_free(&r);
        CU_ASSERT_EQUAL(stored_put(&t, "u", "v"), 0); /* shorter than what failed */
        CU_ASSERT_EQUAL(stored_put(&t, "s", "next"), 1);
        end = store_message_end(t.store);
        stored_crash(&t);
        stored_open(&t);
        CU_ASSERT_EQUAL(store_message_end(t.store), end);
        CU_ASSERT_TRUE(stored_has(&t, "s", 1, "next"));
        store_figures_t figures;
        store_figures(t.store, &figures);
        CU_ASSERT_EQUAL(figures.truncated_bytes, 0);
        CU_ASSERT_EQUAL(stored_put(&t, "s", "last"), 2);
        stored_free(&t);
    }
}

/* As long as the place cannot be cleaned either, nothing is appended. */
static void storage_68_disk_that_stays_broken(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_put(&t, "s", "first"), 0);
    if (test_faults("write 1+ EIO short path=messagelog\n")) {
        for (int i = 0; i < 5; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "refused"), -1);
        CU_ASSERT_TRUE(test_faults(""));
        CU_ASSERT_EQUAL(stored_put(&t, "s", "second"), 1);
        CU_ASSERT_TRUE(stored_has(&t, "s", 1, "second"));
    }
    stored_free(&t);
}

typedef struct many {
    store_batch_t batch; /* first */
    store_message_t messages[200];
    mutex_t lock;
    condition_t changed;
    bool done;
} many_t;

static void many_done(store_batch_t *b) {
    many_t *m = (many_t *)b;
    mutex_lock(&m->lock);
    m->done = true;
    condition_signal(&m->changed);
    mutex_unlock(&m->lock);
}

static void put_many(stored_t *t, many_t *m) {
    static const uint8_t payload[100] = {1, 2, 3};
    memset(m, 0, sizeof *m);
    mutex_init(&m->lock);
    condition_init(&m->changed);
    m->batch.messages = m->messages;
    m->batch.count = 200;
    m->batch.done = many_done;
    for (int i = 0; i < 200; i++) {
        m->messages[i] = (store_message_t){
            .subject = view_of(i % 2 ? "a" : "b"), .payload = payload, .payload_size = 100, .crc = crc32_of(payload, 100)};
    }
    store_append(t->store, &m->batch);
    mutex_lock(&m->lock);
    while (!m->done) condition_wait(&m->changed, &m->lock);
    mutex_unlock(&m->lock);
    mutex_destroy(&m->lock);
    condition_destroy(&m->changed);
}

/* One batch over many segments, of which a later one fails: none of it is there. */
static void storage_68_batch_over_segments_fails_as_a_whole(void) {
    static const char *const rules[] = {"write 1 ENOSPC path=messagelog/00000000000000006144\n",
                                        "open 1 EMFILE path=messagelog/00000000000000008192\n",
                                        "preallocate 1+ ENOSPC path=messagelog/00000000000000010240\n"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        stored_t t;
        many_t *m = memory_alloc(sizeof *m);
        stored_init(&t);
        t.options.message_segment_size = SMALL;
        stored_open(&t);
        CU_ASSERT_EQUAL(stored_put(&t, "a", "first"), 0);
        int64_t end = store_message_end(t.store);
        if (test_faults(rules[i])) {
            put_many(&t, m);
            CU_ASSERT_TRUE(test_faults(""));
            for (int k = 0; k < 200; k++) {
                CU_ASSERT_NOT_EQUAL(m->messages[k].status, APR_SUCCESS);
                CU_ASSERT_PTR_NULL(m->messages[k].subject_handle);
            }
            CU_ASSERT_EQUAL(m->batch.end_offset, end);
            CU_ASSERT_EQUAL(store_message_end(t.store), end);
            stored_crash(&t);
            stored_open(&t);
            CU_ASSERT_EQUAL(store_message_end(t.store), end);
            put_many(&t, m);
            CU_ASSERT_EQUAL(m->messages[199].sequence, 100);
            CU_ASSERT_EQUAL(m->messages[198].sequence, 99);
            CU_ASSERT_EQUAL(m->batch.end_offset, store_message_end(t.store));
            stored_close(&t);
            stored_open(&t);
            poll_result_t r;
            stored_poll(&t, "a", 0, 1000, &r);
            CU_ASSERT_EQUAL(r.count, 101);
            poll_result_free(&r);
        }
        memory_free(m);
        stored_free(&t);
    }
}

static void storage_68_full_disk_is_read_only_and_comes_back(void) {
    static const char *const rules[] = {"write 1+ ENOSPC path=messagelog\n", "preallocate 1+ ENOSPC path=messagelog\n"};
    static char big[300000];
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        watched_t w;
        const char *reason = NULL;
        apr_status_t status = APR_SUCCESS;
        watched_init(&w);
        stored_open(&w.t);
        CU_ASSERT_EQUAL(stored_put(&w.t, "s", "first"), 0);
        if (test_faults(rules[i])) {
            memset(big, 'b', sizeof big);
            CU_ASSERT_EQUAL(stored_put_status(&w.t, "s", big, sizeof big, &status), -1); /* more than is reserved */
            CU_ASSERT_TRUE(APR_STATUS_IS_ENOSPC(status));
            CU_ASSERT_FALSE(store_is_writable(w.t.store, &reason));
            CU_ASSERT_STRING_EQUAL(reason, "the disk is full");
            CU_ASSERT_TRUE(wait_for(&w, false));
            CU_ASSERT_EQUAL(stored_put_status(&w.t, "s", "x", 1, &status), -1);
            CU_ASSERT_EQUAL(status, QMQ_E_READONLY);
            CU_ASSERT_TRUE(stored_has(&w.t, "s", 0, "first"));
            CU_ASSERT_EQUAL(stored_pull(&w.t, "s", "g", "c", 0, 0, 0), APR_SUCCESS);
            CU_ASSERT_EQUAL(stored_ack(&w.t, "s", "g", "c", 0, 0), APR_SUCCESS);
            CU_ASSERT_TRUE(test_faults(""));
            CU_ASSERT_TRUE(wait_for(&w, true));
            CU_ASSERT_EQUAL(atomic_load(&w.calls), 2);
            CU_ASSERT_EQUAL(stored_put(&w.t, "s", "second"), 1);
        }
        stored_free(&w.t);
    }
}

static void storage_68_little_free_space_is_read_only(void) {
    watched_t w;
    apr_status_t status = APR_SUCCESS;
    watched_init(&w);
    w.t.options.min_free_bytes = (int64_t)1 << 60;
    stored_open(&w.t);
    CU_ASSERT_FALSE(store_is_writable(w.t.store, NULL));
    CU_ASSERT_TRUE(wait_for(&w, false));
    CU_ASSERT_EQUAL(stored_put_status(&w.t, "s", "x", 1, &status), -1);
    CU_ASSERT_EQUAL(status, QMQ_E_READONLY);
    CU_ASSERT_EQUAL(stored_pull(&w.t, "s", "g", "c", 0, 0, 0), APR_SUCCESS);
    stored_free(&w.t);
}

/* Pulls and acks live on what was reserved: at least 1 MiB, nothing of which needs a new block. */
static void action_log_has_room_in_reserve(void) {
    enum { COUNT = 2000 };
    static char id[500];
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    memset(id, 'c', sizeof id - 1);
    if (test_faults("preallocate 1+ ENOSPC path=actionlog\n")) {
        for (int i = 0; i < COUNT; i++) CU_ASSERT_EQUAL_FATAL(stored_pull(&t, "s", "g", id, i, i, i), APR_SUCCESS);
        CU_ASSERT_TRUE(store_action_end(t.store) > 1024 * 1024);
        apr_status_t status = APR_SUCCESS;
        for (int i = COUNT; status == APR_SUCCESS && i < 10 * COUNT; i++) status = stored_pull(&t, "s", "g", id, i, i, i);
        CU_ASSERT_TRUE(APR_STATUS_IS_ENOSPC(status)); /* used up */
        int64_t pulled = 0;
        CU_ASSERT_TRUE(store_group_pulled(store_group_find(t.store, view_of("s"), view_of("g")), &pulled));
        CU_ASSERT_TRUE(test_faults(""));
        CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", id, pulled + 1, pulled + 1, pulled + 1), APR_SUCCESS);
    }
    stored_free(&t);
}

static void failed_action_write_changes_nothing(void) {
    stored_t t;
    stored_init(&t);
    stored_open(&t);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 4, 0), APR_SUCCESS);
    int64_t end = store_action_end(t.store), pulled = 0, pull = 0, ack = 0;
    if (test_faults("write 1 EIO short path=actionlog\n")) {
        CU_ASSERT_NOT_EQUAL(stored_pull(&t, "s", "g", "c", 5, 9, 5), APR_SUCCESS);
        CU_ASSERT_TRUE(test_faults(""));
        store_group_t *g = store_group_find(t.store, view_of("s"), view_of("g"));
        CU_ASSERT_TRUE(store_group_pulled(g, &pulled) && store_consumer_position(g, view_of("c"), &pull, &ack));
        CU_ASSERT_EQUAL(pulled, 4);
        CU_ASSERT_EQUAL(pull, 4);
        CU_ASSERT_EQUAL(store_pull_lookup(g, view_of("c"), 7), -1);
        CU_ASSERT_EQUAL(store_action_end(t.store), end);
        CU_ASSERT_EQUAL(stored_ack(&t, "s", "g", "c", 0, 1), APR_SUCCESS);
        stored_crash(&t);
        stored_open(&t);
        g = store_group_find(t.store, view_of("s"), view_of("g"));
        CU_ASSERT_TRUE(store_consumer_position(g, view_of("c"), &pull, &ack));
        CU_ASSERT_EQUAL(pull, 4);
        CU_ASSERT_EQUAL(ack, 1);
    }
    stored_free(&t);
}

/* A later success would prove nothing about the lost pages (design rule 4). */
static void failed_sync_is_for_good(void) {
    static const char *const rules[] = {"sync 1 EIO path=messagelog\n", "sync 1 EIO path=actionlog\n"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        watched_t w;
        const char *reason = NULL;
        apr_status_t status = APR_SUCCESS;
        store_figures_t figures;
        watched_init(&w);
        w.t.options.sync_period_us = 3600 * (int64_t)1000000;
        stored_open(&w.t);
        CU_ASSERT_EQUAL(stored_put(&w.t, "s", "first"), 0);
        CU_ASSERT_EQUAL(stored_pull(&w.t, "s", "g", "c", 0, 0, 0), APR_SUCCESS);
        if (test_faults(rules[i])) {
            CU_ASSERT_NOT_EQUAL(store_sync(w.t.store), APR_SUCCESS);
            CU_ASSERT_TRUE(test_faults(""));
            CU_ASSERT_TRUE(wait_for(&w, false));
            CU_ASSERT_FALSE(store_is_writable(w.t.store, &reason));
            CU_ASSERT_STRING_EQUAL(reason, "a data sync failed");
            CU_ASSERT_EQUAL(stored_put_status(&w.t, "s", "x", 1, &status), -1);
            CU_ASSERT_EQUAL(status, QMQ_E_READONLY);
            CU_ASSERT_EQUAL(stored_pull(&w.t, "s", "g", "c", 1, 1, 1), QMQ_E_READONLY);
            CU_ASSERT_NOT_EQUAL(store_sync(w.t.store), APR_SUCCESS);
            store_figures(w.t.store, &figures);
            CU_ASSERT_FALSE(figures.writable);
            CU_ASSERT_EQUAL(i == 0 ? figures.message_synced : figures.action_synced, 0);
            CU_ASSERT_TRUE(stored_has(&w.t, "s", 0, "first"));
            stored_close(&w.t);
            stored_open(&w.t);
            CU_ASSERT_EQUAL(stored_put(&w.t, "s", "second"), 1);
        }
        stored_free(&w.t);
    }
}

static void sync_covers_both_logs(void) {
    stored_t t;
    store_figures_t figures;
    stored_init(&t);
    t.options.message_segment_size = SMALL;
    t.options.sync_period_us = 3600 * (int64_t)1000000;
    stored_open(&t);
    for (int i = 0; i < 200; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "a message to sync"), i);
    CU_ASSERT_EQUAL(stored_pull(&t, "s", "g", "c", 0, 0, 0), APR_SUCCESS);
    store_figures(t.store, &figures);
    CU_ASSERT_EQUAL(figures.message_synced, 0);
    CU_ASSERT_EQUAL(store_sync(t.store), APR_SUCCESS);
    store_figures(t.store, &figures);
    CU_ASSERT_EQUAL(figures.message_synced, figures.message_end);
    CU_ASSERT_EQUAL(figures.action_synced, figures.action_end);
    stored_free(&t);
}

/* No segment is silently left out (storage.md 3.6). */
static void storage_68_open_error_fails_the_start(void) {
    static const char *const rules[] = {"open 1 EMFILE path=messagelog/0\n", "open 1 EACCES path=actionlog/0\n",
                                        "read 1+ EIO path=messagelog/0\n"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        stored_t t;
        qmq_error_t *error = NULL;
        stored_init(&t);
        stored_open(&t);
        CU_ASSERT_EQUAL(stored_put(&t, "s", "first"), 0);
        stored_close(&t);
        if (test_faults(rules[i])) {
            CU_ASSERT_NOT_EQUAL(store_open(&t.store, &t.options, &error), APR_SUCCESS);
            CU_ASSERT_TRUE(test_faults(""));
            CU_ASSERT_PTR_NULL(t.store);
            CU_ASSERT_PTR_NOT_NULL_FATAL(error);
            CU_ASSERT_PTR_NOT_NULL(strstr(qmq_error_message(error), "/00000000000000000000"));
            CU_ASSERT_TRUE(strlen(qmq_error_remedy(error)) > 0);
            qmq_error_free(error);
        }
        stored_open(&t);
        CU_ASSERT_TRUE(stored_has(&t, "s", 0, "first"));
        stored_free(&t);
    }
}

static void unreadable_sector_in_an_older_segment_is_passed(void) {
    stored_t t;
    stored_init(&t);
    t.options.message_segment_size = 65536;
    stored_open(&t);
    static char payload[3000];
    memset(payload, 'p', sizeof payload);
    for (int i = 0; i < 100; i++) CU_ASSERT_EQUAL(stored_put_status(&t, "s", payload, sizeof payload, NULL), i);
    stored_close(&t);
    /* The reads of the first segment: is it empty, the window, and then page by page. */
    if (test_faults("read 2 EIO path=messagelog/00000000000000000000\nread 5 EIO path=messagelog/00000000000000000000\n")) {
        stored_open(&t);
        CU_ASSERT_TRUE(test_faults(""));
        int64_t min = 0, next = 0;
        CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(t.store, view_of("s")), &min, &next));
        CU_ASSERT_EQUAL(next, 100);
        poll_result_t r;
        stored_poll(&t, "s", 50, 100, &r);
        CU_ASSERT_EQUAL(r.count, 50);
        poll_result_free(&r);
    }
    stored_free(&t);
}

static bool index_is_written(void *arg) {
    stored_t *t = arg;
    size_t size = 0;
    uint8_t *file = stored_read(t, "consumerlog/s/00000000000000000000", &size);
    memory_free(file);
    return file != NULL && size == 5 * 22;
}

static void consumer_log_that_cannot_be_written_stays_in_memory(void) {
    stored_t t;
    stored_init(&t);
    t.options.index_period_us = 20000;
    t.options.sync_period_us = 10000;
    stored_open(&t);
    if (test_faults("open 1+ ENOSPC path=consumerlog/s/\n")) {
        for (int i = 0; i < 5; i++) CU_ASSERT_EQUAL(stored_put(&t, "s", "x"), i);
        thread_sleep_us(200000); /* some passes that fail */
        for (int i = 0; i < 5; i++) CU_ASSERT_TRUE(stored_has(&t, "s", i, "x"));
        CU_ASSERT_TRUE(test_faults(""));
        CU_ASSERT_TRUE(test_wait(index_is_written, &t, 20));
        CU_ASSERT_TRUE(stored_has(&t, "s", 4, "x"));
    }
    stored_free(&t);
}

const test_case_t faults_cases[] = {TEST(storage_68_failed_write_leaves_nothing),
                                    TEST(storage_68_disk_that_stays_broken),
                                    TEST(storage_68_batch_over_segments_fails_as_a_whole),
                                    TEST(storage_68_full_disk_is_read_only_and_comes_back),
                                    TEST(storage_68_little_free_space_is_read_only),
                                    TEST(action_log_has_room_in_reserve),
                                    TEST(failed_action_write_changes_nothing),
                                    TEST(failed_sync_is_for_good),
                                    TEST(sync_covers_both_logs),
                                    TEST(storage_68_open_error_fails_the_start),
                                    TEST(unreadable_sector_in_an_older_segment_is_passed),
                                    TEST(consumer_log_that_cannot_be_written_stays_in_memory),
                                    TEST_END};
