#include "net/frame.h"

#include "base/status.h"
#include "client.h"
#include "net/guess.h"
#include "suites.h"

#define LIMIT ((size_t)1024)

static apr_status_t parse(const void *data, size_t size, frame_t *frame, size_t *needed) {
    const char *reason = NULL;
    apr_status_t status = frame_parse(data, size, LIMIT, frame, needed, &reason);
    CU_ASSERT_EQUAL(reason != NULL, status != APR_SUCCESS && status != QMQ_E_PENDING);
    return status;
}

/* 21-byte-exact by hand: length, header length, magic, code, version, opaque, flag, request code. */
static void wire_1_head_bytes(void) {
    static const uint8_t expected[FRAME_HEAD] = {0, 0, 0,    23,   0,    18,   0xDE, 0xC1, 0x0A, 0xDE, 0,    10,
                                                 0, 8, 0xFF, 0xFF, 0xFF, 0xFE, 0,    0,    0,    1,    0xFF, 0xFF};
    uint8_t head[FRAME_HEAD];
    frame_write_head(head, 10, 8, -2, FRAME_FLAG_RESPONSE, -1, 3);
    CU_ASSERT(memcmp(head, expected, sizeof head) == 0);
}

static void frame_is_read_back(void) {
    uint8_t bytes[FRAME_HEAD + 3] = {0};
    frame_t f;
    size_t needed = 0;
    frame_write_head(bytes, 12, 7, INT32_MIN, FRAME_FLAG_ONEWAY, -1, 3);
    memcpy(bytes + FRAME_HEAD, "abc", 3);
    CU_ASSERT_FATAL(parse(bytes, sizeof bytes, &f, &needed) == APR_SUCCESS);
    CU_ASSERT_EQUAL(f.code, 12);
    CU_ASSERT_EQUAL(f.version, 7);
    CU_ASSERT_EQUAL(f.opaque, INT32_MIN);
    CU_ASSERT_EQUAL(f.flag, FRAME_FLAG_ONEWAY);
    CU_ASSERT_EQUAL(f.request_code, -1);
    CU_ASSERT(view_equal(f.body, view_of("abc")));
    CU_ASSERT_PTR_EQUAL(f.body.data, bytes + FRAME_HEAD);
    CU_ASSERT_EQUAL(f.size, sizeof bytes);
    CU_ASSERT_EQUAL(needed, sizeof bytes);
}

static void frame_waits_at_every_cut(void) {
    uint8_t bytes[FRAME_HEAD + 40] = {0};
    frame_write_head(bytes, 10, 8, 1, 0, 10, 40);
    for (size_t cut = 0; cut < sizeof bytes; cut++) {
        frame_t f;
        size_t needed = 0;
        CU_ASSERT_EQUAL(parse(bytes, cut, &f, &needed), QMQ_E_PENDING);
        CU_ASSERT_EQUAL(needed, cut < 10 ? (size_t)FRAME_HEAD : sizeof bytes);
    }
}

static void frame_skips_longer_header(void) {
    uint8_t bytes[FRAME_HEAD + 7] = {0};
    frame_t f;
    size_t needed = 0;
    frame_write_head(bytes, 10, 8, 1, 0, 10, 7);
    bytes[5] = FRAME_HEADER_LEN + 4;
    memcpy(bytes + FRAME_HEAD, "skipabc", 7);
    CU_ASSERT_FATAL(parse(bytes, sizeof bytes, &f, &needed) == APR_SUCCESS);
    CU_ASSERT(view_equal(f.body, view_of("abc")));
    CU_ASSERT_EQUAL(f.size, sizeof bytes);
    bytes[5] = FRAME_HEADER_LEN + 7; /* nothing but header */
    CU_ASSERT_FATAL(parse(bytes, sizeof bytes, &f, &needed) == APR_SUCCESS);
    CU_ASSERT_EQUAL(f.body.size, 0);
}

static void set_total(uint8_t *bytes, uint32_t total) {
    for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(total >> (24 - 8 * i));
}

static void wire_4_absurd_lengths(void) {
    static const struct {
        uint32_t total;
        uint8_t header_len[2];
        apr_status_t status;
    } rows[] = {
        {19, {0, 18}, QMQ_E_MALFORMED},          {0, {0, 18}, QMQ_E_MALFORMED},        {0x80000000u, {0, 18}, QMQ_E_MALFORMED},
        {0xFFFFFFFFu, {0, 18}, QMQ_E_MALFORMED}, {LIMIT + 1, {0, 18}, QMQ_E_TOO_LONG}, {0x7FFFFFFFu, {0, 18}, QMQ_E_TOO_LONG},
        {20, {0, 17}, QMQ_E_MALFORMED},          {20, {0, 0}, QMQ_E_MALFORMED},        {20, {0x80, 18}, QMQ_E_MALFORMED},
        {20, {0xFF, 0xFF}, QMQ_E_MALFORMED},     {20, {0, 19}, QMQ_E_MALFORMED},       {100, {0, 99}, QMQ_E_MALFORMED},
        {100, {0x7F, 0xFF}, QMQ_E_MALFORMED},    {20, {0, 18}, APR_SUCCESS},           {100, {0, 98}, QMQ_E_PENDING},
        {LIMIT, {0, 18}, QMQ_E_PENDING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t bytes[FRAME_HEAD];
        frame_t f;
        size_t needed = 0;
        frame_write_head(bytes, 10, 8, 1, 0, 10, 0);
        set_total(bytes, rows[i].total);
        memcpy(bytes + 4, rows[i].header_len, 2);
        CU_ASSERT_EQUAL(parse(bytes, sizeof bytes, &f, &needed), rows[i].status);
    }
}

/* The magic is named first, however odd the length is: that is what tells a person who the peer is. */
static void wire_3_strangers(void) {
    static const struct {
        const char *bytes;
        const char *speech;
    } rows[] = {
        {"GET / HTTP/1.1\r\n", "HTTP"}, {"POST /x HTTP/1.1", "HTTP"}, {"\x16\x03\x01\x02\x01\x01\x01\xfc\x03\x03", "TLS"},
        {"SSH-2.0-OpenSSH", "SSH"},     {"HTTP/1.1 200 OK", "HTTP"},  {"PROXY TCP4 1.2.3.4", "proxy"},
        {"nonsense bytes", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint8_t *bytes = (const uint8_t *)rows[i].bytes;
        size_t size = strlen(rows[i].bytes);
        frame_t f;
        size_t needed = 0;
        const char *reason = NULL;
        CU_ASSERT_EQUAL(frame_parse(bytes, size, LIMIT, &f, &needed, &reason), QMQ_E_MALFORMED);
        CU_ASSERT_STRING_EQUAL(reason, "wrong magic");
        const char *speech = guess_speech(bytes, size);
        CU_ASSERT_EQUAL(speech == NULL, rows[i].speech == NULL);
        if (speech != NULL) CU_ASSERT(strstr(speech, rows[i].speech) != NULL);
    }
    CU_ASSERT_PTR_NULL(guess_speech((const uint8_t *)"GE", 2));
    CU_ASSERT_PTR_NULL(guess_speech(NULL, 0));
}

const test_case_t frame_cases[] = {
    TEST(wire_1_head_bytes),
    TEST(frame_is_read_back),
    TEST(frame_waits_at_every_cut),
    TEST(frame_skips_longer_header),
    TEST(wire_4_absurd_lengths),
    TEST(wire_3_strangers),
    TEST_END,
};
