/* qmq bench: what the library and the servers do together, measured from outside. */
#include "base/error.h"
#include "base/memory.h"
#include "cli.h"
#include "portability/clock.h"
#include "portability/control.h"
#include "portability/thread.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SIZE 1024
#define DEFAULT_BATCH 50
#define DEFAULT_WINDOW 8
#define DEFAULT_DURATION_MS 10000
#define MOST_CONNECTIONS 64
#define MOST_SAMPLES ((size_t)1 << 20)
#define READY_MS 10000
#define FLUSH_MS 30000
#define ROOM_MS 100
#define ANSWER_MS 10000
#define STEP_US 50000

typedef struct bench {
    const cli_options_t *o;
    cli_session_t sessions[MOST_CONNECTIONS];
    int connections;
    char *data;
    size_t size;
    int64_t goal; /* messages, INT64_MAX: by time */
    int64_t duration_us;
    int64_t start_us;
    int64_t end_us;
    atomic_llong handed;
    atomic_llong done;
    atomic_llong failed;
    atomic_bool stopping;
    atomic_size_t sample_count;
    int64_t *samples; /* microseconds */
    qmq_error_t *error;
    mutex_t lock;
    condition_t changed;
    int64_t arrived_us; /* roundtrip: when the message came */
} bench_t;

static void add_sample(bench_t *b, int64_t us) {
    size_t at = atomic_fetch_add(&b->sample_count, 1);
    if (at < MOST_SAMPLES) b->samples[at] = us;
}

static void keep_error(bench_t *b, qmq_error_t *e) {
    mutex_lock(&b->lock);
    qmq_error_t *drop = b->error == NULL ? NULL : e;
    if (b->error == NULL) b->error = e;
    mutex_unlock(&b->lock);
    qmq_error_free(drop);
    atomic_store(&b->stopping, true);
}

static bool is_over(const bench_t *b) {
    return atomic_load(&b->stopping) || clock_mono_us() - b->start_us >= b->duration_us;
}

static qmq_message_t *make_message(bench_t *b, qmq_client_t *client, qmq_error_t **error) {
    qmq_message_t *m = qmq_message_create(client, b->o->subject, error);
    if (m == NULL) return NULL;
    int status = b->size > 32767 ? qmq_message_set_large(m, "data", b->data, b->size, error)
                                 : qmq_message_set_bytes(m, "data", b->data, b->size, error);
    if (status == QMQ_OK) return m;
    qmq_message_destroy(m);
    return NULL;
}

/* ---- produce */

typedef struct handed {
    bench_t *bench;
    int64_t at_us;
} handed_t;

static void on_sent(void *arg, const qmq_message_t *message, const qmq_error_t *error) {
    handed_t *h = arg;
    bench_t *b = h->bench;
    (void)message;
    if (error == NULL) {
        add_sample(b, clock_mono_us() - h->at_us);
        atomic_fetch_add(&b->done, 1);
    } else {
        atomic_fetch_add(&b->failed, 1);
        keep_error(b, error_create(qmq_error_status(error), qmq_error_remedy(error), "%s", qmq_error_message(error)));
    }
    memory_free(h);
}

typedef struct worker {
    bench_t *bench;
    qmq_client_t *client;
    qmq_producer_t *producer;
    thread_t *thread;
} worker_t;

/* False when it is over. */
static bool send_one(worker_t *w) {
    bench_t *b = w->bench;
    qmq_error_t *error = NULL;
    while (!is_over(b)) {
        qmq_message_t *m = make_message(b, w->client, &error);
        if (m == NULL) {
            keep_error(b, error);
            return false;
        }
        handed_t *h = memory_alloc(sizeof *h);
        h->bench = b;
        h->at_us = clock_mono_us();
        int status = qmq_producer_send(w->producer, m, ROOM_MS, on_sent, h, &error);
        if (status == QMQ_OK) return true;
        memory_free(h);
        if (status != QMQ_FULL) {
            keep_error(b, error);
            return false;
        }
        qmq_error_free(error);
        error = NULL;
    }
    return false;
}

static void run_sender(void *arg) {
    worker_t *w = arg;
    while (atomic_fetch_add(&w->bench->handed, 1) < w->bench->goal && send_one(w)) continue;
}

static bool start_sender(worker_t *w, bench_t *b, int index) {
    qmq_producer_options_t options;
    qmq_error_t *error = NULL;
    qmq_producer_options_init(&options);
    options.batch = b->o->batch > 0 ? (int)b->o->batch : DEFAULT_BATCH;
    options.window = b->o->window > 0 ? (int)b->o->window : DEFAULT_WINDOW;
    options.max_queue = (size_t)options.batch * (size_t)options.window * 2; /* so that the latency is that of the servers */
    w->bench = b;
    w->client = b->sessions[index].client;
    w->producer = qmq_producer_create(w->client, &options, &error);
    if (w->producer == NULL) keep_error(b, error);
    return w->producer != NULL && thread_start(&w->thread, "qmq-bench", run_sender, w) == APR_SUCCESS;
}

static void bench_produce(bench_t *b) {
    worker_t workers[MOST_CONNECTIONS] = {{0}};
    b->start_us = clock_mono_us();
    for (int i = 0; i < b->connections; i++) {
        if (!start_sender(&workers[i], b, i)) atomic_store(&b->stopping, true);
    }
    while (!is_over(b) && atomic_load(&b->done) + atomic_load(&b->failed) < b->goal) {
        if (control_wait(STEP_US) == CONTROL_STOP) atomic_store(&b->stopping, true);
    }
    for (int i = 0; i < b->connections; i++) {
        if (workers[i].thread != NULL) thread_join(workers[i].thread);
        if (workers[i].producer != NULL) (void)qmq_producer_flush(workers[i].producer, FLUSH_MS);
    }
    b->end_us = clock_mono_us();
    for (int i = 0; i < b->connections; i++) qmq_producer_destroy(workers[i].producer, 0);
}

/* ---- consume */

static qmq_verdict_t on_message(void *arg, qmq_message_t *m) {
    bench_t *b = arg;
    (void)m;
    if (atomic_fetch_add(&b->done, 1) + 1 >= b->goal) atomic_store(&b->stopping, true);
    return QMQ_DONE;
}

static qmq_consumer_t *start_consumer(bench_t *b, int index, qmq_handler_fn handler, bool broadcast) {
    qmq_consumer_options_t options;
    qmq_error_t *error = NULL;
    qmq_consumer_options_init(&options);
    options.group = b->o->group != NULL ? b->o->group : "qmq-bench";
    options.broadcast = broadcast;
    options.threads = 1;
    if (b->o->batch > 0) options.batch = (int)b->o->batch;
    options.max_unacked = options.batch * 20;
    if (!broadcast) options.from = QMQ_FROM_EARLIEST; /* what is there, and what comes */
    qmq_consumer_t *c = qmq_consumer_start(b->sessions[index].client, b->o->subject, &options, handler, b, &error);
    if (c != NULL && qmq_consumer_ready(c, READY_MS, &error) != QMQ_OK) {
        qmq_consumer_stop(c, 0);
        c = NULL;
    }
    if (c == NULL) keep_error(b, error);
    return c;
}

static void bench_consume(bench_t *b) {
    qmq_consumer_t *consumers[MOST_CONNECTIONS] = {NULL};
    b->start_us = clock_mono_us();
    for (int i = 0; i < b->connections; i++) consumers[i] = start_consumer(b, i, on_message, false);
    while (!is_over(b)) {
        if (control_wait(STEP_US / 10) == CONTROL_STOP) atomic_store(&b->stopping, true);
    }
    b->end_us = clock_mono_us();
    for (int i = 0; i < b->connections; i++) qmq_consumer_stop(consumers[i], ANSWER_MS);
}

/* ---- roundtrip */

static qmq_verdict_t on_echo(void *arg, qmq_message_t *m) {
    bench_t *b = arg;
    (void)m;
    mutex_lock(&b->lock);
    b->arrived_us = clock_mono_us();
    condition_signal(&b->changed);
    mutex_unlock(&b->lock);
    return QMQ_DONE;
}

/* One message there and back. */
static bool roundtrip(bench_t *b, qmq_producer_t *producer) {
    qmq_error_t *error = NULL;
    qmq_message_t *m = make_message(b, b->sessions[0].client, &error);
    int64_t start = clock_mono_us();
    int64_t deadline = start + ANSWER_MS * INT64_C(1000);
    b->arrived_us = 0;
    if (m == NULL || qmq_producer_send(producer, m, ANSWER_MS, NULL, NULL, &error) != QMQ_OK) {
        keep_error(b, error);
        return false;
    }
    mutex_lock(&b->lock);
    while (b->arrived_us == 0 && clock_mono_us() < deadline) (void)condition_wait_us(&b->changed, &b->lock, deadline - clock_mono_us());
    int64_t arrived = b->arrived_us;
    mutex_unlock(&b->lock);
    if (arrived == 0) {
        keep_error(b, error_create(QMQ_TIMED_OUT, "Look at the broker's log and load", "a message did not come back in %d ms", ANSWER_MS));
        return false;
    }
    add_sample(b, arrived - start);
    atomic_fetch_add(&b->done, 1);
    return true;
}

static void bench_roundtrip(bench_t *b) {
    qmq_error_t *error = NULL;
    /* Broadcast: a group of its own, whatever else consumes the subject. */
    qmq_consumer_t *consumer = start_consumer(b, 0, on_echo, true);
    qmq_producer_t *producer = qmq_producer_create(b->sessions[0].client, NULL, &error);
    b->start_us = clock_mono_us();
    for (int64_t i = 0; consumer != NULL && i < b->goal && !is_over(b) && control_wait(0) != CONTROL_STOP; i++) {
        if (!roundtrip(b, producer)) break;
    }
    b->end_us = clock_mono_us();
    qmq_producer_destroy(producer, 0);
    qmq_consumer_stop(consumer, ANSWER_MS);
}

/* ---- the figures */

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void report(bench_t *b) {
    static const char *const names[] = {"produce", "consume", "roundtrip"};
    size_t n = atomic_load(&b->sample_count);
    if (n > MOST_SAMPLES) n = MOST_SAMPLES;
    qsort(b->samples, n, sizeof *b->samples, compare);
    double seconds = (double)(b->end_us - b->start_us) / 1e6;
    long long done = atomic_load(&b->done);
    double rate = seconds > 0 ? (double)done / seconds : 0;
    double mib = rate * (double)b->size / (1024.0 * 1024.0);
    int64_t p50 = n == 0 ? 0 : b->samples[n / 2];
    int64_t p99 = n == 0 ? 0 : b->samples[n * 99 / 100];
    const char *name = names[b->o->mode];
    if (b->o->json) {
        (void)printf("{\"bench\":\"%s\",\"messages\":%lld,\"failed\":%lld,\"seconds\":%.3f,\"messages_per_second\":%.0f,\"size\":%zu", name,
                     done, (long long)atomic_load(&b->failed), seconds, rate, b->size);
        if (n > 0) (void)printf(",\"p50_us\":%lld,\"p99_us\":%lld", (long long)p50, (long long)p99);
        (void)printf("}\n");
        return;
    }
    (void)printf("%s: %lld messages in %.2f s, %.0f messages/s", name, done, seconds, rate);
    if (b->o->mode == BENCH_PRODUCE) (void)printf(", %.1f MiB/s", mib);
    if (n > 0) (void)printf(", p50 %lld us, p99 %lld us", (long long)p50, (long long)p99);
    (void)printf("\n");
}

static bool open_sessions(bench_t *b, int *code) {
    for (int i = 0; i < b->connections; i++) {
        if (!cli_open(&b->sessions[i], b->o, code)) return false;
    }
    return true;
}

static void prepare(bench_t *b, const cli_options_t *o) {
    b->o = o;
    b->size = o->size > 0 ? (size_t)o->size : DEFAULT_SIZE;
    b->data = memory_alloc(b->size);
    memset(b->data, 'x', b->size);
    b->samples = memory_alloc(MOST_SAMPLES * sizeof *b->samples);
    b->goal = o->count > 0 ? o->count : INT64_MAX;
    int64_t duration_ms = o->duration_ms > 0 ? o->duration_ms : o->count > 0 ? INT32_MAX : DEFAULT_DURATION_MS;
    b->duration_us = duration_ms * 1000;
    b->connections = o->connections < 1 || o->mode == BENCH_ROUNDTRIP ? 1 : (int)o->connections;
    mutex_init(&b->lock);
    condition_init(&b->changed);
}

int bench_command(const cli_options_t *o) {
    bench_t *b = memory_zalloc(sizeof *b);
    int code = EXIT_DONE;
    if (o->connections > MOST_CONNECTIONS || o->batch > 10000 || o->window > 10000) {
        cli_say("bench: at most %d connections, batches of 10000 and windows of 10000", MOST_CONNECTIONS);
        memory_free(b);
        return EXIT_USAGE;
    }
    if (o->client_id != NULL && o->connections > 1) {
        cli_say("bench: --client-id names one client, --connections %lld asks for more: leave one of them out", (long long)o->connections);
        memory_free(b);
        return EXIT_USAGE;
    }
    prepare(b, o);
    if (open_sessions(b, &code)) {
        if (o->mode == BENCH_PRODUCE) bench_produce(b);
        if (o->mode == BENCH_CONSUME) bench_consume(b);
        if (o->mode == BENCH_ROUNDTRIP) bench_roundtrip(b);
        report(b);
        if (b->error != NULL) code = cli_fail(b->error);
    }
    for (int i = 0; i < b->connections; i++) cli_close(&b->sessions[i]);
    condition_destroy(&b->changed);
    mutex_destroy(&b->lock);
    memory_free(b->samples);
    memory_free(b->data);
    memory_free(b);
    return code;
}
