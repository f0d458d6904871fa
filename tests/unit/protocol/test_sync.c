#include "protocol/codes.h"
#include "protocol/sync_checkpoint.h"
#include "protocol/sync_log.h"
#include "protocol/sync_log_delay.h"
#include "suites.h"
#include "wire.h"

static void wire_69_broker_and_delay_layouts(void) {
    frame_t f = wire_example("delay_dispatch_request");
    sync_log_request_t broker;
    delay_sync_request_t delay;
    CU_ASSERT_TRUE(delay_sync_request_read(f.body, &delay));
    CU_ASSERT_FALSE(sync_log_request_read(f.body, &broker));
    f = wire_example("sync_message_request");
    CU_ASSERT_TRUE(sync_log_request_read(f.body, &broker));
    CU_ASSERT_FALSE(delay_sync_request_read(f.body, &delay));
}

static bool log_answer_reads(int32_t size, view_t data, sync_log_response_t *r) {
    writer_t w;
    writer_init(&w, 0);
    sync_log_response_write_head(&w, size, 77);
    writer_bytes(&w, data.data, data.size);
    bool good = sync_log_response_read(writer_view(&w), r);
    writer_free(&w);
    return good;
}

static void log_answers_hold_what_their_size_says(void) {
    sync_log_response_t r;
    CU_ASSERT_TRUE(log_answer_reads(4, VIEW("abcd"), &r));
    CU_ASSERT_EQUAL(r.start_offset, 77);
    CU_ASSERT_EQUAL(r.data.size, 4);
    CU_ASSERT_TRUE(log_answer_reads(0, VIEW(""), &r));
    CU_ASSERT_EQUAL(r.data.size, 0);
    CU_ASSERT_FALSE(log_answer_reads(5, VIEW("abcd"), &r));
    CU_ASSERT_FALSE(log_answer_reads(3, VIEW("abcd"), &r));
    CU_ASSERT_FALSE(log_answer_reads(-1, VIEW("abcd"), &r));
    CU_ASSERT_FALSE(log_answer_reads(INT32_MAX, VIEW("abcd"), &r));
    CU_ASSERT_FALSE(sync_log_response_read(view_make(NULL, 0), &r)); /* a refusal has no body */
}

static void dispatch_answers_hold_what_their_size_says(void) {
    delay_dispatch_response_t r;
    writer_t w;
    writer_init(&w, 0);
    delay_dispatch_response_write(&w, &(delay_dispatch_response_t){16, 201906071200, VIEW("12345678")});
    CU_ASSERT_TRUE(delay_dispatch_response_read(writer_view(&w), &r));
    writer_patch_i32(&w, 0, 9);
    CU_ASSERT_FALSE(delay_dispatch_response_read(writer_view(&w), &r));
    writer_patch_i32(&w, 0, -8);
    CU_ASSERT_FALSE(delay_dispatch_response_read(writer_view(&w), &r));
    writer_free(&w);
}

static void index_entries_are_whole(void) {
    writer_t w;
    writer_init(&w, 0);
    sync_index_entry_write(&w, &(sync_index_entry_t){1, 2, VIEW("s"), VIEW("i")});
    sync_index_entry_write(&w, &(sync_index_entry_t){3, 4, VIEW("subject"), VIEW("id")});
    sync_index_entry_t e;
    cursor_t c = cursor_of(writer_view(&w));
    CU_ASSERT_TRUE(sync_index_entry_next(&c, &e));
    CU_ASSERT_EQUAL(e.sequence, 1);
    CU_ASSERT_TRUE(sync_index_entry_next(&c, &e));
    CU_ASSERT_EQUAL(e.sequence, 3);
    CU_ASSERT_FALSE(sync_index_entry_next(&c, &e));
    CU_ASSERT_FALSE(c.failed);
    c = cursor_make(w.data, w.used - 1);
    CU_ASSERT_TRUE(sync_index_entry_next(&c, &e));
    CU_ASSERT_FALSE(sync_index_entry_next(&c, &e));
    CU_ASSERT_TRUE(c.failed);
    writer_free(&w);
}

/* storage.md 8.4: what a fresh master answers. */
static void checkpoint_of_a_fresh_master(void) {
    view_t body = VIEW("\001\0\0\0\0052\n-1\n\0\0\0\0053\n-1\n");
    sync_checkpoint_response_t r;
    CU_ASSERT_TRUE_FATAL(sync_checkpoint_response_read(body, &r));
    CU_ASSERT_EQUAL(r.version, 1);
    CU_ASSERT_TRUE(view_equal(r.message_checkpoint, VIEW("2\n-1\n")));
    CU_ASSERT_TRUE(view_equal(r.action_checkpoint, VIEW("3\n-1\n")));
    writer_t w;
    writer_init(&w, 0);
    sync_checkpoint_response_write(&w, &r);
    CU_ASSERT_TRUE(wire_holds(&w, body));
}

static void checkpoint_sizes(void) {
    sync_checkpoint_response_t r;
    CU_ASSERT_TRUE(sync_checkpoint_response_read(VIEW("\001\0\0\0\0\0\0\0\0"), &r));
    CU_ASSERT_EQUAL(r.action_checkpoint.size, 0);
    CU_ASSERT_TRUE(sync_checkpoint_response_read(VIEW("\002\0\0\0\001a\0\0\0\0surplus"), &r)); /* version is not looked at */
    CU_ASSERT_FALSE(sync_checkpoint_response_read(VIEW("\001\xff\xff\xff\xff\0\0\0\0"), &r));
    CU_ASSERT_FALSE(sync_checkpoint_response_read(VIEW("\001\x7f\xff\xff\xff\0\0\0\0"), &r));
    CU_ASSERT_FALSE(sync_checkpoint_response_read(VIEW("\001\0\0\0\0\xff\xff\xff\xff"), &r));
    CU_ASSERT_FALSE(sync_checkpoint_response_read(view_make(NULL, 0), &r));
}

static void names_of_roles_and_states(void) {
    CU_ASSERT_STRING_EQUAL(broker_role_name(ROLE_MASTER), "MASTER");
    CU_ASSERT_STRING_EQUAL(broker_role_name(ROLE_DELAY_BACKUP), "DELAY_BACKUP");
    CU_ASSERT_STRING_EQUAL(broker_role_name(8), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(broker_state_name(BROKER_RW), "RW");
    CU_ASSERT_STRING_EQUAL(broker_state_name(BROKER_NRW), "NRW");
    CU_ASSERT_STRING_EQUAL(broker_state_name(0), "UNKNOWN");
}

const test_case_t sync_cases[] = {TEST(wire_69_broker_and_delay_layouts),
                                  TEST(log_answers_hold_what_their_size_says),
                                  TEST(dispatch_answers_hold_what_their_size_says),
                                  TEST(index_entries_are_whole),
                                  TEST(checkpoint_of_a_fresh_master),
                                  TEST(checkpoint_sizes),
                                  TEST(names_of_roles_and_states),
                                  TEST_END};
