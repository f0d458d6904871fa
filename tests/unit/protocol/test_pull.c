#include "examples.h"
#include "protocol/ack.h"
#include "protocol/codes.h"
#include "protocol/pull.h"
#include "protocol/subject.h"
#include "suites.h"
#include "wire.h"

/* The body of example 21.3 up to and with the broadcast byte; the filters follow. */
static view_t common_part(void) {
    frame_t f = wire_example("pull_request");
    return view_make(f.body.data, 0x5b - 20); /* all of it in version 7 */
}

/* The request with this tail in this version. */
static bool read_tail(int16_t version, view_t tail, pull_request_t *r, writer_t *body) {
    view_t common = common_part();
    writer_init(body, 0);
    writer_bytes(body, common.data, common.size);
    writer_bytes(body, tail.data, tail.size);
    return pull_request_read(writer_view(body), version, r);
}

static bool refuses_tail(int16_t version, view_t tail) {
    pull_request_t r;
    writer_t body;
    bool refused = !read_tail(version, tail, &r, &body);
    writer_free(&body);
    return refused;
}

static bool same_request(const pull_request_t *a, const pull_request_t *b) {
    return view_equal(a->subject, b->subject) && view_equal(a->group, b->group) && view_equal(a->consumer_id, b->consumer_id) &&
           a->request_num == b->request_num && a->offset == b->offset && a->pull_offset_begin == b->pull_offset_begin &&
           a->pull_offset_last == b->pull_offset_last && a->timeout_ms == b->timeout_ms && a->broadcast == b->broadcast;
}

#define OR_PAY_CANCEL "\0\001\002\0\003pay\0\006cancel"

static void wire_46_versions_7_8_9_are_one_request(void) {
    pull_request_t r7;
    pull_request_t r8;
    pull_request_t r9;
    writer_t b7;
    writer_t b8;
    writer_t b9;
    CU_ASSERT_TRUE_FATAL(read_tail(7, VIEW(""), &r7, &b7));
    CU_ASSERT_TRUE_FATAL(read_tail(8, VIEW(OR_PAY_CANCEL), &r8, &b8));
    CU_ASSERT_TRUE_FATAL(read_tail(9, VIEW("\0\0\0\001\0\001" OR_PAY_CANCEL), &r9, &b9));
    CU_ASSERT_TRUE(same_request(&r7, &r9));
    CU_ASSERT_TRUE(same_request(&r8, &r9));
    CU_ASSERT_FALSE(r7.has_tag_filter);
    CU_ASSERT_TRUE(r8.has_tag_filter && r9.has_tag_filter);
    CU_ASSERT_EQUAL(r8.tag_filter.type, TAG_OR);
    CU_ASSERT_EQUAL(r8.tag_filter.count, 2);
    CU_ASSERT_TRUE(view_equal(r8.tag_filter.tags, r9.tag_filter.tags));
    CU_ASSERT_EQUAL(b7.used + 20, 0x5b);
    CU_ASSERT_EQUAL(b8.used + 20, 0x6b);
    CU_ASSERT_EQUAL(b9.used + 20, 0x71);

    writer_t w;
    writer_init(&w, 0);
    pull_request_write(&w, 7, &r9);
    CU_ASSERT_TRUE(wire_holds(&w, writer_view(&b7)));
    writer_init(&w, 0);
    pull_request_write(&w, 8, &r9);
    CU_ASSERT_TRUE(wire_holds(&w, writer_view(&b8)));
    writer_init(&w, 0);
    pull_request_write(&w, 9, &r8);
    CU_ASSERT_TRUE(wire_holds(&w, writer_view(&b9)));
    writer_free(&b7);
    writer_free(&b8);
    writer_free(&b9);
}

static void other_versions_are_the_nearest_form(void) {
    pull_request_t r;
    writer_t body;
    CU_ASSERT_TRUE(read_tail(3, VIEW(""), &r, &body));
    writer_free(&body);
    CU_ASSERT_TRUE(read_tail(-1, VIEW(""), &r, &body));
    writer_free(&body);
    CU_ASSERT_TRUE(read_tail(10, VIEW("\0\0\0\001\0\001" OR_PAY_CANCEL), &r, &body));
    CU_ASSERT_EQUAL(r.tag_filter.count, 2);
    writer_free(&body);
    CU_ASSERT_TRUE(refuses_tail(8, VIEW("")));
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("")));
}

static void version_8_without_a_filter_is_no_tag(void) {
    pull_request_t r;
    writer_t body;
    writer_t w;
    CU_ASSERT_TRUE_FATAL(read_tail(7, VIEW(""), &r, &body));
    writer_init(&w, 0);
    pull_request_write(&w, 8, &r);
    CU_ASSERT_EQUAL(w.used, body.used + 3);
    CU_ASSERT_TRUE(pull_request_read(writer_view(&w), 8, &r));
    CU_ASSERT_TRUE(r.has_tag_filter);
    CU_ASSERT_EQUAL(r.tag_filter.type, TAG_NONE);
    writer_free(&w);
    writer_free(&body);
}

/* The two tails that Java push consumers send without tags (21.3). */
static void example_21_3_tails_of_push_consumers(void) {
    static const struct {
        view_t tail;
        size_t total;
    } tails[] = {{{"\0\0\0\001\0\001\0\0\0", 9}, 100}, {{"\0\0\0\002\0\001\0\0\0\0\002\0\003fat\0\002f1", 20}, 111}};
    for (size_t i = 0; i < 2; i++) {
        pull_request_t r;
        writer_t body;
        writer_t w;
        CU_ASSERT_TRUE_FATAL(read_tail(9, tails[i].tail, &r, &body));
        CU_ASSERT_EQUAL(body.used + 20, tails[i].total);
        CU_ASSERT_TRUE(r.has_tag_filter);
        CU_ASSERT_FALSE(tag_filter_is_active(&r.tag_filter));
        CU_ASSERT_EQUAL(r.has_sub_env, i == 1);
        if (r.has_sub_env) {
            CU_ASSERT_TRUE(view_equal(r.env, VIEW("fat")));
            CU_ASSERT_TRUE(view_equal(r.sub_env, VIEW("f1")));
        }
        writer_init(&w, 0);
        pull_request_write(&w, 9, &r);
        CU_ASSERT_TRUE(wire_holds(&w, writer_view(&body)));
        writer_free(&body);
    }
}

static void wire_56_filter_types(void) {
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("\0\0\0\001\0\003")));
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("\0\0\0\001\0\0")));
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("\0\0\0\002\0\001\0\0\0\0\007")));

    pull_request_t r;
    writer_t body;
    message_t m = wire_tagged_message();
    tag_filter_t none = {TAG_NONE, 1, {"\0\005other", 7}};
    CU_ASSERT_FALSE(tag_filter_is_active(&none));
    CU_ASSERT_TRUE(tag_filter_matches(&none, &m));
    CU_ASSERT_TRUE_FATAL(read_tail(9, VIEW("\0\0\0\001\0\001\0\0\001\0\003pay"), &r, &body));
    CU_ASSERT_FALSE(tag_filter_is_active(&r.tag_filter));
    writer_free(&body);
    CU_ASSERT_TRUE_FATAL(read_tail(9, VIEW("\0\0\0\0"), &r, &body));
    CU_ASSERT_FALSE(r.has_tag_filter || r.has_sub_env);
    writer_free(&body);
}

static void filter_counts(void) {
    pull_request_t r;
    writer_t body;
    CU_ASSERT_TRUE(read_tail(9, VIEW("\xff\xff\xff\xff"), &r, &body)); /* negative: none */
    CU_ASSERT_FALSE(r.has_tag_filter || r.has_sub_env);
    writer_free(&body);
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("\x7f\xff\xff\xff"))); /* promises more than there is, costs nothing */
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("\0\0\0\002\0\001\0\0\0")));
    CU_ASSERT_TRUE(read_tail(9, VIEW("\0\0\0\001\0\001\0\001\x80"), &r, &body)); /* negative tag count: no tags */
    CU_ASSERT_EQUAL(r.tag_filter.count, 0);
    CU_ASSERT_FALSE(tag_filter_is_active(&r.tag_filter));
    writer_free(&body);
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("\0\0\0\001\0\001\0\001\x7f")));
    /* of a type that comes twice the first counts */
    CU_ASSERT_TRUE(read_tail(9, VIEW("\0\0\0\002\0\001\0\001\001\0\001a\0\001\0\002\001\0\001b"), &r, &body));
    CU_ASSERT_EQUAL(r.tag_filter.type, TAG_OR);
    CU_ASSERT_TRUE(view_equal(r.tag_filter.tags, VIEW("\0\001a")));
    writer_free(&body);
}

static void wire_17_negative_lengths_in_a_pull(void) {
    view_t common = common_part();
    static const size_t lengths_at[] = {0, 15, 23}; /* subject, group, consumer id */
    for (size_t i = 0; i < sizeof lengths_at / sizeof *lengths_at; i++) {
        uint8_t body[EXAMPLE_ROOM];
        pull_request_t r;
        memcpy(body, common.data, common.size);
        CU_ASSERT_TRUE(pull_request_read(view_make(body, common.size), 7, &r));
        body[lengths_at[i]] = 0xff;
        CU_ASSERT_FALSE(pull_request_read(view_make(body, common.size), 7, &r));
    }
    CU_ASSERT_TRUE(refuses_tail(8, VIEW("\0\001\001\xff\xffpay")));
    CU_ASSERT_TRUE(refuses_tail(9, VIEW("\0\0\0\001\0\002\xff\xff\0\0")));
}

static void wire_50_pull_names(void) {
    CU_ASSERT_TRUE(pull_name_is_legal(VIEW("order.changed")));
    CU_ASSERT_TRUE(pull_name_is_legal(VIEW("%RETRY%a%b")));
    CU_ASSERT_TRUE(pull_name_is_legal(VIEW("a b"))); /* a blank is no reason to refuse a pull */
    CU_ASSERT_FALSE(pull_name_is_legal(VIEW("")));
    CU_ASSERT_FALSE(pull_name_is_legal(view_make(NULL, 0)));
    CU_ASSERT_FALSE(pull_name_is_legal(VIEW("a/b")));
    CU_ASSERT_FALSE(pull_name_is_legal(VIEW("a\r")));
    CU_ASSERT_FALSE(pull_name_is_legal(VIEW("\na")));
}

/* Filter and message given as encoded tags. */
static bool matches(int type, int wanted_count, view_t wanted, int tag_count, view_t tags) {
    tag_filter_t f = {(int16_t)type, wanted_count, wanted};
    message_t m;
    memset(&m, 0, sizeof m);
    m.tag_count = tag_count;
    m.tags = tags;
    return tag_filter_matches(&f, &m);
}

#define A VIEW("\0\001a")
#define B VIEW("\0\001b")
#define A_B VIEW("\0\001a\0\001b")
#define B_A_C VIEW("\0\001b\0\001a\0\001c")
#define NOTHING VIEW("")

static void tag_filter_or(void) {
    CU_ASSERT_TRUE(matches(TAG_OR, 1, A, 1, A));
    CU_ASSERT_FALSE(matches(TAG_OR, 1, A, 1, B));
    CU_ASSERT_TRUE(matches(TAG_OR, 2, A_B, 1, B));
    CU_ASSERT_TRUE(matches(TAG_OR, 1, A, 3, B_A_C));
    CU_ASSERT_FALSE(matches(TAG_OR, 1, VIEW("\0\001d"), 3, B_A_C));
    CU_ASSERT_FALSE(matches(TAG_OR, 1, VIEW("\0\001A"), 3, B_A_C)); /* by bytes */
    CU_ASSERT_FALSE(matches(TAG_OR, 1, VIEW("\0\0"), 3, B_A_C));
    CU_ASSERT_FALSE(matches(TAG_OR, 1, A, 0, NOTHING)); /* no tag section */
}

static void tag_filter_and(void) {
    CU_ASSERT_TRUE(matches(TAG_AND, 1, A, 1, A));
    CU_ASSERT_TRUE(matches(TAG_AND, 2, A_B, 3, B_A_C));
    CU_ASSERT_FALSE(matches(TAG_AND, 2, A_B, 1, A));
    CU_ASSERT_FALSE(matches(TAG_AND, 3, B_A_C, 2, A_B));
    CU_ASSERT_TRUE(matches(TAG_AND, 1, A, 2, A_B));
    CU_ASSERT_FALSE(matches(TAG_AND, 1, A, 0, NOTHING));
}

static void tag_filter_inactive_or_unknown(void) {
    CU_ASSERT_TRUE(matches(TAG_NONE, 1, A, 0, NOTHING));
    CU_ASSERT_TRUE(matches(TAG_OR, 0, NOTHING, 0, NOTHING));
    CU_ASSERT_TRUE(matches(TAG_AND, 0, NOTHING, 1, A));
    CU_ASSERT_TRUE(matches(7, 1, A, 1, A));
    CU_ASSERT_FALSE(matches(7, 1, A, 1, B));
    CU_ASSERT_FALSE(matches(7, 1, A, 2, A_B));
    CU_ASSERT_FALSE(matches(7, 2, A_B, 1, A));
    CU_ASSERT_FALSE(matches(7, 1, A, 0, NOTHING));
}

static void tag_filter_matches_what_was_parsed(void) {
    frame_t f = wire_example("pull_request");
    pull_request_t r;
    CU_ASSERT_TRUE_FATAL(pull_request_read(f.body, 9, &r));
    uint8_t tags[EXAMPLE_ROOM];
    memcpy(tags, r.tag_filter.tags.data, r.tag_filter.tags.size);
    r.tag_filter.tags = view_make(tags, r.tag_filter.tags.size);
    message_t m = wire_tagged_message();
    CU_ASSERT_TRUE(tag_filter_matches(&r.tag_filter, &m));
    r.tag_filter.type = TAG_AND;
    CU_ASSERT_FALSE(tag_filter_matches(&r.tag_filter, &m));
}

static void wire_47_version_7_answer_lacks_the_tag_section(void) {
    frame_t f = wire_example("pull_answer_version_9");
    cursor_t c = cursor_of(f.body);
    int64_t first = 0;
    message_t m;
    CU_ASSERT_TRUE_FATAL(pull_response_read_head(&c, &first));
    CU_ASSERT_TRUE_FATAL(message_parse(&c, &m));
    size_t after = m.tag_offset + m.tag_size;
    writer_t w;
    writer_init(&w, 0);
    pull_response_write_head(&w, first);
    writer_bytes(&w, m.payload.data, m.tag_offset);
    writer_bytes(&w, m.payload.data + after, m.payload.size - after);
    CU_ASSERT_EQUAL(w.data[PULL_RESPONSE_HEAD], MESSAGE_HAS_TAGS);
    f = wire_example("pull_answer_version_7");
    CU_ASSERT_EQUAL(f.version, 7);
    CU_ASSERT_TRUE(wire_is_example("pull_answer_version_7", &f, &w));
}

static void wire_48_answer_layout(void) {
    frame_t f = wire_example("pull_answer_version_9");
    cursor_t c = cursor_of(f.body);
    CU_ASSERT_EQUAL(cursor_i64(&c), 100);
    CU_ASSERT_EQUAL(cursor_i64(&c), -1);
    CU_ASSERT_EQUAL(cursor_i8(&c), MESSAGE_HAS_TAGS); /* the flag at once, no CRC */

    writer_t w;
    writer_init(&w, 0);
    pull_response_write_head(&w, -3);
    CU_ASSERT_TRUE(wire_holds(&w, VIEW("\xff\xff\xff\xff\xff\xff\xff\xfd\xff\xff\xff\xff\xff\xff\xff\xff")));
    int64_t first = 0;
    c = cursor_make("1234567890", 10);
    CU_ASSERT_FALSE(pull_response_read_head(&c, &first));
}

static void wire_49_messages_count_on_from_the_first_offset(void) {
    message_t m = wire_tagged_message();
    writer_t w;
    writer_init(&w, 0);
    pull_response_write_head(&w, 100);
    for (int i = 0; i < 3; i++) writer_bytes(&w, m.payload.data, m.payload.size);
    cursor_t c = cursor_of(writer_view(&w));
    int64_t next = 0;
    CU_ASSERT_TRUE_FATAL(pull_response_read_head(&c, &next));
    while (cursor_left(&c) > 0 && message_parse(&c, &m)) next++;
    CU_ASSERT_FALSE(c.failed);
    CU_ASSERT_EQUAL(next, 103);
    writer_free(&w);
}

static void wire_59_heartbeat_ack(void) {
    frame_t f = wire_example("ack_heartbeat");
    ack_request_t r;
    CU_ASSERT_TRUE_FATAL(ack_request_read(f.body, 9, &r));
    CU_ASSERT_TRUE(r.pull_offset_begin < 0);
}

static void wire_60_broadcast_byte_by_version(void) {
    frame_t f = wire_example("ack_request");
    view_t without = view_make(f.body.data, f.body.size - 1);
    ack_request_t r;
    CU_ASSERT_TRUE(ack_request_read(without, 7, &r));
    CU_ASSERT_FALSE(r.broadcast);
    CU_ASSERT_EQUAL(r.pull_offset_last, 149);
    CU_ASSERT_FALSE(ack_request_read(without, 8, &r));
    CU_ASSERT_FALSE(ack_request_read(without, 9, &r));
    writer_t w;
    writer_init(&w, 0);
    r.broadcast = true;
    ack_request_write(&w, 7, &r);
    CU_ASSERT_TRUE(wire_holds(&w, without));

    uint8_t body[EXAMPLE_ROOM];
    memcpy(body, f.body.data, f.body.size);
    static const struct {
        uint8_t byte;
        bool broadcast;
    } values[] = {{0, false}, {1, true}, {2, false}, {0xff, false}};
    for (size_t i = 0; i < 4; i++) {
        body[f.body.size - 1] = values[i].byte;
        CU_ASSERT_TRUE(ack_request_read(view_make(body, f.body.size), 8, &r));
        CU_ASSERT_EQUAL(r.broadcast, values[i].broadcast);
    }
}

/* Unlike the one of an ack, every value but 0 of a pull's broadcast byte is true. */
static void pull_broadcast_byte(void) {
    view_t common = common_part();
    uint8_t body[EXAMPLE_ROOM];
    memcpy(body, common.data, common.size);
    static const uint8_t values[] = {0, 1, 2, 0xff};
    for (size_t i = 0; i < sizeof values; i++) {
        pull_request_t r;
        body[common.size - 1] = values[i];
        CU_ASSERT_TRUE(pull_request_read(view_make(body, common.size), 7, &r));
        CU_ASSERT_EQUAL(r.broadcast, values[i] != 0);
    }
}

static void too_many_filter_tags_are_not_written(void) {
    pull_request_t r = {.has_tag_filter = true, .tag_filter = {TAG_OR, 128, {NULL, 0}}};
    writer_t w;
    writer_init(&w, 0);
    pull_request_write(&w, 9, &r);
    CU_ASSERT_TRUE(w.failed);
    writer_free(&w);
    r.tag_filter.count = -1;
    writer_init(&w, 0);
    pull_request_write(&w, 8, &r);
    CU_ASSERT_TRUE(w.failed);
    writer_free(&w);
}

const test_case_t pull_cases[] = {TEST(wire_46_versions_7_8_9_are_one_request),
                                  TEST(other_versions_are_the_nearest_form),
                                  TEST(version_8_without_a_filter_is_no_tag),
                                  TEST(example_21_3_tails_of_push_consumers),
                                  TEST(wire_56_filter_types),
                                  TEST(filter_counts),
                                  TEST(wire_17_negative_lengths_in_a_pull),
                                  TEST(wire_50_pull_names),
                                  TEST(tag_filter_or),
                                  TEST(tag_filter_and),
                                  TEST(tag_filter_inactive_or_unknown),
                                  TEST(tag_filter_matches_what_was_parsed),
                                  TEST(wire_47_version_7_answer_lacks_the_tag_section),
                                  TEST(wire_48_answer_layout),
                                  TEST(wire_49_messages_count_on_from_the_first_offset),
                                  TEST(wire_59_heartbeat_ack),
                                  TEST(wire_60_broadcast_byte_by_version),
                                  TEST(pull_broadcast_byte),
                                  TEST(too_many_filter_tags_are_not_written),
                                  TEST_END};
