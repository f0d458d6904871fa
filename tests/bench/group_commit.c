/* send.sync=disk (make bench): 64 writers that each append a message and wait for its data sync, beside one sync a message of a plain file
 * in the same directory. Prints both rates as JSON.
 *     bench_group_commit DIRECTORY SECONDS */
#include "base/crc32.h"
#include "base/memory.h"
#include "portability/clock.h"
#include "portability/file.h"
#include "portability/thread.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITERS 64
#define SIZE 1024

typedef struct writer {
    store_batch_t batch; /* first */
    store_sync_waiter_t sync;
    store_t *store;
    mutex_t lock;
    condition_t changed;
    bool done;
    int64_t end_us;
    int64_t count;
    thread_t *thread;
} writer_t;

static const uint8_t payload[SIZE] = {1};

static void fail(const char *what) {
    fprintf(stderr, "bench_group_commit: %s\n", what);
    exit(1);
}

static void synced(store_sync_waiter_t *s) {
    writer_t *w = (writer_t *)((char *)s - offsetof(writer_t, sync));
    mutex_lock(&w->lock);
    w->done = true;
    condition_signal(&w->changed);
    mutex_unlock(&w->lock);
}

static void appended(store_batch_t *b) {
    writer_t *w = (writer_t *)b;
    w->sync.end_offset = b->end_offset;
    w->sync.done = synced;
    store_await_message_sync(w->store, &w->sync);
}

static void write_messages(void *arg) {
    writer_t *w = arg;
    store_message_t m = {.subject = view_of("bench"), .payload = payload, .payload_size = SIZE, .crc = crc32_of(payload, SIZE)};
    while (clock_mono_us() < w->end_us) {
        w->done = false;
        w->batch.messages = &m;
        w->batch.count = 1;
        w->batch.done = appended;
        store_append(w->store, &w->batch);
        mutex_lock(&w->lock);
        while (!w->done) condition_wait(&w->changed, &w->lock);
        mutex_unlock(&w->lock);
        if (m.status != APR_SUCCESS || w->sync.status != APR_SUCCESS) fail("a message was refused");
        w->count++;
    }
}

static double group_rate(const char *directory, int64_t seconds) {
    log_t log;
    log_init(&log, "bench");
    log_set_level(LOG_LEVEL_ERROR);
    char *root = memory_printf("%s/store", directory);
    store_options_t o = {.root = root, .log = &log};
    store_t *store = NULL;
    qmq_error_t *error = NULL;
    if (store_open(&store, &o, &error) != APR_SUCCESS) fail(qmq_error_message(error));
    static writer_t writers[WRITERS];
    int64_t start = clock_mono_us(), count = 0;
    for (int i = 0; i < WRITERS; i++) {
        writer_t *w = &writers[i];
        w->store = store;
        w->end_us = start + seconds * 1000000;
        mutex_init(&w->lock);
        condition_init(&w->changed);
        if (thread_start(&w->thread, "bench-writer", write_messages, w) != APR_SUCCESS) fail("no thread");
    }
    for (int i = 0; i < WRITERS; i++) {
        thread_join(writers[i].thread);
        count += writers[i].count;
    }
    double rate = (double)count * 1e6 / (double)(clock_mono_us() - start);
    store_close(store);
    memory_free(root);
    return rate;
}

static double single_rate(const char *directory, int64_t seconds) {
    char *path = memory_printf("%s/single", directory);
    file_t *f = NULL;
    if (file_open(&f, path, IO_READ | IO_WRITE | IO_CREATE | IO_TRUNCATE) != APR_SUCCESS) fail("cannot write");
    if (file_preallocate(f, 0, 64 * 1024 * 1024) != APR_SUCCESS) fail("no room");
    int64_t start = clock_mono_us(), count = 0;
    for (; clock_mono_us() < start + seconds * 1000000; count++) {
        if (file_write_at(f, payload, SIZE, count * SIZE) != APR_SUCCESS || file_data_sync(f) != APR_SUCCESS) fail("cannot sync");
    }
    double rate = (double)count * 1e6 / (double)(clock_mono_us() - start);
    if (file_close(f) != APR_SUCCESS) fail("cannot close");
    memory_free(path);
    return rate;
}

int main(int argc, char **argv) {
    if (argc != 3) fail("usage: bench_group_commit DIRECTORY SECONDS");
    int64_t seconds = atoll(argv[2]);
    double single = single_rate(argv[1], seconds);
    double group = group_rate(argv[1], seconds);
    printf("{\"single\": %.1f, \"group\": %.1f}\n", single, group);
    return 0;
}
