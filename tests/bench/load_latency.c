#include "load.h"

#include "base/cursor.h"
#include "base/memory.h"
#include "net/frame.h"
#include "protocol/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The pull sequence of the one message in an answer; -1 without one. */
static int64_t pulled_sequence(const uint8_t *answer, size_t size) {
    cursor_t c = cursor_make(answer + FRAME_HEAD, size - FRAME_HEAD);
    int64_t first;
    return size > FRAME_HEAD && pull_response_read_head(&c, &first) ? first : -1;
}

/* A pull waits at the broker, then a message is sent on another connection: time from the first byte of the SEND to the pull's answer. */
int load_latency(const load_options_t *o) {
    int producer = load_connect(o->address), consumer = load_connect(o->address);
    load_options_t one = *o;
    one.batch = 1;
    size_t send_size, size;
    uint8_t *send = load_send_frame(&one, 7, &send_size);
    uint8_t *answer = NULL;
    size_t capacity = 0;
    double *times = memory_alloc((size_t)o->count * sizeof *times);
    int64_t last = -1;
    int n = 0;
    while (n < o->count) {
        uint8_t *pull = load_pull_frame(&one, 1, last, 5000, &size);
        load_write(consumer, pull, size);
        memory_free(pull);
        (void)usleep(1000); /* the pull must be waiting: that is what is measured */
        double begin = load_now();
        load_write(producer, send, send_size);
        size_t got = load_read_frame(consumer, &answer, &capacity);
        double took = load_now() - begin;
        int64_t sequence = pulled_sequence(answer, got);
        (void)load_read_frame(producer, &answer, &capacity);
        if (sequence < 0) continue;
        last = sequence;
        times[n++] = took * 1e6;
        uint8_t *ack = load_ack_frame(&one, 2, last, last, &size);
        load_write(consumer, ack, size);
        memory_free(ack);
        (void)load_read_frame(consumer, &answer, &capacity);
    }
    qsort(times, (size_t)n, sizeof *times, compare);
    (void)printf("{\"round_trips\":%d,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n", n, times[n / 2],
                 times[n * 9 / 10], times[n * 99 / 100], times[n - 1]);
    memory_free(times);
    memory_free(send);
    memory_free(answer);
    (void)close(producer);
    (void)close(consumer);
    return 0;
}
