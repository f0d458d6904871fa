#include "fixture.h"

#include "base/memory.h"
#include "base/status.h"

#define PATIENCE_S 20.0

static view_t body_of(const frame_t *request) {
    return request->body;
}

static void echo(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    fixture_t *f = arg;
    chain_t body;
    f->frames++;
    chain_init(&body);
    slice_t s = {(const uint8_t *)request->body.data, request->body.size, &block->shared};
    chain_append_slice(&body, s);
    connection_reply(c, request, 0, &body);
}

static void park(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    fixture_t *f = arg;
    (void)block;
    cursor_t body = cursor_of(body_of(request));
    mutex_lock(&f->lock);
    if (f->parked_count == f->parked_capacity) {
        f->parked_capacity = f->parked_capacity == 0 ? 64 : f->parked_capacity * 2;
        f->parked = memory_realloc(f->parked, f->parked_capacity * sizeof *f->parked);
    }
    parked_t *p = &f->parked[f->parked_count++];
    reply_to_init(&p->reply, c, request);
    p->tag = cursor_i32(&body);
    mutex_unlock(&f->lock);
    f->frames++;
}

static void parse(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    (void)block;
    ((fixture_t *)arg)->frames++;
    cursor_t body = cursor_of(body_of(request));
    (void)cursor_str(&body);
    connection_reply(c, request, body.failed ? 51 : 0, NULL);
}

static void sized(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    (void)block;
    ((fixture_t *)arg)->frames++;
    cursor_t in = cursor_of(body_of(request));
    size_t size = (size_t)cursor_u32(&in);
    chain_t body;
    chain_init(&body);
    void *bytes = memory_alloc(size);
    memset(bytes, 'x', size);
    chain_append_memory(&body, bytes, size);
    connection_reply(c, request, 0, &body);
}

static size_t distinct_blocks(const fixture_t *f) {
    size_t n = 0;
    for (size_t i = 0; i < f->held_count; i++) {
        size_t j = 0;
        while (f->held[j] != f->held[i]) j++;
        n += j == i;
    }
    return n;
}

static void hold(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    fixture_t *f = arg;
    block_retain(block);
    mutex_lock(&f->lock);
    if (f->held_count == f->held_capacity) {
        f->held_capacity = f->held_capacity == 0 ? 64 : f->held_capacity * 2;
        f->held = memory_realloc(f->held, f->held_capacity * sizeof(block_t *));
    }
    f->held[f->held_count++] = block;
    size_t now = distinct_blocks(f);
    if (now > f->most_blocks) f->most_blocks = now;
    mutex_unlock(&f->lock);
    connection_reply(c, request, 0, NULL);
    f->frames++;
}

static void answer_code(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    (void)block;
    ((fixture_t *)arg)->frames++;
    cursor_t body = cursor_of(body_of(request));
    connection_reply(c, request, cursor_i16(&body), NULL);
}

static void close_now(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    (void)block, (void)request;
    ((fixture_t *)arg)->frames++;
    connection_close(c, false, "asked to");
}

static void last(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    echo(arg, c, request, block);
    connection_close(c, true, "asked to");
}

static const command_t commands[] = {
    {CODE_ECHO, echo},        {CODE_PARK, park},       {CODE_PARSE, parse}, {CODE_SIZED, sized}, {CODE_HOLD, hold},
    {CODE_CODE, answer_code}, {CODE_CLOSE, close_now}, {CODE_LAST, last},   {0, NULL},
};

static void on_burst_end(void *arg, connection_t *c) {
    (void)c;
    ((fixture_t *)arg)->bursts++;
}

static void on_opened(void *arg, connection_t *c) {
    connection_set_user(c, arg);
    ((fixture_t *)arg)->opened++;
}

static void on_closed(void *arg, connection_t *c) {
    CU_ASSERT_PTR_EQUAL(connection_user(c), arg);
    ((fixture_t *)arg)->closed++;
}

void fixture_start(fixture_t *f, int loops, const net_server_options_t *change) {
    memset(f, 0, sizeof *f);
    mutex_init(&f->lock);
    log_init(&f->log, "test");
    CU_ASSERT_FATAL(loops_start(&f->loops, "test", loops == 0 ? 2 : loops) == APR_SUCCESS);
    net_server_options_t options = {.name = "test.port",
                                    .address = "127.0.0.1",
                                    .commands = commands,
                                    .arg = f,
                                    .burst_end = on_burst_end,
                                    .opened = on_opened,
                                    .closed = on_closed,
                                    .max_frame = change != NULL && change->max_frame > 0 ? change->max_frame : FIXTURE_MAX_FRAME,
                                    .max_unsent = FIXTURE_MAX_UNSENT,
                                    .max_requests = change != NULL ? change->max_requests : 0,
                                    .weigh = change != NULL ? change->weigh : NULL,
                                    .max_connections = change != NULL && change->max_connections > 0 ? change->max_connections : 100000,
                                    .log = &f->log};
    qmq_error_t *error = NULL;
    CU_ASSERT_FATAL(net_server_start(&f->server, f->loops, &options, &error) == APR_SUCCESS);
    f->port = net_server_port(f->server);
}

void fixture_stop(fixture_t *f) {
    parked_t p;
    net_server_destroy(f->server, 1000000);
    CU_ASSERT_EQUAL(f->opened, f->closed);
    while (fixture_take(f, 0, &p)) reply_drop(&p.reply);
    (void)fixture_release_blocks(f);
    loops_stop(f->loops);
    memory_free(f->parked);
    memory_free(f->held);
    mutex_destroy(&f->lock);
}

size_t fixture_parked(fixture_t *f) {
    mutex_lock(&f->lock);
    size_t n = f->parked_count;
    mutex_unlock(&f->lock);
    return n;
}

typedef struct wanted {
    fixture_t *f;
    size_t n;
} wanted_t;

static bool has_parked(void *arg) {
    wanted_t *w = arg;
    return fixture_parked(w->f) >= w->n;
}

bool fixture_wait_parked(fixture_t *f, size_t n) {
    wanted_t w = {f, n};
    return test_wait(has_parked, &w, PATIENCE_S);
}

bool fixture_take(fixture_t *f, size_t index, parked_t *out) {
    mutex_lock(&f->lock);
    bool found = index < f->parked_count;
    if (found) {
        *out = f->parked[index];
        f->parked_count--;
        memmove(f->parked + index, f->parked + index + 1, (f->parked_count - index) * sizeof *f->parked);
    }
    mutex_unlock(&f->lock);
    return found;
}

size_t fixture_release_blocks(fixture_t *f) {
    mutex_lock(&f->lock);
    size_t n = f->held_count;
    block_t **held = f->held;
    f->held = NULL;
    f->held_count = f->held_capacity = 0;
    mutex_unlock(&f->lock);
    for (size_t i = 0; i < n; i++) block_release(held[i]);
    memory_free(held);
    return n;
}

static bool has_frames(void *arg) {
    wanted_t *w = arg;
    return w->f->frames >= (int)w->n;
}

bool fixture_wait_frames(fixture_t *f, int n) {
    wanted_t w = {f, (size_t)n};
    return test_wait(has_frames, &w, PATIENCE_S);
}

static bool has_connections(void *arg) {
    wanted_t *w = arg;
    return net_server_connections(w->f->server) == (int)w->n;
}

bool fixture_wait_connections(fixture_t *f, int n) {
    wanted_t w = {f, (size_t)n};
    return test_wait(has_connections, &w, PATIENCE_S);
}

void reply_tag(reply_to_t *r, int16_t code, int32_t tag) {
    chain_t body;
    uint8_t bytes[4] = {(uint8_t)((uint32_t)tag >> 24), (uint8_t)((uint32_t)tag >> 16), (uint8_t)((uint32_t)tag >> 8), (uint8_t)tag};
    chain_init(&body);
    chain_append_copy(&body, bytes, sizeof bytes);
    reply_send(r, code, &body);
}

typedef struct number {
    _Atomic int *value;
    int at_least;
} number_t;

static bool is_reached(void *arg) {
    number_t *n = arg;
    return *n->value >= n->at_least;
}

bool wait_for_int(_Atomic int *value, int at_least) {
    number_t n = {value, at_least};
    return test_wait(is_reached, &n, PATIENCE_S);
}
