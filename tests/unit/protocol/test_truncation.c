/* Every body cut at every length: refused unless the specification lets its end be absent, and never read outside. Each piece lies in
 * memory of exactly its size, so that the address sanitizer sees a single byte too many. */
#include "base/memory.h"
#include "protocol/ack.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/broker_register.h"
#include "protocol/client_register.h"
#include "protocol/consume_manage.h"
#include "protocol/pull.h"
#include "protocol/send.h"
#include "protocol/sync_checkpoint.h"
#include "protocol/sync_log.h"
#include "protocol/sync_log_delay.h"
#include "suites.h"
#include "wire.h"

#include <stdio.h>

static bool read_send(view_t body, int16_t version) {
    size_t count = 0;
    (void)version;
    return send_request_check(body, &count);
}

static bool read_send_answer(view_t body, int16_t version) {
    cursor_t c = cursor_of(body);
    send_result_t r;
    (void)version;
    while (send_result_next(&c, &r)) {}
    return !c.failed;
}

static bool read_pull(view_t body, int16_t version) {
    pull_request_t r;
    return pull_request_read(body, version, &r);
}

static bool read_pull_answer(view_t body, int16_t version) {
    cursor_t c = cursor_of(body);
    int64_t first = 0;
    message_t m;
    view_t key;
    view_t value;
    (void)version;
    if (!pull_response_read_head(&c, &first)) return false;
    while (cursor_left(&c) > 0) {
        if (!message_parse(&c, &m)) return false;
        cursor_t attributes = cursor_of(m.attributes);
        while (message_next_attribute(&attributes, &key, &value)) {}
        if (attributes.failed) return false;
    }
    return true;
}

static bool read_ack(view_t body, int16_t version) {
    ack_request_t r;
    return ack_request_read(body, version, &r);
}

#define READER(name)                                                                                                                       \
    static bool read_##name(view_t body, int16_t version) {                                                                                \
        name##_t r;                                                                                                                        \
        (void)version;                                                                                                                     \
        return name##_read(body, &r);                                                                                                      \
    }
READER(client_register_request)
READER(client_register_response)
READER(broker_acquire_meta_request)
READER(broker_acquire_meta_response)
READER(broker_register_request)
READER(consume_manage_request)
READER(sync_log_request)
READER(sync_log_response)
READER(sync_heartbeat_response)
READER(delay_sync_request)
READER(delay_dispatch_response)
READER(delay_heartbeat_response)
READER(sync_checkpoint_response)

typedef struct piece {
    const char *example;
    int16_t version;
    bool (*read)(view_t body, int16_t version);
    size_t least; /* bytes from which on it is accepted */
    size_t also;  /* this size too: nothing is left over there */
} piece_t;

#define ALL SIZE_MAX
#define NONE SIZE_MAX

static const piece_t pieces[] = {
    {"send_request", 9, read_send, ALL, 0},
    {"send_delayed", 9, read_send, ALL, 0},
    {"send_refused", 9, read_send_answer, ALL, 0},
    {"pull_request", 9, read_pull, ALL, NONE},
    {"pull_request", 7, read_pull, 71, NONE}, /* version 7 ends with the broadcast byte */
    {"pull_answer_version_9", 9, read_pull_answer, ALL, PULL_RESPONSE_HEAD},
    {"ack_request", 9, read_ack, ALL, NONE},
    {"ack_request", 8, read_ack, ALL, NONE},
    {"ack_request", 7, read_ack, 50, NONE}, /* version 7 has no broadcast byte */
    {"client_register_request", 9, read_client_register_request, ALL, NONE},
    {"client_register_answer", 9, read_client_register_response, ALL, NONE},
    {"acquire_meta_request", 8, read_broker_acquire_meta_request, ALL, NONE},
    {"acquire_meta_answer", 8, read_broker_acquire_meta_response, ALL, NONE},
    {"broker_register_request", 8, read_broker_register_request, ALL, NONE},
    {"consume_manage_request", 8, read_consume_manage_request, ALL, NONE},
    {"sync_message_request", 9, read_sync_log_request, ALL, NONE},
    {"sync_message_answer", 9, read_sync_log_response, ALL, NONE},
    {"sync_empty_answer", 9, read_sync_log_response, ALL, NONE},
    {"sync_heartbeat_answer", 9, read_sync_heartbeat_response, ALL, NONE},
    {"sync_heartbeat_answer", 9, read_delay_heartbeat_response, ALL, NONE},
    {"delay_dispatch_request", 9, read_delay_sync_request, ALL, NONE},
    {"delay_dispatch_answer", 9, read_delay_dispatch_response, ALL, NONE},
    {"checkpoint_answer", 9, read_sync_checkpoint_response, ALL, NONE},
};

static bool reads_exactly(const piece_t *p, view_t body, size_t size) {
    char *exact = memory_dup(body.data, size);
    bool good = p->read(view_make(size == 0 ? NULL : exact, size), p->version);
    memory_free(exact);
    return good;
}

static void every_body_cut_at_every_length(void) {
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const piece_t *p = &pieces[i];
        frame_t f = wire_example(p->example);
        for (size_t size = 0; size <= f.body.size; size++) {
            bool expected = size >= (p->least == ALL ? f.body.size : p->least) || size == p->also;
            bool got = reads_exactly(p, f.body, size);
            if (got != expected) printf("%s in version %d cut to %zu bytes: %d\n", p->example, p->version, size, got);
            CU_ASSERT_EQUAL(got, expected);
        }
    }
}

/* Each byte in turn takes values that break lengths and counts; whatever the answer is, nothing outside is touched. */
static void every_byte_damaged(void) {
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        frame_t f = wire_example(pieces[i].example);
        char *body = memory_dup(f.body.data, f.body.size);
        for (size_t at = 0; at < f.body.size; at++) {
            char kept = body[at];
            for (size_t v = 0; v < sizeof values; v++) {
                body[at] = (char)values[v];
                (void)pieces[i].read(view_make(body, f.body.size), pieces[i].version);
            }
            body[at] = kept;
        }
        CU_ASSERT_TRUE(pieces[i].read(view_make(body, f.body.size), pieces[i].version));
        memory_free(body);
    }
}

/* "Surplus bytes at the end of a body are ignored, except in SEND" (2.6); where the body says its size, it must be that size. */
static void surplus_at_the_end(void) {
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        const piece_t *p = &pieces[i];
        bool is_run = p->read == read_send || p->read == read_send_answer || p->read == read_pull_answer;
        bool is_sized = p->read == read_sync_log_response || p->read == read_delay_dispatch_response;
        frame_t f = wire_example(p->example);
        writer_t w;
        writer_init(&w, 0);
        writer_bytes(&w, f.body.data, f.body.size);
        writer_u8(&w, 7);
        CU_ASSERT_EQUAL(p->read(writer_view(&w), p->version), !is_run && !is_sized);
        writer_free(&w);
    }
}

const test_case_t truncation_cases[] = {TEST(every_body_cut_at_every_length), TEST(every_byte_damaged), TEST(surplus_at_the_end), TEST_END};
