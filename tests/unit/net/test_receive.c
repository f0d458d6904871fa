#include "fixture.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/random.h"
#include "suites.h"

#include <stdlib.h>

#define MIB ((size_t)1024 * 1024)

/* Bytes that tell where they belong, so that a misplaced one is seen. */
static void fill(uint8_t *to, size_t size, uint32_t seed) {
    for (size_t i = 0; i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        to[i] = (uint8_t)(seed >> 24);
    }
}

static uint8_t *pattern(size_t size, uint32_t seed) {
    uint8_t *bytes = memory_alloc(size + 1);
    fill(bytes, size, seed);
    return bytes;
}

static void receive_64_mib_frame(void) {
    fixture_t f;
    client_t c;
    size_t size = 64 * MIB;
    uint8_t *body = pattern(size, 1);
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_ECHO, 1, body, size));
    CU_ASSERT(client_expect(&c, 0, 1, body, size));
    CU_ASSERT(client_request(&c, CODE_ECHO, 2, "after", 5));
    CU_ASSERT(client_expect(&c, 0, 2, "after", 5));
    client_close(&c);
    fixture_stop(&f);
    memory_free(body);
}

/* Sizes around every border the code has: header, copied piece, rest of a block, block. */
static void receive_sizes_around_borders(void) {
    static const size_t borders[] = {0, 24, 256, 512, 8192, 65536, 131072, 1048576 - 24, 1048576, 2097152};
    fixture_t f;
    client_t c;
    uint8_t *body = pattern(3 * MIB, 2);
    int32_t opaque = 0;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (size_t i = 0; i < sizeof borders / sizeof *borders; i++) {
        for (size_t d = 0; d < 3; d++) {
            size_t size = borders[i] + d == 0 ? 0 : borders[i] + d - 1;
            CU_ASSERT_FATAL(client_request(&c, CODE_ECHO, opaque, body, size));
            CU_ASSERT_FATAL(client_expect(&c, 0, opaque, body, size));
            opaque++;
        }
    }
    client_close(&c);
    fixture_stop(&f);
    memory_free(body);
}

#define TALKERS 6
#define TALK_FRAMES 120

typedef struct talker {
    client_t client;
    uint8_t *bytes; /* everything it will send */
    size_t size;
    size_t sent;
    size_t bodies[TALK_FRAMES];
} talker_t;

static size_t some_size(void) {
    switch (random_below(6)) {
    case 0:
        return 0;
    case 1:
        return (size_t)random_below(64);
    case 2:
        return (size_t)random_below(9000);
    case 3:
        return (size_t)random_below(60000);
    case 4:
        return (size_t)random_below(200000);
    default:
        return random_below(8) == 0 ? (size_t)random_below((uint64_t)3 * MIB) : (size_t)random_below(2000);
    }
}

static void prepare_talker(talker_t *t, int number, int16_t code) {
    t->size = 0;
    for (int i = 0; i < TALK_FRAMES; i++) {
        t->bodies[i] = some_size();
        t->size += 24 + t->bodies[i];
    }
    t->bytes = memory_alloc(t->size);
    t->sent = 0;
    size_t at = 0;
    for (int i = 0; i < TALK_FRAMES; i++) {
        uint8_t *body = pattern(t->bodies[i], (uint32_t)(number * 1000 + i));
        at += request_write(t->bytes + at, code, i, body, t->bodies[i]);
        memory_free(body);
    }
}

static void talk_a_little(talker_t *t) {
    static const size_t limits[] = {1, 30, 3000, 100000, 700000};
    size_t n = 1 + (size_t)random_below(limits[random_below(5)]);
    if (n > t->size - t->sent) n = t->size - t->sent;
    CU_ASSERT_FATAL(client_write(&t->client, t->bytes + t->sent, n));
    t->sent += n;
}

static void listen_to(void *arg) {
    talker_t *t = arg;
    size_t at = 0;
    for (int i = 0; i < TALK_FRAMES; i++) {
        if (!client_expect(&t->client, 0, i, t->bytes + at + 24, t->bodies[i])) abort();
        at += 24 + t->bodies[i];
    }
}

/* Several connections of one loop send frames of all sizes in pieces of all sizes, in random turns; every byte comes back in its place. */
static void receive_pieces_of_many_connections(void) {
    fixture_t f;
    static talker_t t[TALKERS];
    thread_t *listeners[TALKERS];
    fixture_start(&f, 1, NULL);
    for (int i = 0; i < TALKERS; i++) {
        prepare_talker(&t[i], i, CODE_ECHO);
        CU_ASSERT_FATAL(client_open(&t[i].client, f.port));
        CU_ASSERT_FATAL(thread_start(&listeners[i], "listener", listen_to, &t[i]) == APR_SUCCESS);
    }
    for (int open = TALKERS; open > 0;) {
        int i = (int)random_below(TALKERS);
        if (t[i].sent == t[i].size) continue;
        talk_a_little(&t[i]);
        if (t[i].sent == t[i].size) open--;
    }
    for (int i = 0; i < TALKERS; i++) {
        thread_join(listeners[i]);
        client_close(&t[i].client);
        memory_free(t[i].bytes);
    }
    CU_ASSERT_EQUAL(f.frames, TALKERS * TALK_FRAMES);
    fixture_stop(&f);
}

/* A kept block stays as it was while others are read into. */
typedef struct keeper {
    block_t *block;
    const char *data;
    size_t size;
    uint32_t seed;
} keeper_t;

#define KEPT 400
static keeper_t kept[KEPT];
static _Atomic int kept_count;

static void keep(void *arg, connection_t *c, const frame_t *request, block_t *block) {
    (void)arg;
    int n = kept_count;
    if (n < KEPT && request->body.size >= 4) {
        cursor_t in = cursor_of(request->body);
        block_retain(block);
        kept[n] = (keeper_t){block, request->body.data, request->body.size, cursor_u32(&in)};
        kept_count = n + 1;
    }
    connection_reply(c, request, 0, NULL);
}

static void check_kept(int i) {
    uint8_t *expected = pattern(kept[i].size - 4, kept[i].seed);
    CU_ASSERT(memcmp(expected, kept[i].data + 4, kept[i].size - 4) == 0);
    CU_ASSERT((const uint8_t *)kept[i].data >= kept[i].block->data);
    CU_ASSERT((const uint8_t *)kept[i].data + kept[i].size <= kept[i].block->data + kept[i].block->capacity);
    memory_free(expected);
}

static void receive_kept_blocks_are_not_overwritten(void) {
    static const command_t commands[] = {{CODE_ECHO, keep}, {0, NULL}};
    fixture_t f;
    client_t c[2];
    net_server_t *server = NULL;
    qmq_error_t *error = NULL;
    fixture_start(&f, 1, NULL);
    net_server_options_t options = {.name = "keep",
                                    .address = "127.0.0.1",
                                    .commands = commands,
                                    .max_frame = FIXTURE_MAX_FRAME,
                                    .max_unsent = MIB,
                                    .max_connections = 10,
                                    .log = &f.log};
    CU_ASSERT_FATAL(net_server_start(&server, f.loops, &options, &error) == APR_SUCCESS);
    kept_count = 0;
    for (int i = 0; i < 2; i++) CU_ASSERT_FATAL(client_open(&c[i], net_server_port(server)));
    for (uint32_t i = 0; i < KEPT; i++) {
        size_t size = 4 + (size_t)random_below(i % 50 == 0 ? 1500000 : 30000);
        uint8_t *body = memory_alloc(size);
        for (int b = 0; b < 4; b++) body[b] = (uint8_t)(i >> (24 - 8 * b));
        fill(body + 4, size - 4, i);
        CU_ASSERT_FATAL(client_request(&c[i % 2], CODE_ECHO, (int32_t)i, body, size));
        memory_free(body);
        if (i % 3 == 0) continue; /* sometimes two or three are under way */
        while (kept_count < (int)i - 1) thread_sleep_us(100);
    }
    CU_ASSERT(wait_for_int(&kept_count, KEPT));
    net_server_destroy(server, 0);
    for (int i = 0; i < KEPT; i++) {
        check_kept(i);
        block_release(kept[i].block);
    }
    for (int i = 0; i < 2; i++) client_close(&c[i]);
    fixture_stop(&f);
}

#define HOLDERS 80
#define HOLD_SIZE ((size_t)900 * 1024)

static void send_holders(void *arg) {
    client_t *c = arg;
    uint8_t *body = pattern(HOLD_SIZE, 3);
    for (int i = 0; i < HOLDERS; i++) {
        if (!client_request(c, CODE_HOLD, i, body, HOLD_SIZE)) abort();
    }
    memory_free(body);
}

/* Every frame keeps its block: after 32 the loop stops reading, and goes on when one comes back. */
static void receive_stops_when_all_blocks_are_held(void) {
    fixture_t f;
    client_t c;
    thread_t *sender = NULL;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT_FATAL(thread_start(&sender, "sender", send_holders, &c) == APR_SUCCESS);
    CU_ASSERT_FATAL(fixture_wait_frames(&f, 32));
    while (f.frames < HOLDERS) {
        if (fixture_release_blocks(&f) == 0) thread_sleep_us(100);
    }
    thread_join(sender);
    CU_ASSERT(f.most_blocks >= 16);
    CU_ASSERT(f.most_blocks <= 32);
    for (int i = 0; i < HOLDERS; i++) CU_ASSERT(client_expect(&c, 0, i, NULL, 0));
    client_close(&c);
    fixture_stop(&f);
}

static void do_nothing(void *arg) {
    (void)arg;
}

/* The server closes connections that wait for a block; the blocks come back afterwards. */
static void receive_closes_while_waiting_for_a_block(void) {
    fixture_t f;
    client_t c[2];
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c[0], f.port));
    CU_ASSERT_FATAL(client_open(&c[1], f.port));
    uint8_t *body = pattern(HOLD_SIZE, 3);
    for (int i = 0; i < 32; i++) CU_ASSERT_FATAL(client_request(&c[0], CODE_HOLD, i, body, HOLD_SIZE));
    CU_ASSERT_FATAL(fixture_wait_frames(&f, 32));
    for (int i = 0; i < 2; i++) CU_ASSERT(client_request(&c[i], CODE_HOLD, 32, body, HOLD_SIZE / 2));
    for (int i = 0; i < 3; i++) loops_call(f.loops, 0, do_nothing, NULL); /* rounds in which they were readable */
    CU_ASSERT_EQUAL(f.frames, 32);
    net_server_destroy(f.server, 1000000);
    CU_ASSERT_EQUAL(fixture_release_blocks(&f), 32);
    loops_stop(f.loops);
    client_close(&c[0]);
    client_close(&c[1]);
    mutex_destroy(&f.lock);
    memory_free(body);
}

/* A held block may come back after everything else is gone. */
static void receive_blocks_outlive_the_loops(void) {
    fixture_t f;
    client_t c;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_HOLD, 1, "kept", 4));
    CU_ASSERT(client_expect(&c, 0, 1, NULL, 0));
    client_close(&c);
    net_server_destroy(f.server, 0);
    loops_stop(f.loops);
    CU_ASSERT_EQUAL(fixture_release_blocks(&f), 1);
    mutex_destroy(&f.lock);
}

/* Connections that stop within a frame are found, whichever way they are kept. */
static void receive_partial_frames_then_close(void) {
    static const size_t cuts[] = {1, 9, 10, 23, 24, 25, 300, 10000, 100000};
    fixture_t f;
    fixture_start(&f, 1, NULL);
    uint8_t *frame = memory_alloc(24 + 200000);
    uint8_t *body = pattern(200000, 9);
    size_t size = request_write(frame, CODE_ECHO, 1, body, 200000);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        client_t c[3];
        for (int k = 0; k < 3; k++) {
            CU_ASSERT_FATAL(client_open(&c[k], f.port));
            CU_ASSERT(client_write(&c[k], frame, cuts[i]));
        }
        CU_ASSERT(client_write(&c[0], frame + cuts[i], size - cuts[i]));
        CU_ASSERT(client_expect(&c[0], 0, 1, body, 200000));
        for (int k = 0; k < 3; k++) client_close(&c[k]);
        CU_ASSERT(fixture_wait_connections(&f, 0));
    }
    fixture_stop(&f);
    memory_free(frame);
    memory_free(body);
}

/* The peer ends its side: what it asked for before is still answered. */
static void receive_half_close_is_answered(void) {
    fixture_t f;
    client_t c;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_SIZED, 1, (uint8_t[4]){0, 0x80, 0, 0}, 4));
    CU_ASSERT(apr_socket_shutdown(c.socket, APR_SHUTDOWN_WRITE) == APR_SUCCESS);
    answer_t a;
    CU_ASSERT(client_answer(&c, &a));
    CU_ASSERT_EQUAL(a.body_size, 8 * MIB);
    answer_free(&a);
    CU_ASSERT(client_is_closed(&c));
    client_close(&c);
    fixture_stop(&f);
}

static void receive_frame_limit(void) {
    fixture_t f;
    client_t c;
    net_server_options_t change = {.max_frame = 1000};
    uint8_t body[981] = {0};
    fixture_start(&f, 1, &change);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_ECHO, 1, body, 980)); /* total is 1000 */
    CU_ASSERT(client_expect(&c, 0, 1, body, 980));
    CU_ASSERT(client_request(&c, CODE_ECHO, 2, body, 981));
    CU_ASSERT(client_is_closed(&c));
    client_close(&c);
    fixture_stop(&f);
}

const test_case_t receive_cases[] = {
    TEST(receive_64_mib_frame),
    TEST(receive_sizes_around_borders),
    TEST(receive_pieces_of_many_connections),
    TEST(receive_kept_blocks_are_not_overwritten),
    TEST(receive_stops_when_all_blocks_are_held),
    TEST(receive_closes_while_waiting_for_a_block),
    TEST(receive_blocks_outlive_the_loops),
    TEST(receive_partial_frames_then_close),
    TEST(receive_half_close_is_answered),
    TEST(receive_frame_limit),
    TEST_END,
};
