/* Figures of the transport alone, printed, not judged: heap an idle connection costs, batches a second beside a bare loop of receive and
 * send, round trip of an answer of the same and of another thread. Run by hand. */
#include "fixture.h"

#include "base/memory.h"
#include "portability/clock.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_CONNECTIONS 2000
#define BATCH_BODY ((size_t)50 * 1100)
#define WINDOW 8
#define ROUND_TRIPS 20000
#define MIB 1048576.0
#define MEASURE_US ((int64_t)2000000)

static size_t heap_used(void) {
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void require(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "bench_net: %s failed\n", what);
    exit(1);
}

static void do_nothing(void *arg) {
    (void)arg;
}

static void measure_idle_connections(void) {
    fixture_t f;
    client_t *c = calloc(IDLE_CONNECTIONS, sizeof *c);
    require(c != NULL, "memory");
    fixture_start(&f, 2, NULL);
    loops_call(f.loops, 0, do_nothing, NULL);
    size_t clients_before = heap_used();
    client_t listener;
    int port = 0;
    require(client_listen(&listener, &port), "listen");
    for (int i = 0; i < 16; i++) require(client_open(&c[i], port), "connect");
    size_t client_size = (heap_used() - clients_before) / 16;
    for (int i = 0; i < 16; i++) client_close(&c[i]);
    client_close(&listener);
    /* The first one makes the loop's receive block and other things that stay. */
    for (int i = 0; i < 2; i++) {
        require(client_open(&c[i], f.port) && client_request(&c[i], CODE_ECHO, 1, NULL, 0) && client_expect(&c[i], 0, 1, NULL, 0), "echo");
    }
    size_t before = heap_used();
    for (int i = 2; i < IDLE_CONNECTIONS; i++) {
        require(client_open(&c[i], f.port) && client_request(&c[i], CODE_ECHO, 1, NULL, 0) && client_expect(&c[i], 0, 1, NULL, 0), "echo");
    }
    size_t used = (heap_used() - before) / (IDLE_CONNECTIONS - 2);
    printf("idle connection: %zu bytes of heap (budget 1024), after one request\n", used > client_size ? used - client_size : 0);
    for (int i = 2; i < IDLE_CONNECTIONS; i++) {
        uint8_t head[64];
        size_t size = request_write(head, CODE_ECHO, 1, NULL, 0);
        head[3] = 200;
        require(client_write(&c[i], head, size), "write");
    }
    for (int i = 0; i < 2; i++) require(client_request(&c[i], CODE_ECHO, 1, NULL, 0) && client_expect(&c[i], 0, 1, NULL, 0), "echo");
    used = (heap_used() - before) / (IDLE_CONNECTIONS - 2);
    printf("connection within a small frame: %zu bytes of heap\n", used > client_size ? used - client_size : 0);
    for (int i = 0; i < IDLE_CONNECTIONS; i++) client_close(&c[i]);
    fixture_stop(&f);
    free(c);
}

typedef struct bare {
    client_t *listener;
    uint8_t *buffer;
} bare_t;

/* Receives into one buffer, finds frame ends, answers each: nothing a server could leave out. */
static void run_bare(void *arg) {
    bare_t *b = arg;
    client_t c;
    size_t have = 0;
    uint8_t answers[64 * 24];
    require(client_accept(b->listener, &c), "accept");
    for (;;) {
        apr_size_t n = (apr_size_t)MIB - have;
        if (apr_socket_recv(c.socket, (char *)b->buffer + have, &n) != APR_SUCCESS) break;
        have += n;
        size_t at = 0;
        size_t count = 0;
        while (have - at >= 24 + BATCH_BODY && count < 64) {
            (void)request_write(answers + 24 * count, 0, 0, NULL, 0);
            memcpy(answers + 24 * count + 14, b->buffer + at + 14, 4);
            answers[24 * count + 21] = 1;
            count++;
            at += 24 + BATCH_BODY;
        }
        memmove(b->buffer, b->buffer + at, have - at);
        have -= at;
        if (count > 0 && !client_write(&c, answers, 24 * count)) break;
    }
    client_close(&c);
}

static double batches_per_second(int port, int16_t code) {
    client_t c;
    uint8_t *frame = calloc(1, 24 + BATCH_BODY);
    uint8_t *body = calloc(1, BATCH_BODY);
    uint8_t answer[24];
    require(frame != NULL && body != NULL && client_open(&c, port), "connect");
    size_t size = request_write(frame, code, 1, body, BATCH_BODY);
    for (int i = 0; i < WINDOW; i++) require(client_write(&c, frame, size), "write");
    int64_t start = clock_mono_us();
    int64_t end = start + MEASURE_US;
    int64_t done = 0;
    while (clock_mono_us() < end) {
        require(client_read(&c, answer, sizeof answer) && client_write(&c, frame, size), "batch");
        done++;
    }
    double rate = (double)done * 1e6 / (double)(clock_mono_us() - start);
    client_close(&c);
    free(frame);
    free(body);
    return rate;
}

static void measure_batches(void) {
    fixture_t f;
    client_t listener;
    int port = 0;
    thread_t *thread = NULL;
    bare_t bare = {&listener, calloc(1, (size_t)MIB)};
    require(bare.buffer != NULL && client_listen(&listener, &port), "listen");
    fixture_start(&f, 1, NULL);
    for (int round = 0; round < 3; round++) {
        require(thread_start(&thread, "bare", run_bare, &bare) == APR_SUCCESS, "thread");
        double theirs = batches_per_second(port, CODE_CODE);
        thread_join(thread);
        double ours = batches_per_second(f.port, CODE_CODE);
        double megabytes = (24 + BATCH_BODY) / MIB;
        printf("batches of 50: %.0f MiB/s, bare loop %.0f MiB/s: %.0f %%\n", ours * megabytes, theirs * megabytes, 100 * ours / theirs);
    }
    client_close(&listener);
    fixture_stop(&f);
    free(bare.buffer);
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void print_times(const char *what, int64_t *times) {
    qsort(times, ROUND_TRIPS, sizeof *times, compare);
    printf("%s: p50 %lld us, p99 %lld us\n", what, (long long)times[ROUND_TRIPS / 2], (long long)times[ROUND_TRIPS * 99 / 100]);
}

static void measure_round_trips(void) {
    fixture_t f;
    client_t c;
    parked_t p;
    int64_t *times = calloc(ROUND_TRIPS, sizeof *times);
    fixture_start(&f, 1, NULL);
    require(times != NULL && client_open(&c, f.port), "connect");
    for (int i = 0; i < ROUND_TRIPS; i++) {
        int64_t start = clock_mono_us();
        require(client_request(&c, CODE_ECHO, i, NULL, 0) && client_expect(&c, 0, i, NULL, 0), "echo");
        times[i] = clock_mono_us() - start;
    }
    print_times("round trip", times);
    for (int i = 0; i < ROUND_TRIPS; i++) {
        require(client_request(&c, CODE_PARK, i, NULL, 0), "park");
        while (!fixture_take(&f, 0, &p)) continue;
        int64_t start = clock_mono_us();
        reply_tag(&p.reply, 0, 0);
        require(client_expect(&c, 0, i, "\0\0\0\0", 4), "answer");
        times[i] = clock_mono_us() - start;
    }
    print_times("answer of another thread until the client has it", times);
    client_close(&c);
    fixture_stop(&f);
    free(times);
}

int main(int argc, char **argv) {
    static const test_case_t cases[] = {TEST(measure_idle_connections), TEST(measure_batches), TEST(measure_round_trips), TEST_END};
    static const test_suite_t suites[] = {{"bench", cases}, {NULL, NULL}};
    return test_main(argc, argv, suites);
}
