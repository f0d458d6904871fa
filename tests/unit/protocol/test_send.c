#include "protocol/codes.h"
#include "protocol/send.h"
#include "suites.h"
#include "wire.h"

static void write_message(writer_t *w, view_t subject, view_t id) {
    view_t attributes[] = {VIEW("k"), VIEW("v")};
    message_content_t m = {0, 1, 2, subject, id, NULL, 0, attributes, 1};
    message_write_wire(w, &m);
}

/* Three messages, the middle one with these names. */
static writer_t batch(view_t subject, view_t id) {
    writer_t w;
    writer_init(&w, 0);
    write_message(&w, VIEW("first"), VIEW("1"));
    write_message(&w, subject, id);
    write_message(&w, VIEW("last"), VIEW("3"));
    CU_ASSERT_FALSE(w.failed);
    return w;
}

static void wire_33_parse_of_example_21_1(void) {
    frame_t f = wire_example("send_request");
    size_t count = 0;
    CU_ASSERT_TRUE(send_request_check(f.body, &count));
    CU_ASSERT_EQUAL(count, 1);
    cursor_t c = cursor_of(f.body);
    message_t m;
    CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m));
    CU_ASSERT_PTR_EQUAL(m.payload.data, f.body.data + 8); /* in place: what is stored is what came */
    CU_ASSERT_EQUAL(m.payload.size, 0x98 - 0x20);
    f = wire_example("send_accepted");
    CU_ASSERT_EQUAL(f.size, 24);
}

static void wire_34_empty_body(void) {
    size_t count = 1;
    CU_ASSERT_TRUE(send_request_check(view_make(NULL, 0), &count));
    CU_ASSERT_EQUAL(count, 0);
}

static void wire_35_answer_lists_only_what_was_refused(void) {
    writer_t w;
    writer_init(&w, 0);
    send_result_write(&w, &(send_result_t){VIEW("2"), SEND_SUBJECT_NOT_ASSIGNED, VIEW("message rejected")});
    cursor_t c = cursor_of(writer_view(&w));
    send_result_t r;
    CU_ASSERT_TRUE_FATAL(send_result_next(&c, &r));
    CU_ASSERT_TRUE(view_equal(r.message_id, VIEW("2")));
    CU_ASSERT_EQUAL(r.code, SEND_SUBJECT_NOT_ASSIGNED);
    CU_ASSERT_FALSE(send_result_next(&c, &r));
    CU_ASSERT_FALSE(c.failed);
    writer_free(&w);
}

static void wire_36_a_batch_is_good_or_refused_as_a_whole(void) {
    writer_t w = batch(VIEW("middle"), VIEW("2"));
    size_t count = 0;
    CU_ASSERT_TRUE(send_request_check(writer_view(&w), &count));
    CU_ASSERT_EQUAL(count, 3);
    cursor_t c = cursor_of(writer_view(&w));
    message_t m;
    CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m) && message_parse_wire(&c, &m));
    size_t last = cursor_left(&c);
    for (size_t cut = 1; cut < last; cut++) {
        CU_ASSERT_FALSE(send_request_check(view_make(w.data, w.used - cut), &count));
    }
    writer_bytes(&w, "\0\0\0", 3);
    CU_ASSERT_FALSE(send_request_check(writer_view(&w), &count));
    writer_free(&w);

    w = batch(VIEW(""), VIEW("2"));
    CU_ASSERT_FALSE(send_request_check(writer_view(&w), &count));
    writer_free(&w);
    w = batch(VIEW("middle"), VIEW(""));
    CU_ASSERT_FALSE(send_request_check(writer_view(&w), &count));
    writer_free(&w);
}

static void wire_37_a_wrong_crc_is_seen(void) {
    writer_t w = batch(VIEW("middle"), VIEW("2"));
    size_t count = 0;
    CU_ASSERT_FALSE_FATAL(w.failed);
    w.data[w.used - 1] ^= 1;
    /* the structure is right, so the request is served; the message alone is not */
    CU_ASSERT_TRUE(send_request_check(writer_view(&w), &count));
    cursor_t c = cursor_of(writer_view(&w));
    message_t m;
    CU_ASSERT_TRUE(message_parse_wire(&c, &m) && message_crc_is_right(&m));
    CU_ASSERT_TRUE(message_parse_wire(&c, &m) && message_crc_is_right(&m));
    CU_ASSERT_TRUE(message_parse_wire(&c, &m) && !message_crc_is_right(&m));
    writer_free(&w);
}

/* The example's frame with another version in its header. */
static frame_t in_version(writer_t *to, const frame_t *f, int16_t version) {
    uint8_t head[FRAME_HEAD];
    frame_t again;
    size_t needed = 0;
    const char *reason = NULL;
    frame_write_head(head, f->code, version, f->opaque, f->flag, f->request_code, f->body.size);
    writer_bytes(to, head, sizeof head);
    writer_bytes(to, f->body.data, f->body.size);
    CU_ASSERT_EQUAL_FATAL(frame_parse(to->data, to->used, to->used, &again, &needed, &reason), APR_SUCCESS);
    return again;
}

static void wire_42_flags_decide_not_the_header_version(void) {
    frame_t tagged = wire_example("send_request");
    for (int16_t version = 3; version <= 10; version++) {
        writer_t w;
        writer_init(&w, 0);
        frame_t f = in_version(&w, &tagged, version);
        size_t count = 0;
        cursor_t c = cursor_of(f.body);
        message_t m;
        CU_ASSERT_EQUAL(f.version, version);
        CU_ASSERT_TRUE(send_request_check(f.body, &count));
        CU_ASSERT_EQUAL(count, 1);
        CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m));
        CU_ASSERT_EQUAL(m.tag_count, 1);
        CU_ASSERT_TRUE(message_crc_is_right(&m));
        writer_free(&w);
    }
}

const test_case_t send_cases[] = {TEST(wire_33_parse_of_example_21_1),
                                  TEST(wire_34_empty_body),
                                  TEST(wire_35_answer_lists_only_what_was_refused),
                                  TEST(wire_36_a_batch_is_good_or_refused_as_a_whole),
                                  TEST(wire_37_a_wrong_crc_is_seen),
                                  TEST(wire_42_flags_decide_not_the_header_version),
                                  TEST_END};
