/* Seeded runs over a store of this process: it is loaded, dies at some operation on its files - power loss with whatever the rules of a
 * disk allow, or the death of the process -, is opened again on what was left and compared with the ledger of what it had promised; some
 * file operations fail on the way. Needs QMQ_TEST_HOOKS.
 *     fault_torture [--seconds N] [--runs N] [--seed N] [--first N] [--directory D]
 * The last line is: runs N, acknowledged N, lost N, reused N, crashes N. A run that fails is named with the command that repeats it. */
#include "base/memory.h"
#include "portability/clock.h"
#include "portability/posix/power_image.h"
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t pick(run_t *r, uint64_t n) {
    return power_random(&r->random) % n;
}

static void step(run_t *r) {
    wait_for_space(r);
    switch (pick(r, 14)) {
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
        if (r->full_for > 0) break;
        if (pick(r, 6) == 0) break_something(r);
        if (pick(r, 3) == 0) write_faults(r, "");
        break;
    case 6:
        if (r->full_for == 0 && !r->broken && pick(r, 60) == 0) fill_disk(r);
        if (pick(r, 12) == 0) move_clock(r);
        break;
    case 7:
        misbehave(r);
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
    r->options.retention = (store_retention_t){.delete_expired = true, .check_period_us = periods[pick(r, 3)]};
    r->options.checkpoint_records = 1 + (int64_t)pick(r, 100);
    r->options.hot_window = pick(r, 2) == 0 ? 1 : 0;
}

static bool open_store(run_t *r) {
    qmq_error_t *error = NULL;
    r->options.root = r->root;
    r->options.repair = false;
    if (store_open(&r->store, &r->options, &error) == APR_SUCCESS) return true;
    /* A file that lost everything is a hole; the message names it, and what it held is given up when told so. A marker that seems to be
     * one of a later version is removed. */
    if (r->refusal != NULL && strstr(qmq_error_message(error), r->refusal) != NULL) {
        qmq_error_free(error);
        r->options.repair = true;
        if (strstr(r->refusal, ".marker") != NULL && path_remove(r->refusal) != APR_SUCCESS) return false;
        if (store_open(&r->store, &r->options, &error) == APR_SUCCESS) return true;
    }
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
    damage_is_told(r);
    int64_t steps = 20 + (int64_t)pick(r, 150);
    for (int64_t i = 0; i < steps && !power_was_cut() && r->ledger.breach[0] == 0; i++) step(r);
    if (pick(r, 4) != 0) end_breakages(r); /* else the store ends on a full or a failing disk */
    if (cuts) {
        die(r, next);
    } else {
        end_cleanly(r, next);
    }
    end_breakages(r);
    if (r->ledger.breach[0] == 0 && pick(r, 2) == 0) damage_something(r, !cuts && !r->broken);
    return r->ledger.breach[0] == 0;
}

static bool run_once(run_t *r) {
    set_options(r);
    int64_t lives = 1 + (int64_t)pick(r, 5);
    bool good = true;
    for (int64_t i = 0; good && i < lives; i++) good = live(r);
    if (good && open_store(r)) {
        ledger_check(&r->ledger, r->store);
        damage_is_told(r);
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
    reset_clock(&r);
    memory_free(r.refusal);
    memory_free(r.named);
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
    static char faults[4200], clock[4200];
    (void)snprintf(faults, sizeof faults, "QMQ_TEST_FAULTS=%s/" FAULTS_NAME, directory);
    (void)snprintf(clock, sizeof clock, "QMQ_TEST_CLOCK=%s/" CLOCK_NAME, directory);
    char *path = memory_printf("%s/" LOG_NAME, directory);
    if (putenv(faults) != 0 || putenv(clock) != 0 || directory_create(directory) != APR_SUCCESS ||
        log_to_file(path, 16 * 1024 * 1024, 1) != APR_SUCCESS) {
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
    damage_print_cover();
    printf("seed %lld\n", seed);
    printf("runs %lld, acknowledged %lld, lost %lld, reused %lld, crashes %lld\n", (long long)t.runs, (long long)t.acknowledged,
           (long long)t.lost, (long long)t.reused, (long long)t.crashes);
    log_close();
    if (good) remove_tree(directory);
    return good ? 0 : 1;
}
