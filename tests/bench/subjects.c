/* A store of very many subjects with three groups each (make bench): what it needs in memory, descriptors and mappings, what a checkpoint
 * costs, and how fast it starts again. `fill` makes it, prints its figures and waits to be killed; `open` opens it and prints how that
 * went.
 */
#include "base/crc32.h"
#include "base/memory.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "portability/thread.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define GROUPS 3
#define BATCH 50
#define PAD_SIZE (1024 * 1024)

typedef struct options {
    const char *root;
    long subjects;
    long long log_bytes;
} options_t;

typedef struct waited {
    store_batch_t batch; /* first */
    mutex_t lock;
    condition_t changed;
    bool done;
} waited_t;

static void wake(store_batch_t *b) {
    waited_t *w = (waited_t *)b;
    mutex_lock(&w->lock);
    w->done = true;
    condition_signal(&w->changed);
    mutex_unlock(&w->lock);
}

static void fail(const char *what) {
    fprintf(stderr, "bench_subjects: %s\n", what);
    exit(1);
}

static double cpu_of(int who) {
    struct rusage r;
    if (getrusage(who, &r) != 0) return 0;
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* Of the store's threads; the one that appends belongs to the benchmark. */
static double cpu_seconds(void) {
    return cpu_of(RUSAGE_SELF) - cpu_of(RUSAGE_THREAD);
}

/* Appends and waits; how long that took. */
static int64_t append(store_t *s, store_message_t *messages, size_t count) {
    static waited_t w;
    static bool ready;
    if (!ready) {
        mutex_init(&w.lock);
        condition_init(&w.changed);
        ready = true;
    }
    int64_t start = clock_mono_us();
    w.done = false;
    w.batch = (store_batch_t){.messages = messages, .count = count, .done = wake};
    store_append(s, &w.batch);
    mutex_lock(&w.lock);
    while (!w.done) condition_wait(&w.changed, &w.lock);
    mutex_unlock(&w.lock);
    for (size_t i = 0; i < count; i++) {
        if (messages[i].status != APR_SUCCESS) fail("an append failed");
    }
    return clock_mono_us() - start;
}

/* One message for every subject; the longest append in us. */
static int64_t append_each(store_t *s, long subjects) {
    static const char payload[] = "the one message of a subject, as long as a small order or so may well be, and then some more of it";
    store_message_t messages[BATCH];
    char names[BATCH][64];
    int64_t worst = 0;
    for (long i = 0; i < subjects;) {
        size_t n = 0;
        for (; n < BATCH && i < subjects; n++, i++) {
            (void)snprintf(names[n], sizeof names[n], "bench.subject.of.many.%ld", i);
            messages[n] = (store_message_t){.subject = view_of(names[n]),
                                            .payload = (const uint8_t *)payload,
                                            .payload_size = sizeof payload,
                                            .crc = crc32_of(payload, sizeof payload)};
        }
        int64_t took = append(s, messages, n);
        if (took > worst) worst = took;
    }
    return worst;
}

static void pad(store_t *s, long long upto) {
    uint8_t *payload = memory_zalloc(PAD_SIZE);
    store_message_t m = {
        .subject = view_of("bench.padding"), .payload = payload, .payload_size = PAD_SIZE, .crc = crc32_of(payload, PAD_SIZE)};
    while (store_message_end(s) < upto) (void)append(s, &m, 1);
    memory_free(payload);
}

typedef struct waited_actions {
    store_action_batch_t batch; /* first */
    waited_t waited;
} waited_actions_t;

static void wake_actions(store_action_batch_t *b) {
    wake(&((waited_actions_t *)b)->waited.batch);
}

static void append_actions(store_t *s, store_action_t *actions, size_t count) {
    waited_actions_t w;
    memset(&w, 0, sizeof w);
    mutex_init(&w.waited.lock);
    condition_init(&w.waited.changed);
    w.batch = (store_action_batch_t){.actions = actions, .count = count, .done = wake_actions};
    store_append_actions(s, &w.batch);
    mutex_lock(&w.waited.lock);
    while (!w.waited.done) condition_wait(&w.waited.changed, &w.waited.lock);
    mutex_unlock(&w.waited.lock);
    mutex_destroy(&w.waited.lock);
    condition_destroy(&w.waited.changed);
    if (w.batch.status != APR_SUCCESS) fail("an action was not taken");
}

/* Every group pulls the message; all but the last acknowledge it. */
static void pull_each(store_t *s, long subjects) {
    for (long i = 0; i < subjects; i++) {
        char name[64], group[32];
        (void)snprintf(name, sizeof name, "bench.subject.of.many.%ld", i);
        for (int k = 0; k < GROUPS; k++) {
            (void)snprintf(group, sizeof group, "group.%d", k);
            store_group_t *g = store_group_get(s, view_of(name), view_of(group));
            store_action_t actions[2] = {
                {.type = ACTION_PULL, .group = g, .consumer_id = view_of("host-1-of-the-bench"), .time_ms = clock_wall_ms()},
                {.type = ACTION_RANGE_ACK, .group = g, .consumer_id = view_of("host-1-of-the-bench"), .time_ms = clock_wall_ms()}};
            append_actions(s, actions, k == GROUPS - 1 ? 1 : 2);
        }
    }
}

static bool covers(store_t *s, int64_t offset) {
    store_figures_t f;
    store_figures(s, &f);
    return f.message_checkpoint >= offset;
}

/* Until a checkpoint of everything so far, one message now and then; the longest append in us. */
static int64_t probe_until_checkpoint(store_t *s) {
    static const char text[] = "x";
    int64_t worst = 0, offset = store_message_end(s);
    while (!covers(s, offset)) {
        store_message_t m = {
            .subject = view_of("bench.probe"), .payload = (const uint8_t *)text, .payload_size = 1, .crc = crc32_of(text, 1)};
        int64_t took = append(s, &m, 1);
        if (took > worst) worst = took;
        thread_sleep_us(2000);
    }
    return worst;
}

static apr_status_t count_entry(void *arg, const char *name) {
    (void)name;
    ++*(long *)arg;
    return APR_SUCCESS;
}

static long count_descriptors(void) {
    long n = 0;
    return directory_list("/proc/self/fd", count_entry, &n) == APR_SUCCESS ? n : -1;
}

static long count_mappings(void) {
    FILE *f = fopen("/proc/self/maps", "r");
    long n = 0;
    for (int c; f != NULL && (c = fgetc(f)) != EOF;) n += c == '\n';
    if (f != NULL) (void)fclose(f);
    return n;
}

static long resident_kib(const char *key) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0) kib = strtol(line + strlen(key), NULL, 10);
    }
    if (f != NULL) (void)fclose(f);
    return kib;
}

static store_t *open_store(const options_t *o, int64_t checkpoint_records) {
    static log_t log;
    log_init(&log, "bench");
    char *path = memory_printf("%s.log", o->root);
    if (log_to_file(path, 1 << 30, 1) != APR_SUCCESS) fail("cannot write a log");
    memory_free(path);
    store_options_t so = {.root = o->root, .log = &log, .checkpoint_records = checkpoint_records};
    store_t *s = NULL;
    qmq_error_t *error = NULL;
    if (store_open(&s, &so, &error) != APR_SUCCESS) fail(qmq_error_message(error));
    return s;
}

static void print_size(void) {
    printf("\"descriptors\": %ld, \"mappings\": %ld, \"resident_kib\": %ld, \"anonymous_kib\": %ld", count_descriptors(), count_mappings(),
           resident_kib("VmRSS:"), resident_kib("RssAnon:"));
}

static void fill(const options_t *o) {
    store_t *s = open_store(o, o->subjects);
    int64_t first_worst = append_each(s, o->subjects);
    pull_each(s, o->subjects);
    int64_t start = clock_mono_us(), worst = probe_until_checkpoint(s);
    double first_seconds = (double)(clock_mono_us() - start) / 1e6;
    (void)append_each(s, o->subjects);
    double cpu = cpu_seconds();
    int64_t second_worst = probe_until_checkpoint(s);
    cpu = cpu_seconds() - cpu;
    if (store_message_end(s) < o->log_bytes) pad(s, o->log_bytes);
    printf("{\"append_worst_us\": %lld, \"creation_worst_us\": %lld, \"creation_seconds\": %.3f, \"checkpoint_worst_us\": %lld, "
           "\"checkpoint_cpu\": %.3f, ",
           (long long)first_worst, (long long)worst, first_seconds, (long long)second_worst, cpu);
    print_size();
    printf("}\n");
    (void)fflush(stdout);
    for (;;) (void)pause();
}

static void open_again(const options_t *o) {
    int64_t start = clock_mono_us();
    store_t *s = open_store(o, 0);
    int64_t took = clock_mono_us() - start;
    store_figures_t f;
    store_figures(s, &f);
    printf("{\"open_us\": %lld, \"records\": %lld, \"validated\": %lld, \"log_bytes\": %lld, ", (long long)took,
           (long long)f.recovered_records, (long long)f.validated_bytes, (long long)f.message_end);
    print_size();
    printf("}\n");
    store_close(s);
}

int main(int argc, char **argv) {
    options_t o = {argc > 2 ? argv[2] : NULL, argc > 3 ? strtol(argv[3], NULL, 10) : 100000, argc > 4 ? strtoll(argv[4], NULL, 10) : 0};
    if (o.root == NULL) fail("usage: bench_subjects fill|open ROOT [SUBJECTS [LOG BYTES]]");
    if (strcmp(argv[1], "fill") == 0) fill(&o);
    open_again(&o);
    return 0;
}
