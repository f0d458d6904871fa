/* Seeded runs over a store of this process: it is loaded, dies at some operation on its files - power loss with whatever the rules of a
 * disk allow, or the death of the process -, is opened again on what was left and compared with the ledger of what it had promised; some
 * file operations fail on the way. Needs QMQ_TEST_HOOKS.
 *     fault_torture [--seconds N] [--runs N] [--seed N] [--first N] [--directory D]
 * The last line is: runs N, acknowledged N, lost N, reused N, crashes N. A run that fails is named with the command that repeats it. */
#include "base/crc32.h"
#include "base/memory.h"
#include "ledger.h"
#include "portability/clock.h"
#include "portability/posix/power.h"
#include "portability/posix/power_image.h"
#include "portability/thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 8
#define MOST_PAYLOAD 3000
#define FAULTS_NAME "faults"

typedef struct run {
    uint64_t random;
    ledger_t ledger;
    store_t *store;
    store_options_t options;
    log_t log;
    char *directory;
    char *root;
    int generation;
    power_loss_t loss;
    bool broken; /* an injected failure may have stopped the store */
    int64_t crashes;
} run_t;

typedef struct waited {
    mutex_t lock;
    condition_t changed;
    bool done;
} waited_t;

static uint64_t pick(run_t *r, uint64_t n) {
    return power_random(&r->random) % n;
}

/* Waiting for one completion. */

static void waited_begin(waited_t *w) {
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

static void waited_end(waited_t *w) {
    mutex_lock(&w->lock);
    while (!w->done) condition_wait(&w->changed, &w->lock);
    mutex_unlock(&w->lock);
    mutex_destroy(&w->lock);
    condition_destroy(&w->changed);
}

typedef struct batch {
    store_batch_t batch; /* first */
    waited_t waited;
} batch_t;

typedef struct action_batch {
    store_action_batch_t batch; /* first */
    waited_t waited;
} action_batch_t;

typedef struct sync {
    store_sync_waiter_t waiter; /* first */
    waited_t waited;
} sync_t;

static void messages_done(store_batch_t *b) {
    waited_signal(&((batch_t *)b)->waited);
}

static void actions_done(store_action_batch_t *b) {
    waited_signal(&((action_batch_t *)b)->waited);
}

static void sync_done(store_sync_waiter_t *w) {
    waited_signal(&((sync_t *)w)->waited);
}

/* True when everything below offset is promised: at once where only the process dies, else after a sync. */
static bool is_promised(run_t *r, bool actions, int64_t end) {
    if (r->loss == POWER_KEEPS_ALL) return !power_was_cut();
    if (pick(r, 3) == 0) return false;
    sync_t s;
    waited_begin(&s.waited);
    s.waiter.end_offset = end;
    s.waiter.done = sync_done;
    if (actions) {
        store_await_action_sync(r->store, &s.waiter);
    } else {
        store_await_message_sync(r->store, &s.waiter);
    }
    waited_end(&s.waited);
    return s.waiter.status == APR_SUCCESS && !power_was_cut();
}

/* Steps. */

static void append(run_t *r) {
    static uint8_t payloads[BATCH][MOST_PAYLOAD];
    store_message_t messages[BATCH];
    uint64_t contents[BATCH];
    int subjects[BATCH];
    batch_t b;
    size_t count = 1 + pick(r, BATCH);
    memset(&b.batch, 0, sizeof b.batch);
    for (size_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)(1 + pick(r, pick(r, 4) == 0 ? MOST_PAYLOAD : 200));
        contents[i] = power_random(&r->random) | 1;
        subjects[i] = (int)pick(r, SUBJECTS);
        ledger_payload(payloads[i], contents[i], size);
        messages[i] = (store_message_t){.subject = view_of(r->ledger.subjects[subjects[i]].name),
                                        .payload = payloads[i],
                                        .payload_size = size,
                                        .crc = crc32_of(payloads[i], size)};
    }
    b.batch.messages = messages;
    b.batch.count = count;
    b.batch.done = messages_done;
    waited_begin(&b.waited);
    store_append(r->store, &b.batch);
    waited_end(&b.waited);
    bool cut = power_was_cut();
    for (size_t i = 0; i < count && !cut; i++) {
        if (messages[i].status == APR_SUCCESS)
            ledger_stored(&r->ledger, subjects[i], messages[i].sequence, contents[i], messages[i].payload_size);
    }
    if (cut || !is_promised(r, false, b.batch.end_offset)) return;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].status == APR_SUCCESS) ledger_durable(&r->ledger, subjects[i], messages[i].sequence, contents[i]);
    }
}

static bool act(run_t *r, store_action_t *action, int64_t *end) {
    action_batch_t b;
    memset(&b.batch, 0, sizeof b.batch);
    b.batch.actions = action;
    b.batch.count = 1;
    b.batch.done = actions_done;
    waited_begin(&b.waited);
    store_append_actions(r->store, &b.batch);
    waited_end(&b.waited);
    *end = b.batch.end_offset;
    return b.batch.status == APR_SUCCESS;
}

static void pull_or_ack(run_t *r) {
    ledger_subject_t *s = &r->ledger.subjects[pick(r, SUBJECTS)];
    store_group_t *g = store_group_get(r->store, view_of(s->name), view_of("group"));
    int64_t pull = -1, ack = -1, pulled = -1, min = 0, next = 0, end = 0;
    (void)store_consumer_position(g, view_of("consumer"), &pull, &ack);
    (void)store_group_pulled(g, &pulled);
    store_subject_t *subject = store_subject_find(r->store, view_of(s->name));
    if (subject == NULL || !store_subject_bounds(subject, &min, &next)) return;
    store_action_t a = {.group = g, .consumer_id = view_of("consumer"), .time_ms = clock_wall_ms()};
    if (pull > ack && pick(r, 2) == 0) {
        a.type = ACTION_RANGE_ACK;
        a.first_pull = ack + 1;
        a.last_pull = ack + 1 + (int64_t)pick(r, (uint64_t)(pull - ack));
        if (act(r, &a, &end) && is_promised(r, true, end)) s->ack = a.last_pull;
        return;
    }
    if (next <= pulled + 1) return;
    int64_t count = 1 + (int64_t)pick(r, (uint64_t)(next - pulled - 1));
    a.type = ACTION_PULL;
    a.first_pull = pull + 1;
    a.last_pull = pull + count;
    a.first_message = pulled + 1;
    a.last_message = pulled + count;
    if (!act(r, &a, &end) || !is_promised(r, true, end)) return;
    s->pull = a.last_pull;
    s->pulled_message = a.last_message;
}

/* Injected failures. */

static void write_faults(const run_t *r, const char *rules) {
    char *path = memory_printf("%s/" FAULTS_NAME, r->directory), *next = memory_printf("%s.next", path);
    FILE *f = fopen(next, "we");
    if (f == NULL || fputs(rules, f) < 0 || fclose(f) != 0 || rename(next, path) != 0) {
        fprintf(stderr, "fault_torture: cannot write %s\n", path);
        exit(2);
    }
    memory_free(next);
    memory_free(path);
}

static void break_something(run_t *r) {
    static const char *const operations[] = {"write", "write", "write", "sync", "open", "preallocate", "rename", "map", "truncate"};
    static const char *const errors[] = {"EIO", "ENOSPC", "ENOSPC short", "EIO short", "EMFILE"};
    static const char *const parts[] = {"", "path=messagelog", "path=actionlog", "path=consumerlog", "path=checkpoint", "path=pulllog_smt"};
    char rule[200];
    (void)snprintf(rule, sizeof rule, "%s %d%s %s %s\n", operations[pick(r, 9)], 1 + (int)pick(r, 3), pick(r, 3) == 0 ? "+" : "",
                   errors[pick(r, 5)], parts[pick(r, 6)]);
    write_faults(r, rule);
    r->broken = true;
}

static void step(run_t *r) {
    switch (pick(r, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        pull_or_ack(r);
        break;
    case 4:
        if (pick(r, 4) == 0) (void)store_sync(r->store); /* a failure is reported by the store */
        break;
    case 5:
        if (pick(r, 6) == 0) break_something(r);
        if (pick(r, 3) == 0) write_faults(r, "");
        break;
    default:
        append(r);
    }
}

/* A life of the store: from opening to its death. */

static void set_options(run_t *r) {
    static const int64_t message_sizes[] = {8192, 65536, 1048576}, action_sizes[] = {2048, 16384, 1048576};
    static const int64_t periods[] = {1000, 20000, INT64_C(3600000000)};
    r->options = (store_options_t){.root = r->root,
                                   .message_segment_size = message_sizes[pick(r, 3)],
                                   .action_segment_size = action_sizes[pick(r, 3)],
                                   .min_free_bytes = 1,
                                   .scrub_bytes_per_second = -1,
                                   .log = &r->log};
    r->options.sync_period_us = periods[pick(r, 3)];
    r->options.index_period_us = periods[pick(r, 3)];
    r->options.checkpoint_records = 1 + (int64_t)pick(r, 100);
    r->options.hot_window = pick(r, 2) == 0 ? 1 : 0;
}

static bool open_store(run_t *r) {
    qmq_error_t *error = NULL;
    r->options.root = r->root;
    if (store_open(&r->store, &r->options, &error) == APR_SUCCESS) return true;
    r->crashes++;
    ledger_breach(&r->ledger, "the store does not open: %s", qmq_error_message(error));
    qmq_error_free(error);
    return false;
}

static void remove_tree(const char *path) {
    char *command = memory_printf("rm -rf '%s'", path);
    if (system(command) != 0) fprintf(stderr, "fault_torture: cannot remove %s\n", path);
    memory_free(command);
}

/* What was not promised may be gone now. */
static void forget_unpromised(ledger_t *l) {
    for (int i = 0; i < SUBJECTS; i++) {
        ledger_subject_t *s = &l->subjects[i];
        for (size_t k = 0; k < s->count; k++) {
            if (!s->messages[k].durable) s->messages[k].content = 0;
        }
    }
}

static void die(run_t *r, char *next) {
    power_cut_now();
    forget_unpromised(&r->ledger);
    write_faults(r, "");
    store_close(r->store);
    r->store = NULL;
    power_end();
    remove_tree(r->root);
    memory_free(r->root);
    r->root = next;
}

/* A clean end promises everything. */
static void end_cleanly(run_t *r, char *next) {
    store_close(r->store);
    r->store = NULL;
    power_end();
    memory_free(next);
    for (int i = 0; i < SUBJECTS && !r->broken; i++) {
        const ledger_subject_t *s = &r->ledger.subjects[i];
        for (size_t k = 0; k < s->count; k++) {
            if (s->messages[k].content != 0) ledger_durable(&r->ledger, i, (int64_t)k, s->messages[k].content);
        }
    }
}

static bool live(run_t *r) {
    char *next = memory_printf("%s/store-%d", r->directory, ++r->generation);
    r->loss = (power_loss_t)pick(r, 4);
    r->broken = false;
    r->options.hot_window = pick(r, 2) == 0 ? 1 : 0;
    power_watch(r->root);
    bool cuts = pick(r, 5) != 0;
    if (cuts) power_cut_at(1 + (int64_t)pick(r, pick(r, 3) == 0 ? 30 : 600), r->loss, power_random(&r->random), next);
    if (!cuts) r->loss = POWER_KEEPS_NONE; /* nothing is promised but by a sync and by the end */
    if (!open_store(r)) {
        memory_free(next);
        return false;
    }
    ledger_check(&r->ledger, r->store);
    int64_t steps = 20 + (int64_t)pick(r, 150);
    for (int64_t i = 0; i < steps && !power_was_cut() && r->ledger.breach[0] == 0; i++) step(r);
    write_faults(r, "");
    if (cuts) {
        die(r, next);
    } else {
        end_cleanly(r, next);
    }
    return r->ledger.breach[0] == 0;
}

static bool run_once(run_t *r) {
    set_options(r);
    int64_t lives = 1 + (int64_t)pick(r, 5);
    bool good = true;
    for (int64_t i = 0; good && i < lives; i++) good = live(r);
    if (good && open_store(r)) {
        ledger_check(&r->ledger, r->store);
        r->loss = POWER_KEEPS_NONE;
        for (int i = 0; i < 5; i++) append(r); /* no sequence comes twice */
        store_close(r->store);
    }
    return r->ledger.breach[0] == 0;
}

typedef struct totals {
    int64_t runs, acknowledged, lost, reused, crashes;
} totals_t;

static bool torture(uint64_t seed, const char *directory, totals_t *t) {
    run_t r;
    memset(&r, 0, sizeof r);
    r.random = seed;
    r.directory = memory_strdup(directory);
    r.root = memory_printf("%s/store-0", directory);
    log_init(&r.log, "torture");
    ledger_init(&r.ledger);
    write_faults(&r, "");
    bool good = run_once(&r);
    t->runs++;
    t->acknowledged += r.ledger.acknowledged;
    t->lost += r.ledger.lost;
    t->reused += r.ledger.reused;
    t->crashes += r.crashes;
    if (!good) printf("FAILED: seed %llu: %s (%s is kept)\n", (unsigned long long)seed, r.ledger.breach, r.root);
    if (good) remove_tree(r.root);
    memory_free(r.root);
    memory_free(r.directory);
    ledger_free(&r.ledger);
    return good;
}

int main(int argc, char **argv) {
    long long seconds = 0, runs = 0, seed = 1, first = 0;
    const char *directory = "/tmp/qmq-torture";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0) seconds = atoll(argv[i + 1]);
        if (strcmp(argv[i], "--runs") == 0) runs = atoll(argv[i + 1]);
        if (strcmp(argv[i], "--seed") == 0) seed = atoll(argv[i + 1]);
        if (strcmp(argv[i], "--first") == 0) first = atoll(argv[i + 1]);
        if (strcmp(argv[i], "--directory") == 0) directory = argv[i + 1];
    }
    static char setting[4200];
    (void)snprintf(setting, sizeof setting, "QMQ_TEST_FAULTS=%s/" FAULTS_NAME, directory);
    char *path = memory_printf("%s/store.log", directory);
    if (putenv(setting) != 0 || directory_create(directory) != APR_SUCCESS || log_to_file(path, 16 * 1024 * 1024, 1) != APR_SUCCESS) {
        fprintf(stderr, "fault_torture: cannot write in %s\n", directory);
        return 2;
    }
    memory_free(path);
    totals_t t = {0, 0, 0, 0, 0};
    bool good = true;
    int64_t end = clock_mono_us() + seconds * 1000000;
    for (long long i = first; good && (runs == 0 ? clock_mono_us() < end : i < first + runs); i++) {
        uint64_t state = (uint64_t)seed;
        for (int k = 0; k < 2; k++) state = power_random(&state) ^ (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15);
        good = torture(state, directory, &t);
        if (!good) printf("repeat it: fault_torture --seed %lld --first %lld --runs 1\n", seed, i);
    }
    printf("seed %lld\n", seed);
    printf("runs %lld, acknowledged %lld, lost %lld, reused %lld, crashes %lld\n", (long long)t.runs, (long long)t.acknowledged,
           (long long)t.lost, (long long)t.reused, (long long)t.crashes);
    log_close();
    if (good) remove_tree(directory);
    return good ? 0 : 1;
}
