/* Two connections that talk to each other over a socket pair, on one loop, without server or requester. */
#include "net/loops.h"

#include "suites.h"

#include <stdio.h>

typedef struct end {
    connection_t *connection; /* referenced */
    int frames;
    int bursts;
    _Atomic int gone;
    int32_t opaque;
    char body[64];
    char reason[64];
    bool answers;
    bool broke;
} end_t;

typedef struct pair {
    loops_t *loops;
    end_t ends[2];
} pair_t;

static void on_frame(void *arg, connection_t *c, const frame_t *frame, block_t *block) {
    end_t *e = arg;
    (void)block;
    CU_ASSERT_PTR_EQUAL(connection_user(c), e);
    CU_ASSERT_EQUAL(e->gone, 0);
    e->frames++;
    e->opaque = frame->opaque;
    CU_ASSERT_FATAL(frame->body.size < sizeof e->body);
    if (frame->body.size > 0) memcpy(e->body, frame->body.data, frame->body.size);
    e->body[frame->body.size] = 0;
    if (e->answers) connection_reply(c, frame, 0, NULL);
}

static void on_burst_end(void *arg, connection_t *c) {
    (void)c;
    ((end_t *)arg)->bursts++;
}

static void on_gone(void *arg, connection_t *c, const char *reason) {
    end_t *e = arg;
    CU_ASSERT(!connection_is_open(c));
    CU_ASSERT_EQUAL(connection_unsent(c), 0);
    (void)snprintf(e->reason, sizeof e->reason, "%s", reason);
    e->broke = connection_broke_protocol(c);
    e->gone++;
}

static const connection_events_t events = {on_frame, on_burst_end, on_gone};

static void open_pair(void *arg) {
    pair_t *p = arg;
    raw_socket_t *s[2];
    CU_ASSERT_FATAL(raw_socket_pair(&s[0], &s[1]) == APR_SUCCESS);
    for (int i = 0; i < 2; i++) {
        end_t *e = &p->ends[i];
        connection_options_t options = {.max_frame = 1000, .max_unsent = 1000, .events = &events, .arg = e};
        CU_ASSERT_FATAL(connection_open(&e->connection, loops_context(p->loops, 0), s[i], &options) == APR_SUCCESS);
        connection_retain(e->connection);
        connection_set_user(e->connection, e);
        CU_ASSERT(connection_is_open(e->connection));
        CU_ASSERT_PTR_EQUAL(connection_context_of(e->connection), loops_context(p->loops, 0));
        CU_ASSERT_PTR_EQUAL(connection_loop(e->connection), loops_at(p->loops, 0));
    }
}

static void start(pair_t *p) {
    memset(p, 0, sizeof *p);
    CU_ASSERT_FATAL(loops_start(&p->loops, "pair", 1) == APR_SUCCESS);
    loops_call(p->loops, 0, open_pair, p);
}

static bool both_gone(void *arg) {
    pair_t *p = arg;
    return p->ends[0].gone > 0 && p->ends[1].gone > 0;
}

static void end(pair_t *p) {
    CU_ASSERT(test_wait(both_gone, p, 20));
    loops_stop(p->loops);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(p->ends[i].gone, 1);
        connection_release(p->ends[i].connection); /* outlives its loop */
    }
}

static void send_one(connection_t *c, int32_t opaque, const char *text) {
    chain_t body;
    frame_t head = {.code = 10, .version = 8, .opaque = opaque, .flag = 0, .request_code = -1};
    chain_init(&body);
    chain_append_copy(&body, text, strlen(text));
    connection_send_frame(c, &head, &body);
    CU_ASSERT_EQUAL(body.bytes, 0);
}

static void send_and_close(void *arg) {
    pair_t *p = arg;
    connection_t *c = p->ends[0].connection;
    p->ends[1].answers = true;
    send_one(c, 1, "first");
    send_one(c, 2, "second");
    CU_ASSERT_EQUAL(connection_unsent(c), 2 * FRAME_HEAD + 11);
    connection_close(c, true, "enough");
    connection_close(c, true, "said twice");
    CU_ASSERT(!connection_is_open(c));
    send_one(c, 3, "too late");
    CU_ASSERT_EQUAL(connection_unsent(c), 2 * FRAME_HEAD + 11);
}

/* What was queued leaves in one write, what comes after the close does not. */
static void connection_flushes_before_it_closes(void) {
    pair_t p;
    start(&p);
    loops_call(p.loops, 0, send_and_close, &p);
    end(&p);
    CU_ASSERT_EQUAL(p.ends[1].frames, 2);
    CU_ASSERT_EQUAL(p.ends[1].bursts, 1);
    CU_ASSERT_EQUAL(p.ends[1].opaque, 2);
    CU_ASSERT_STRING_EQUAL(p.ends[1].body, "second");
    CU_ASSERT_EQUAL(p.ends[0].frames, 0); /* answers to one that closes are not delivered */
    CU_ASSERT_STRING_EQUAL(p.ends[0].reason, "enough");
    CU_ASSERT(!p.ends[0].broke && !p.ends[1].broke);
}

static void close_at_once(void *arg) {
    pair_t *p = arg;
    send_one(p->ends[0].connection, 1, "lost");
    connection_close(p->ends[0].connection, false, "at once");
    CU_ASSERT_EQUAL(p->ends[0].gone, 0); /* never inside the call */
    connection_close(p->ends[0].connection, false, "again");
}

static void connection_closes_at_once(void) {
    pair_t p;
    start(&p);
    loops_call(p.loops, 0, close_at_once, &p);
    end(&p);
    CU_ASSERT_EQUAL(p.ends[1].frames, 0);
    CU_ASSERT_STRING_EQUAL(p.ends[0].reason, "at once");
    CU_ASSERT_STRING_EQUAL(p.ends[1].reason, "closed by the peer");
}

static void send_garbage(void *arg) {
    pair_t *p = arg;
    chain_t bytes;
    chain_init(&bytes);
    chain_append_copy(&bytes, "0123456789", 10);
    connection_send(p->ends[0].connection, &bytes);
    CU_ASSERT_EQUAL(bytes.bytes, 0);
    connection_send(p->ends[0].connection, &bytes); /* nothing */
    CU_ASSERT_EQUAL(connection_unsent(p->ends[0].connection), 10);
}

static void connection_tells_a_broken_protocol(void) {
    pair_t p;
    start(&p);
    loops_call(p.loops, 0, send_garbage, &p);
    end(&p);
    CU_ASSERT(p.ends[1].broke);
    CU_ASSERT(strstr(p.ends[1].reason, "wrong magic, first bytes 30 31 32") != NULL);
    CU_ASSERT(!p.ends[0].broke);
}

const test_case_t connection_cases[] = {
    TEST(connection_flushes_before_it_closes),
    TEST(connection_closes_at_once),
    TEST(connection_tells_a_broken_protocol),
    TEST_END,
};
