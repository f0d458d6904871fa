#include "base/crc32.h"
#include "portability/thread.h"
#include "store/append_ring.h"
#include "store/message_replay.h"
#include "stores.h"
#include "suites.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define WRITERS 4
#define SUBJECTS 100
#define BATCHES 250
#define BATCH 10
/* Of each subject: all messages spread evenly. */
#define PER_SUBJECT (WRITERS * BATCHES * BATCH / SUBJECTS)

typedef struct load {
    stored_t t;
    thread_t *threads[WRITERS + 2];
    _Atomic bool writing;
    _Atomic int64_t acknowledged;
    _Atomic int failures;
    _Atomic int visible_too_late;
} load_t;

typedef struct writer_job {
    load_t *load;
    int number;
} writer_job_t;

typedef struct slot {
    store_batch_t batch; /* first */
    store_message_t messages[BATCH];
    char payloads[BATCH][48];
    char subjects[BATCH][16];
    struct lane *lane;
    int order;
} slot_t;

/* What one thread has in flight: batches complete in the order it appended them. */
typedef struct lane {
    load_t *load;
    mutex_t lock;
    condition_t changed;
    int completed;
} lane_t;

static void slot_done(store_batch_t *b) {
    slot_t *s = (slot_t *)b;
    lane_t *lane = s->lane;
    load_t *load = lane->load;
    for (size_t i = 0; i < b->count; i++) {
        int64_t min = 0, next = 0;
        if (b->messages[i].status != APR_SUCCESS) {
            atomic_fetch_add(&load->failures, 1);
        } else if (!store_subject_bounds(b->messages[i].subject_handle, &min, &next) || next <= b->messages[i].sequence) {
            atomic_fetch_add(&load->visible_too_late, 1);
        }
    }
    if (store_message_end(load->t.store) < b->end_offset) atomic_fetch_add(&load->visible_too_late, 1);
    atomic_fetch_add(&load->acknowledged, (int64_t)b->count);
    mutex_lock(&lane->lock);
    if (s->order != lane->completed) atomic_fetch_add(&load->failures, 1);
    lane->completed++;
    condition_signal(&lane->changed);
    mutex_unlock(&lane->lock);
}

static void fill_slot(slot_t *s, lane_t *lane, int writer, int order) {
    s->lane = lane;
    s->order = order;
    s->batch = (store_batch_t){.messages = s->messages, .count = BATCH, .done = slot_done};
    for (int i = 0; i < BATCH; i++) {
        int number = (order * BATCH + i) * WRITERS + writer;
        snprintf(s->subjects[i], sizeof s->subjects[i], "subject-%d", number % SUBJECTS);
        int size = snprintf(s->payloads[i], sizeof s->payloads[i], "%d-%d-%d", number, writer, order);
        s->messages[i] = (store_message_t){.subject = view_of(s->subjects[i]),
                                           .payload = (const uint8_t *)s->payloads[i],
                                           .payload_size = (uint32_t)size,
                                           .crc = crc32_of(s->payloads[i], (size_t)size)};
    }
}

/* Four batches in flight at a time. */
static void write_load(void *arg) {
    writer_job_t *job = arg;
    enum { WINDOW = 4 };
    slot_t *slots = memory_zalloc(WINDOW * sizeof *slots);
    lane_t lane = {.load = job->load};
    mutex_init(&lane.lock);
    condition_init(&lane.changed);
    for (int i = 0; i < BATCHES; i++) {
        mutex_lock(&lane.lock);
        while (i - lane.completed >= WINDOW) condition_wait(&lane.changed, &lane.lock);
        mutex_unlock(&lane.lock);
        fill_slot(&slots[i % WINDOW], &lane, job->number, i);
        store_append(job->load->t.store, &slots[i % WINDOW].batch);
    }
    mutex_lock(&lane.lock);
    while (lane.completed < BATCHES) condition_wait(&lane.changed, &lane.lock);
    mutex_unlock(&lane.lock);
    mutex_destroy(&lane.lock);
    condition_destroy(&lane.changed);
    memory_free(slots);
}

/* Follows all subjects while they grow; every message is there once and in order. */
static void read_load(void *arg) {
    load_t *load = arg;
    int64_t next[SUBJECTS] = {0};
    poll_result_t r;
    poll_result_init(&r);
    for (bool last = false; !last;) {
        last = !atomic_load(&load->writing);
        for (int i = 0; i < SUBJECTS; i++) {
            char name[16];
            snprintf(name, sizeof name, "subject-%d", i);
            store_subject_t *s = store_subject_find(load->t.store, view_of(name));
            poll_options_t o = {.from = next[i], .max = 50, .max_bytes = SIZE_MAX, .entries_before_ms = INT64_MAX, .may_block = true};
            if (s == NULL || store_poll(load->t.store, s, &o, &r) != APR_SUCCESS) continue;
            for (size_t k = 0; k < r.count; k++) {
                if (r.messages[k].sequence != next[i] + (int64_t)k) atomic_fetch_add(&load->failures, 1);
                if (atoi((const char *)r.messages[k].payload.data) % SUBJECTS != i) atomic_fetch_add(&load->failures, 1);
            }
            if (r.count > 0) {
                next[i] = r.next_begin;
                last = false;
            }
        }
    }
    for (int i = 0; i < SUBJECTS; i++) {
        if (next[i] != PER_SUBJECT) atomic_fetch_add(&load->failures, 1);
    }
    poll_result_free(&r);
}

/* Inserts names nobody else uses, so that the tables grow under the readers. */
static void name_load(void *arg) {
    load_t *load = arg;
    for (int i = 0; atomic_load(&load->writing) && i < 20000; i++) {
        char name[24];
        snprintf(name, sizeof name, "waited-%d", i);
        store_subject_t *s = store_subject_get(load->t.store, view_of(name));
        if (s == NULL || store_subject_find(load->t.store, view_of(name)) != s) atomic_fetch_add(&load->failures, 1);
        if (store_group_get(load->t.store, view_of(name), view_of("g")) == NULL) atomic_fetch_add(&load->failures, 1);
    }
}

/* Sequences of a subject grow by one from record to record of the log. */
static bool check_order(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    int64_t *next = arg;
    (void)offset;
    char name[16] = {0};
    CU_ASSERT_FALSE(hole);
    CU_ASSERT_TRUE_FATAL(record->subject.size < sizeof name);
    memcpy(name, record->subject.data, record->subject.size);
    int subject = atoi(name + strlen("subject-"));
    CU_ASSERT_EQUAL_FATAL(record->sequence, next[subject]);
    next[subject]++;
    return true;
}

static void no_progress(void *arg, int64_t offset) {
    (void)arg, (void)offset;
}

static void check_log_order(const load_t *load) {
    int64_t next[SUBJECTS] = {0}, skipped = 0;
    segmented_log_t l;
    qmq_error_t *error = NULL;
    CU_ASSERT_EQUAL_FATAL(segmented_log_open(&l, "message log", stored_path(&load->t, "messagelog"), load->t.options.message_segment_size,
                                             &load->t.log, &error),
                          APR_SUCCESS);
    segmented_log_publish(&l, INT64_MAX); /* all there is: unused room at the end reads as damage, which is skipped */
    message_visitor_t visitor = {.visit = check_order, .progress = no_progress, .arg = next};
    CU_ASSERT_EQUAL(message_replay(&l, 0, &visitor, &skipped), APR_SUCCESS);
    for (int i = 0; i < SUBJECTS; i++) CU_ASSERT_EQUAL(next[i], PER_SUBJECT);
    segmented_log_close(&l);
}

static void start_load(load_t *load, writer_job_t *jobs) {
    atomic_store(&load->writing, true);
    for (int i = 0; i < WRITERS; i++) {
        jobs[i] = (writer_job_t){load, i};
        CU_ASSERT_EQUAL_FATAL(thread_start(&load->threads[i], "writer", write_load, &jobs[i]), APR_SUCCESS);
    }
}

static void storage_9_sequences_are_dense_under_concurrent_producers(void) {
    static const int64_t hot_windows[] = {0, 4096};
    for (int round = 0; round < 2; round++) {
        load_t *load = memory_zalloc(sizeof *load);
        writer_job_t jobs[WRITERS];
        stored_init(&load->t);
        load->t.options.message_segment_size = 128 * 1024;
        load->t.options.hot_window = hot_windows[round];
        load->t.options.index_period_us = 5000;
        load->t.options.sync_period_us = 2000;
        load->t.options.max_open_files = 10;
        stored_open(&load->t);
        start_load(load, jobs);
        CU_ASSERT_EQUAL_FATAL(thread_start(&load->threads[WRITERS], "reader", read_load, load), APR_SUCCESS);
        CU_ASSERT_EQUAL_FATAL(thread_start(&load->threads[WRITERS + 1], "names", name_load, load), APR_SUCCESS);
        for (int i = 0; i < WRITERS; i++) thread_join(load->threads[i]);
        atomic_store(&load->writing, false);
        thread_join(load->threads[WRITERS]);
        thread_join(load->threads[WRITERS + 1]);
        CU_ASSERT_EQUAL(atomic_load(&load->failures), 0);
        CU_ASSERT_EQUAL(atomic_load(&load->visible_too_late), 0);
        CU_ASSERT_EQUAL(atomic_load(&load->acknowledged), WRITERS * BATCHES * BATCH);
        stored_close(&load->t);
        check_log_order(load);
        stored_open(&load->t);
        int64_t min = 0, next = 0;
        CU_ASSERT_TRUE(store_subject_bounds(store_subject_find(load->t.store, view_of("subject-7")), &min, &next));
        CU_ASSERT_EQUAL(next, PER_SUBJECT);
        stored_free(&load->t);
        memory_free(load);
    }
}

/* Copies of the directory, taken while it is written, are what a crash leaves at best and worse: the files are from different moments. */
static void check_copy(load_t *load, int number) {
    stored_t copy = load->t;
    int64_t acknowledged = atomic_load(&load->acknowledged), found = 0;
    copy.store = NULL;
    copy.root = memory_printf("%s-copy-%d", load->t.root, number);
    copy.options.root = copy.root;
    copy.options.metrics = metrics_create();
    static const char *const logs[] = {"consumerlog", "actionlog", "messagelog"};
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++) {
        char *from = stored_path(&load->t, logs[i]), *to = stored_path(&copy, logs[i]);
        test_copy(from, to);
        memory_free(from);
        memory_free(to);
    }
    stored_open(&copy);
    for (int i = 0; i < SUBJECTS; i++) {
        char name[16];
        poll_result_t r;
        snprintf(name, sizeof name, "subject-%d", i);
        stored_poll(&copy, name, 0, PER_SUBJECT + 1, &r);
        for (size_t k = 0; k < r.count; k++) CU_ASSERT_EQUAL_FATAL(r.messages[k].sequence, (int64_t)k);
        found += (int64_t)r.count;
        poll_result_free(&r);
    }
    CU_ASSERT_TRUE(found >= acknowledged);
    CU_ASSERT_TRUE(stored_put(&copy, "subject-1", "goes on") >= 0);
    stored_free(&copy);
}

static void storage_45_acknowledged_messages_survive_a_kill(void) {
    load_t *load = memory_zalloc(sizeof *load);
    writer_job_t jobs[WRITERS];
    stored_init(&load->t);
    load->t.options.message_segment_size = 1024 * 1024;
    load->t.options.index_period_us = 5000;
    load->t.options.sync_period_us = 2000;
    stored_open(&load->t);
    start_load(load, jobs);
    for (int i = 0; i < 8; i++) check_copy(load, i);
    for (int i = 0; i < WRITERS; i++) thread_join(load->threads[i]);
    check_copy(load, 8);
    CU_ASSERT_EQUAL(atomic_load(&load->failures), 0);
    stored_free(&load->t);
    memory_free(load);
}

/* Progress is asked while actions are applied: a pull that is visible can be looked up. */
typedef struct acting {
    stored_t t;
    store_group_t *group;
    _Atomic bool running;
    _Atomic int failures;
} acting_t;

static void ask_progress(void *arg) {
    acting_t *a = arg;
    while (atomic_load(&a->running)) {
        int64_t pull = 0, ack = 0, now_pull = 0, now_ack = 0;
        if (!store_consumer_position(a->group, view_of("c"), &pull, &ack)) continue;
        int64_t message = store_pull_lookup(a->group, view_of("c"), pull);
        (void)store_consumer_position(a->group, view_of("c"), &now_pull, &now_ack);
        if (pull > now_ack && message != pull * 2) atomic_fetch_add(&a->failures, 1);
        if (now_pull < pull || now_ack < ack || ack > pull) atomic_fetch_add(&a->failures, 1);
    }
}

static void act_on_others(void *arg) {
    acting_t *a = arg;
    for (int i = 0; i < 500; i++) {
        if (stored_pull(&a->t, "other", "g", "c", i, i, i) != APR_SUCCESS) atomic_fetch_add(&a->failures, 1);
    }
}

static void progress_is_read_beside_actions(void) {
    acting_t a;
    thread_t *reader = NULL, *other = NULL;
    memset(&a, 0, sizeof a);
    stored_init(&a.t);
    stored_open(&a.t);
    a.group = store_group_get(a.t.store, view_of("s"), view_of("g"));
    atomic_store(&a.running, true);
    CU_ASSERT_EQUAL_FATAL(thread_start(&reader, "asker", ask_progress, &a), APR_SUCCESS);
    CU_ASSERT_EQUAL_FATAL(thread_start(&other, "other", act_on_others, &a), APR_SUCCESS);
    for (int i = 0; i < 1000; i++) {
        CU_ASSERT_EQUAL(stored_pull(&a.t, "s", "g", "c", i, i, i * 2), APR_SUCCESS);
        if (i % 5 == 4) CU_ASSERT_EQUAL(stored_ack(&a.t, "s", "g", "c", i - 4, i - 1), APR_SUCCESS);
        if (i % 5 == 4) CU_ASSERT_EQUAL(stored_ack(&a.t, "s", "g", "c", i, i), APR_SUCCESS);
    }
    thread_join(other);
    atomic_store(&a.running, false);
    thread_join(reader);
    CU_ASSERT_EQUAL(atomic_load(&a.failures), 0);
    stored_free(&a.t);
}

/* The ring alone: nothing is stranded, no two drains at a time, guests hand over after their share, a slow log is left to its own thread.
 */
typedef struct ring_test {
    append_ring_t ring;
    _Atomic int inside;
    _Atomic int drained;
    _Atomic int failures;
    _Atomic int64_t cost_us;
    _Atomic int own; /* drains by the ring's thread */
} ring_test_t;

static _Thread_local bool is_submitter;

static int64_t ring_drain(void *arg, append_node_t *first) {
    ring_test_t *r = arg;
    if (atomic_fetch_add(&r->inside, 1) != 0) atomic_fetch_add(&r->failures, 1);
    if (!is_submitter) atomic_fetch_add(&r->own, 1);
    while (first != NULL) {
        append_node_t *next = first->next;
        memory_free(first);
        atomic_fetch_add(&r->drained, 1);
        first = next;
    }
    atomic_fetch_sub(&r->inside, 1);
    return atomic_load(&r->cost_us);
}

static void ring_submit(void *arg) {
    ring_test_t *r = arg;
    is_submitter = true;
    for (int i = 0; i < 20000; i++) append_ring_submit(&r->ring, memory_alloc(sizeof(append_node_t)));
}

static void ring_loses_nothing(void) {
    ring_test_t r;
    thread_t *threads[3];
    memset(&r, 0, sizeof r);
    CU_ASSERT_EQUAL_FATAL(append_ring_start(&r.ring, "ring", ring_drain, &r), APR_SUCCESS);
    for (int i = 0; i < 3; i++) CU_ASSERT_EQUAL_FATAL(thread_start(&threads[i], "submit", ring_submit, &r), APR_SUCCESS);
    for (int i = 0; i < 3; i++) thread_join(threads[i]);
    append_ring_stop(&r.ring);
    CU_ASSERT_EQUAL(atomic_load(&r.drained), 60000);
    CU_ASSERT_EQUAL(atomic_load(&r.failures), 0);
}

static bool ring_is_slow(ring_test_t *r) {
    mutex_lock(&r->ring.lock);
    bool slow = r->ring.slow;
    mutex_unlock(&r->ring.lock);
    return slow;
}

static bool ring_is_empty(void *arg) {
    ring_test_t *r = arg;
    return atomic_load(&r->drained) == 1 + 200;
}

static void ring_leaves_a_slow_log_to_its_thread(void) {
    ring_test_t r;
    memset(&r, 0, sizeof r);
    is_submitter = true;
    CU_ASSERT_EQUAL_FATAL(append_ring_start(&r.ring, "ring", ring_drain, &r), APR_SUCCESS);
    atomic_store(&r.cost_us, 6000);
    append_ring_submit(&r.ring, memory_alloc(sizeof(append_node_t)));
    CU_ASSERT_EQUAL(atomic_load(&r.own), 0);
    for (int i = 0; i < 200; i++) append_ring_submit(&r.ring, memory_alloc(sizeof(append_node_t)));
    CU_ASSERT_TRUE(test_wait(ring_is_empty, &r, 20));
    CU_ASSERT_TRUE(atomic_load(&r.own) > 0);
    CU_ASSERT_TRUE(ring_is_slow(&r));
    atomic_store(&r.cost_us, 10);
    for (int i = 0; i < 1000 && ring_is_slow(&r); i++) {
        int before = atomic_load(&r.drained);
        append_ring_submit(&r.ring, memory_alloc(sizeof(append_node_t)));
        while (atomic_load(&r.drained) == before) thread_sleep_us(50);
    }
    CU_ASSERT_FALSE(ring_is_slow(&r));
    append_ring_stop(&r.ring);
    CU_ASSERT_EQUAL(atomic_load(&r.failures), 0);
}

const test_case_t threads_cases[] = {TEST(storage_9_sequences_are_dense_under_concurrent_producers),
                                     TEST(storage_45_acknowledged_messages_survive_a_kill),
                                     TEST(progress_is_read_beside_actions),
                                     TEST(ring_loses_nothing),
                                     TEST(ring_leaves_a_slow_log_to_its_thread),
                                     TEST_END};
