#include "fixture.h"

#include "base/memory.h"
#include "suites.h"

#define MIB ((size_t)1024 * 1024)
#define SLOW_REQUESTS 200

static const uint8_t one_mib[4] = {0, 0x10, 0, 0};

static bool expect_mib(client_t *c, int32_t opaque) {
    answer_t a;
    bool ok = client_answer(c, &a) && a.opaque == opaque && a.body_size == MIB && a.body[0] == 'x' && a.body[MIB - 1] == 'x';
    answer_free(&a);
    return ok;
}

/* Who does not read is not read from either, and nobody else notices. */
static void transmit_slow_reader_is_held_back(void) {
    fixture_t f;
    client_t slow;
    client_t other;
    uint8_t *burst = memory_alloc((size_t)SLOW_REQUESTS * 28);
    size_t size = 0;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&slow, f.port));
    CU_ASSERT_FATAL(client_open(&other, f.port));
    for (int i = 0; i < SLOW_REQUESTS; i++) size += request_write(burst + size, CODE_SIZED, i, one_mib, 4);
    CU_ASSERT(client_write(&slow, burst, size));
    for (int i = 0; i < 100; i++) {
        CU_ASSERT(client_request(&other, CODE_ECHO, i, "x", 1));
        CU_ASSERT(client_expect(&other, 0, i, "x", 1));
    }
    /* What the system's two socket buffers take, the limit, and the one that exceeded it. */
    CU_ASSERT(f.frames - 100 < SLOW_REQUESTS / 2);
    for (int i = 0; i < SLOW_REQUESTS; i++) CU_ASSERT_FATAL(expect_mib(&slow, i));
    CU_ASSERT_EQUAL(f.frames, 100 + SLOW_REQUESTS);
    client_close(&slow);
    client_close(&other);
    fixture_stop(&f);
    memory_free(burst);
}

/* The same with requests that come while it is held, cut in the middle of frames. */
static void transmit_held_reader_goes_on_with_cut_frames(void) {
    fixture_t f;
    client_t slow;
    client_t other;
    uint8_t bytes[28 * 60];
    size_t size = 0;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&slow, f.port));
    CU_ASSERT_FATAL(client_open(&other, f.port));
    for (int i = 0; i < 60; i++) size += request_write(bytes + size, CODE_SIZED, i, one_mib, 4);
    for (size_t at = 0; at < size; at += 211) {
        CU_ASSERT(client_write(&slow, bytes + at, size - at < 211 ? size - at : 211));
        CU_ASSERT(client_request(&other, CODE_ECHO, 1, "y", 1));
        CU_ASSERT(client_expect(&other, 0, 1, "y", 1));
    }
    for (int i = 0; i < 60; i++) CU_ASSERT_FATAL(expect_mib(&slow, i));
    client_close(&slow);
    client_close(&other);
    fixture_stop(&f);
}

/* A held connection whose peer goes away ends: the write under way tells. */
static void transmit_held_reader_goes_away(void) {
    fixture_t f;
    client_t slow;
    client_t other;
    uint8_t bytes[28 * 60];
    size_t size = 0;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&slow, f.port));
    CU_ASSERT_FATAL(client_open(&other, f.port));
    for (int i = 0; i < 60; i++) size += request_write(bytes + size, CODE_SIZED, i, one_mib, 4);
    CU_ASSERT(client_write(&slow, bytes, size));
    for (int i = 0; i < 100; i++) {
        CU_ASSERT(client_request(&other, CODE_ECHO, i, "x", 1));
        CU_ASSERT(client_expect(&other, 0, i, "x", 1));
    }
    CU_ASSERT(f.frames < 160);
    client_close(&slow);
    CU_ASSERT(fixture_wait_connections(&f, 1));
    CU_ASSERT(client_request(&other, CODE_ECHO, 1, "x", 1));
    CU_ASSERT(client_expect(&other, 0, 1, "x", 1));
    client_close(&other);
    fixture_stop(&f);
}

static void transmit_answer_bigger_than_everything(void) {
    fixture_t f;
    client_t c;
    answer_t a;
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_SIZED, 1, (uint8_t[4]){6, 0, 0, 1}, 4));
    CU_ASSERT_FATAL(client_answer(&c, &a));
    CU_ASSERT_EQUAL(a.body_size, 96 * MIB + 1);
    CU_ASSERT(memchr(a.body, 'x', 1) != NULL && memcmp(a.body, a.body + 1, a.body_size - 1) == 0);
    answer_free(&a);
    client_close(&c);
    fixture_stop(&f);
}

static void transmit_close_after_flush(void) {
    fixture_t f;
    client_t c;
    size_t size = 12 * MIB;
    uint8_t *body = memory_alloc(size);
    memset(body, 'z', size);
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_LAST, 1, body, size));
    CU_ASSERT(client_expect(&c, 0, 1, body, size));
    CU_ASSERT(client_is_closed(&c));
    client_close(&c);
    CU_ASSERT(fixture_wait_connections(&f, 0));
    fixture_stop(&f);
    memory_free(body);
}

static void transmit_close_at_once(void) {
    fixture_t f;
    client_t c;
    uint8_t bytes[128];
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    size_t size = request_write(bytes, CODE_ECHO, 1, "lost", 4);
    size += request_write(bytes + size, CODE_CLOSE, 2, NULL, 0);
    size += request_write(bytes + size, CODE_ECHO, 3, "not run", 7);
    CU_ASSERT(client_write(&c, bytes, size));
    CU_ASSERT(client_is_closed(&c));
    CU_ASSERT(fixture_wait_connections(&f, 0));
    CU_ASSERT_EQUAL(f.frames, 2);
    client_close(&c);
    fixture_stop(&f);
}

/* A frame longer than a block lies in a block of its own; closing out of its callback must not take the bytes away. */
static void transmit_close_out_of_a_long_frame(void) {
    fixture_t f;
    client_t c;
    size_t size = 3 * MIB;
    uint8_t *body = memory_alloc(size);
    memset(body, 'q', size);
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    CU_ASSERT(client_request(&c, CODE_CLOSE, 1, body, size));
    CU_ASSERT(client_is_closed(&c));
    client_close(&c);
    fixture_stop(&f);
    memory_free(body);
}

/* Many small answers and references of one burst, more than a write takes slices. */
static void transmit_many_slices(void) {
    fixture_t f;
    client_t c;
    uint8_t *burst = memory_alloc((size_t)1000 * (24 + 700));
    uint8_t body[700];
    size_t size = 0;
    memset(body, 'm', sizeof body);
    fixture_start(&f, 1, NULL);
    CU_ASSERT_FATAL(client_open(&c, f.port));
    for (int i = 0; i < 1000; i++) size += request_write(burst + size, CODE_ECHO, i, body, i % 2 == 0 ? sizeof body : 20);
    CU_ASSERT(client_write(&c, burst, size));
    for (int i = 0; i < 1000; i++) CU_ASSERT_FATAL(client_expect(&c, 0, i, body, i % 2 == 0 ? sizeof body : 20));
    client_close(&c);
    fixture_stop(&f);
    memory_free(burst);
}

const test_case_t transmit_cases[] = {
    TEST(transmit_slow_reader_is_held_back),
    TEST(transmit_held_reader_goes_on_with_cut_frames),
    TEST(transmit_held_reader_goes_away),
    TEST(transmit_answer_bigger_than_everything),
    TEST(transmit_close_after_flush),
    TEST(transmit_close_at_once),
    TEST(transmit_close_out_of_a_long_frame),
    TEST(transmit_many_slices),
    TEST_END,
};
