#include "metaserver/broker_requests.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/thread.h"
#include "protocol/codes.h"

/* metaserver.md 12 */
#define CONNECT_TIMEOUT_US ((int64_t)5 * 1000000)
#define IDLE_CLOSE_US ((int64_t)120 * 1000000)
#define MAX_FRAME ((size_t)64 * 1024)
#define FIND_US ((int64_t)1000000)

struct broker_requests {
    loops_t *loops;
    const log_t *log;
    requester_t *requester;
    apr_status_t status;
    mutex_t lock;
    condition_t stopped;
    bool is_stopped;
};

static void start(void *arg) {
    broker_requests_t *b = arg;
    requester_options_t o = {.context = loops_context(b->loops, 0),
                             .connect_timeout_us = CONNECT_TIMEOUT_US,
                             .idle_close_us = IDLE_CLOSE_US,
                             .max_frame = MAX_FRAME,
                             .log = b->log};
    b->status = requester_create(&b->requester, &o);
}

static void on_stopped(void *arg) {
    broker_requests_t *b = arg;
    mutex_lock(&b->lock);
    b->is_stopped = true;
    condition_broadcast(&b->stopped);
    mutex_unlock(&b->lock);
}

static void stop(void *arg) {
    broker_requests_t *b = arg;
    requester_destroy(b->requester, on_stopped, b);
}

static void free_all(broker_requests_t *b) {
    condition_destroy(&b->stopped);
    mutex_destroy(&b->lock);
    memory_free(b);
}

apr_status_t broker_requests_create(broker_requests_t **out, loops_t *loops, const log_t *log) {
    broker_requests_t *b = memory_zalloc(sizeof *b);
    b->loops = loops;
    b->log = log;
    mutex_init(&b->lock);
    condition_init(&b->stopped);
    loops_call(loops, 0, start, b);
    apr_status_t rv = b->status;
    if (rv == APR_SUCCESS)
        *out = b;
    else
        free_all(b);
    return rv;
}

void broker_requests_destroy(broker_requests_t *b) {
    if (b == NULL) return;
    loops_call(b->loops, 0, stop, b);
    mutex_lock(&b->lock);
    while (!b->is_stopped) condition_wait(&b->stopped, &b->lock);
    mutex_unlock(&b->lock);
    free_all(b);
}

loop_t *broker_requests_loop(const broker_requests_t *b) {
    return loops_at(b->loops, 0);
}

requester_t *broker_requests_requester(const broker_requests_t *b) {
    return b->requester;
}

bool broker_requests_finds(const char *address) {
    request_options_t o = {.code = REQUEST_HEARTBEAT, .version = VERSION_8, .request_code = -1, .timeout_us = FIND_US};
    int16_t code = 0;
    uint8_t *answer = NULL;
    size_t size = 0;
    apr_status_t status = requester_call(address, &o, "", 0, &code, &answer, &size);
    memory_free(answer);
    return status != QMQ_E_UNREACHABLE && status != APR_TIMEUP;
}
