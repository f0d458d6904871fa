/* Every worked example of wire-protocol.md section 21, in both directions. */
#include "protocol/ack.h"
#include "protocol/broker_acquire_meta.h"
#include "protocol/broker_register.h"
#include "protocol/client_register.h"
#include "protocol/codes.h"
#include "protocol/consume_manage.h"
#include "protocol/pull.h"
#include "protocol/send.h"
#include "protocol/sync_checkpoint.h"
#include "protocol/sync_log.h"
#include "protocol/sync_log_delay.h"
#include "suites.h"
#include "wire.h"

#define CREATED 1559880000000
#define SUBJECT VIEW("order.changed")
#define GROUP VIEW("ticket")
#define CONSUMER VIEW("host1@@ab")
#define MESSAGE_ID VIEW("190607.120000.10.0.0.1.1234.0")
#define BROKER_GROUP VIEW("brokerGroup1")

static bool equal(view_t a, view_t b) {
    return view_equal(a, b);
}

static bool has_head(const frame_t *f, int code, int version, int opaque, int flag, int request_code) {
    return f->code == code && f->version == version && f->opaque == opaque && f->flag == flag && f->request_code == request_code;
}

static bool is_request(const frame_t *f, int code, int version, int opaque, int request_code) {
    return has_head(f, code, version, opaque, 0, request_code);
}

static bool is_answer(const frame_t *f, int version, int opaque, int request_code) {
    return has_head(f, RESPONSE_SUCCESS, version, opaque, FRAME_FLAG_RESPONSE, request_code);
}

static bool is_empty_example(const char *name, const frame_t *f) {
    writer_t w;
    writer_init(&w, 0);
    return f->body.size == 0 && wire_is_example(name, f, &w);
}

static void example_21_1_send_request(void) {
    frame_t f = wire_example("send_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_SEND_MESSAGE, 9, 7, REQUEST_SEND_MESSAGE));
    message_t m = wire_tagged_message();
    CU_ASSERT_EQUAL(m.crc, 0x9dcb5b68);
    CU_ASSERT_TRUE(message_crc_is_right(&m));
    CU_ASSERT_EQUAL(m.flag, MESSAGE_HAS_TAGS);
    CU_ASSERT_EQUAL(m.create_time, CREATED);
    CU_ASSERT_EQUAL(m.expire_time, CREATED + 250);
    CU_ASSERT_TRUE(equal(m.subject, SUBJECT));
    CU_ASSERT_TRUE(equal(m.id, MESSAGE_ID));
    CU_ASSERT_EQUAL(m.tag_count, 1);
    CU_ASSERT_TRUE(equal(m.tags, VIEW("\0\003pay")));
    CU_ASSERT_EQUAL(m.tag_offset, 0x5f - 0x20);
    CU_ASSERT_EQUAL(m.tag_size, 6);
    CU_ASSERT_EQUAL(m.attributes.size, 47);
    CU_ASSERT_EQUAL(m.payload.size, 0x98 - 0x20);

    const view_t tags[] = {VIEW("pay")};
    const view_t attributes[] = {VIEW("qmq_createTime"), VIEW("1559880000000"), VIEW("orderId"), VIEW("12345")};
    message_content_t content = {0, CREATED, CREATED + 250, SUBJECT, MESSAGE_ID, tags, 1, attributes, 2};
    writer_t w;
    writer_init(&w, 0);
    message_write_wire(&w, &content);
    CU_ASSERT_TRUE(wire_is_example("send_request", &f, &w));
}

static void example_21_1_send_answers(void) {
    frame_t f = wire_example("send_accepted");
    CU_ASSERT_TRUE(is_answer(&f, 9, 7, REQUEST_SEND_MESSAGE));
    CU_ASSERT_TRUE(is_empty_example("send_accepted", &f));

    f = wire_example("send_refused");
    CU_ASSERT_TRUE(is_answer(&f, 9, 7, REQUEST_SEND_MESSAGE));
    cursor_t c = cursor_of(f.body);
    send_result_t r;
    CU_ASSERT_TRUE_FATAL(send_result_next(&c, &r));
    CU_ASSERT_TRUE(equal(r.message_id, MESSAGE_ID));
    CU_ASSERT_EQUAL(r.code, SEND_READ_ONLY);
    CU_ASSERT_TRUE(equal(r.remark, VIEW("BROKER READ ONLY")));
    send_result_t more;
    CU_ASSERT_FALSE(send_result_next(&c, &more));
    CU_ASSERT_FALSE(c.failed);
    writer_t w;
    writer_init(&w, 0);
    send_result_write(&w, &(send_result_t){MESSAGE_ID, SEND_READ_ONLY, VIEW("BROKER READ ONLY")});
    CU_ASSERT_TRUE(wire_is_example("send_refused", &f, &w));
}

static void example_21_2_delayed_message(void) {
    const int64_t due = 4102444800000;
    frame_t f = wire_example("send_delayed");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_SEND_MESSAGE, 9, 8, REQUEST_SEND_MESSAGE));
    cursor_t c = cursor_of(f.body);
    message_t m;
    CU_ASSERT_TRUE_FATAL(message_parse_wire(&c, &m));
    CU_ASSERT_TRUE(message_crc_is_right(&m));
    CU_ASSERT_EQUAL(m.flag, MESSAGE_DELAYED);
    CU_ASSERT_EQUAL(m.expire_time, due);
    CU_ASSERT_EQUAL(m.tag_count, 0);
    CU_ASSERT_EQUAL(m.tag_size, 0);
    view_t value = VIEW("");
    CU_ASSERT_TRUE(message_attribute(&m, VIEW("qmq_scheduleReceiveTime"), &value));
    CU_ASSERT_TRUE(equal(value, VIEW("4102444800000")));

    const view_t attributes[] = {VIEW("qmq_createTime"), VIEW("1559880000000"), VIEW("qmq_scheduleReceiveTime"), VIEW("4102444800000")};
    message_content_t content = {MESSAGE_DELAYED, CREATED, due, VIEW("s"), VIEW("m1"), NULL, 0, attributes, 2};
    writer_t w;
    writer_init(&w, 0);
    message_write_wire(&w, &content);
    CU_ASSERT_TRUE(wire_is_example("send_delayed", &f, &w));
}

static void example_21_3_pull_request(void) {
    frame_t f = wire_example("pull_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_PULL_MESSAGE, 9, 9, REQUEST_PULL_MESSAGE));
    pull_request_t r;
    CU_ASSERT_TRUE_FATAL(pull_request_read(f.body, f.version, &r));
    CU_ASSERT_TRUE(equal(r.subject, SUBJECT));
    CU_ASSERT_TRUE(equal(r.group, GROUP));
    CU_ASSERT_TRUE(equal(r.consumer_id, CONSUMER));
    CU_ASSERT_EQUAL(r.request_num, 50);
    CU_ASSERT_EQUAL(r.offset, -1);
    CU_ASSERT_EQUAL(r.pull_offset_begin, -1);
    CU_ASSERT_EQUAL(r.pull_offset_last, -1);
    CU_ASSERT_EQUAL(r.timeout_ms, 2500);
    CU_ASSERT_FALSE(r.broadcast);
    CU_ASSERT_TRUE(r.has_tag_filter);
    CU_ASSERT_EQUAL(r.tag_filter.type, TAG_OR);
    CU_ASSERT_EQUAL(r.tag_filter.count, 2);
    CU_ASSERT_FALSE(r.has_sub_env);

    const view_t wanted[] = {VIEW("pay"), VIEW("cancel")};
    writer_t tags;
    writer_init(&tags, 0);
    tag_filter_write_tags(&tags, wanted, 2);
    pull_request_t again = {.subject = SUBJECT,
                            .group = GROUP,
                            .consumer_id = CONSUMER,
                            .request_num = 50,
                            .offset = -1,
                            .pull_offset_begin = -1,
                            .pull_offset_last = -1,
                            .timeout_ms = 2500,
                            .has_tag_filter = true,
                            .tag_filter = {TAG_OR, 2, writer_view(&tags)}};
    CU_ASSERT_TRUE(equal(again.tag_filter.tags, r.tag_filter.tags));
    writer_t w;
    writer_init(&w, 0);
    pull_request_write(&w, 9, &again);
    CU_ASSERT_TRUE(wire_is_example("pull_request", &f, &w));
    writer_free(&tags);
}

static void example_21_4_pull_answer(void) {
    message_t sent = wire_tagged_message();
    writer_t payload;
    writer_init(&payload, 0);
    writer_bytes(&payload, sent.payload.data, sent.payload.size);

    frame_t f = wire_example("pull_answer_version_9");
    CU_ASSERT_TRUE(is_answer(&f, 9, 9, REQUEST_PULL_MESSAGE));
    cursor_t c = cursor_of(f.body);
    int64_t first = 0;
    message_t m;
    CU_ASSERT_TRUE_FATAL(pull_response_read_head(&c, &first));
    CU_ASSERT_EQUAL(first, 100);
    CU_ASSERT_TRUE_FATAL(message_parse(&c, &m));
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    CU_ASSERT_TRUE(equal(m.payload, writer_view(&payload)));

    writer_t w;
    writer_init(&w, 0);
    pull_response_write_head(&w, 100);
    CU_ASSERT_EQUAL(w.used, PULL_RESPONSE_HEAD);
    writer_bytes(&w, payload.data, payload.used);
    CU_ASSERT_TRUE(wire_is_example("pull_answer_version_9", &f, &w));
    writer_free(&payload);

    f = wire_example("pull_no_message");
    CU_ASSERT_TRUE(has_head(&f, RESPONSE_NO_MESSAGE, 9, 9, FRAME_FLAG_RESPONSE, REQUEST_PULL_MESSAGE));
    CU_ASSERT_TRUE(is_empty_example("pull_no_message", &f));
}

static void check_ack(const char *name, int opaque, int64_t begin, int64_t last) {
    frame_t f = wire_example(name);
    CU_ASSERT_TRUE(is_request(&f, REQUEST_ACK, 9, opaque, REQUEST_ACK));
    ack_request_t r;
    CU_ASSERT_TRUE_FATAL(ack_request_read(f.body, f.version, &r));
    CU_ASSERT_TRUE(equal(r.subject, SUBJECT));
    CU_ASSERT_TRUE(equal(r.group, GROUP));
    CU_ASSERT_TRUE(equal(r.consumer_id, CONSUMER));
    CU_ASSERT_EQUAL(r.pull_offset_begin, begin);
    CU_ASSERT_EQUAL(r.pull_offset_last, last);
    CU_ASSERT_FALSE(r.broadcast);
    writer_t w;
    writer_init(&w, 0);
    ack_request_write(&w, f.version, &(ack_request_t){SUBJECT, GROUP, CONSUMER, begin, last, false});
    CU_ASSERT_TRUE(wire_is_example(name, &f, &w));
}

static void example_21_5_ack(void) {
    check_ack("ack_request", 10, 100, 149);
    check_ack("ack_heartbeat", 11, -1, -1);
    frame_t f = wire_example("ack_answer");
    CU_ASSERT_TRUE(is_answer(&f, 9, 10, REQUEST_ACK));
    CU_ASSERT_TRUE(is_empty_example("ack_answer", &f));
}

static void wire_19_client_register(void) {
    frame_t f = wire_example("client_register_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_CLIENT_REGISTER, 9, 0, REQUEST_CLIENT_REGISTER));
    client_register_request_t r;
    CU_ASSERT_TRUE_FATAL(client_register_request_read(f.body, &r));
    CU_ASSERT_TRUE(equal(r.subject, SUBJECT));
    CU_ASSERT_EQUAL(r.client_type, CLIENT_CONSUMER);
    CU_ASSERT_TRUE(equal(r.app_code, VIEW("demo")));
    CU_ASSERT_TRUE(equal(r.client_id, CONSUMER));
    CU_ASSERT_TRUE(equal(r.consumer_group, GROUP));
    CU_ASSERT_EQUAL(r.request_type, CLIENT_ONLINE);
    CU_ASSERT_EQUAL(r.client_ldc.size, 0);
    client_register_request_t again = {SUBJECT, CLIENT_CONSUMER, VIEW("demo"), CONSUMER, GROUP, CLIENT_ONLINE, VIEW("")};
    writer_t w;
    writer_init(&w, 0);
    client_register_request_write(&w, &again);
    CU_ASSERT_TRUE(wire_is_example("client_register_request", &f, &w));

    f = wire_example("client_register_answer");
    CU_ASSERT_TRUE(is_answer(&f, 9, 0, REQUEST_CLIENT_REGISTER));
    client_register_response_t a;
    CU_ASSERT_TRUE_FATAL(client_register_response_read(f.body, &a));
    CU_ASSERT_EQUAL(a.timestamp, CREATED);
    CU_ASSERT_TRUE(equal(a.subject, SUBJECT));
    CU_ASSERT_TRUE(equal(a.consumer_group, GROUP));
    CU_ASSERT_EQUAL(a.on_offline, STATE_ONLINE);
    CU_ASSERT_EQUAL(a.client_type, CLIENT_CONSUMER);
    CU_ASSERT_EQUAL(a.group_count, 1);
    cursor_t c = cursor_of(a.groups);
    route_group_t g;
    CU_ASSERT_TRUE_FATAL(route_group_next(&c, &g));
    CU_ASSERT_TRUE(equal(g.name, BROKER_GROUP));
    CU_ASSERT_TRUE(equal(g.master, VIEW("10.0.0.2:20881")));
    CU_ASSERT_EQUAL(g.update_time, 1559879000000);
    CU_ASSERT_EQUAL(g.state, BROKER_RW);
    CU_ASSERT_FALSE(route_group_next(&c, &g));
    CU_ASSERT_FALSE(c.failed);

    client_register_response_t answer = {CREATED, SUBJECT, GROUP, STATE_ONLINE, CLIENT_CONSUMER, 1, {NULL, 0}};
    const route_group_t groups[] = {{BROKER_GROUP, VIEW("10.0.0.2:20881"), 1559879000000, BROKER_RW}};
    writer_init(&w, 0);
    client_register_response_write(&w, &answer, groups);
    CU_ASSERT_TRUE(wire_is_example("client_register_answer", &f, &w));
}

static void example_21_7_acquire_meta(void) {
    frame_t f = wire_example("acquire_meta_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_BROKER_ACQUIRE_META, 8, 0, -1));
    broker_acquire_meta_request_t r;
    CU_ASSERT_TRUE_FATAL(broker_acquire_meta_request_read(f.body, &r));
    CU_ASSERT_TRUE(equal(r.host_name, VIEW("broker1")));
    CU_ASSERT_EQUAL(r.port, 20881);
    writer_t w;
    writer_init(&w, 0);
    broker_acquire_meta_request_write(&w, &(broker_acquire_meta_request_t){VIEW("broker1"), 20881});
    CU_ASSERT_TRUE(wire_is_example("acquire_meta_request", &f, &w));

    f = wire_example("acquire_meta_answer");
    CU_ASSERT_TRUE(is_answer(&f, 8, 0, REQUEST_BROKER_ACQUIRE_META));
    broker_acquire_meta_response_t a;
    CU_ASSERT_TRUE_FATAL(broker_acquire_meta_response_read(f.body, &a));
    CU_ASSERT_TRUE(equal(a.group_name, BROKER_GROUP));
    CU_ASSERT_TRUE(equal(a.master, VIEW("10.0.0.2:20882")));
    CU_ASSERT_EQUAL(a.role, ROLE_SLAVE);
    writer_init(&w, 0);
    broker_acquire_meta_response_write(&w, &(broker_acquire_meta_response_t){BROKER_GROUP, VIEW("10.0.0.2:20882"), ROLE_SLAVE});
    CU_ASSERT_TRUE(wire_is_example("acquire_meta_answer", &f, &w));
}

static void example_21_8_broker_register(void) {
    frame_t f = wire_example("broker_register_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_BROKER_REGISTER, 8, 3, -1));
    broker_register_request_t r;
    CU_ASSERT_TRUE_FATAL(broker_register_request_read(f.body, &r));
    CU_ASSERT_EQUAL(r.request_type, REGISTER_HEARTBEAT);
    CU_ASSERT_TRUE(equal(r.group_name, BROKER_GROUP));
    CU_ASSERT_TRUE(equal(r.broker_address, VIEW("10.0.0.2:20881")));
    CU_ASSERT_EQUAL(r.role, ROLE_MASTER);
    CU_ASSERT_EQUAL(r.state, BROKER_RW);
    broker_register_request_t again = {REGISTER_HEARTBEAT, BROKER_GROUP, VIEW("10.0.0.2:20881"), ROLE_MASTER, BROKER_RW};
    writer_t w;
    writer_init(&w, 0);
    broker_register_request_write(&w, &again);
    CU_ASSERT_TRUE(wire_is_example("broker_register_request", &f, &w));
    f = wire_example("broker_register_answer");
    CU_ASSERT_TRUE(is_answer(&f, 8, 3, REQUEST_BROKER_REGISTER));
    CU_ASSERT_TRUE(is_empty_example("broker_register_answer", &f));
}

static void example_21_9_consume_manage(void) {
    frame_t f = wire_example("consume_manage_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_CONSUME_MANAGE, 8, 5, -1));
    consume_manage_request_t r;
    CU_ASSERT_TRUE_FATAL(consume_manage_request_read(f.body, &r));
    CU_ASSERT_TRUE(equal(r.subject, SUBJECT));
    CU_ASSERT_TRUE(equal(r.group, GROUP));
    CU_ASSERT_EQUAL(r.where, CONSUME_EARLIEST);
    writer_t w;
    writer_init(&w, 0);
    consume_manage_request_write(&w, &(consume_manage_request_t){SUBJECT, GROUP, CONSUME_EARLIEST});
    CU_ASSERT_TRUE(wire_is_example("consume_manage_request", &f, &w));
}

static void check_sync_request(const char *name, int opaque, int type, int64_t message_offset, int64_t action_offset) {
    frame_t f = wire_example(name);
    CU_ASSERT_TRUE(is_request(&f, REQUEST_SYNC_LOG, 9, opaque, REQUEST_SYNC_LOG));
    sync_log_request_t r;
    CU_ASSERT_TRUE_FATAL(sync_log_request_read(f.body, &r));
    CU_ASSERT_EQUAL(r.sync_type, type);
    CU_ASSERT_EQUAL(r.message_log_offset, message_offset);
    CU_ASSERT_EQUAL(r.action_log_offset, action_offset);
    writer_t w;
    writer_init(&w, 0);
    sync_log_request_write(&w, &(sync_log_request_t){(int8_t)type, message_offset, action_offset});
    CU_ASSERT_TRUE(wire_is_example(name, &f, &w));
}

static void check_sync_answer(const char *name, int opaque, int64_t offset, view_t data) {
    frame_t f = wire_example(name);
    CU_ASSERT_TRUE(is_answer(&f, 9, opaque, REQUEST_SYNC_LOG));
    sync_log_response_t r;
    CU_ASSERT_TRUE_FATAL(sync_log_response_read(f.body, &r));
    CU_ASSERT_EQUAL(r.start_offset, offset);
    CU_ASSERT_TRUE(equal(r.data, data));
    writer_t w;
    writer_init(&w, 0);
    sync_log_response_write_head(&w, (int32_t)data.size, offset);
    writer_bytes(&w, data.data, data.size);
    CU_ASSERT_TRUE(wire_is_example(name, &f, &w));
}

static void example_21_10_sync_log(void) {
    check_sync_request("sync_message_request", 20, SYNC_MESSAGE, 4096, 0);
    check_sync_answer("sync_message_answer", 20, 4096, VIEW("\xa1\xb2\xc3\x02"));
    check_sync_answer("sync_empty_answer", 20, 4096, VIEW(""));
    check_sync_request("sync_heartbeat_request", 21, SYNC_HEARTBEAT, 4096, 512);
    check_sync_request("sync_index_request", 22, SYNC_INDEX, 4096, 4096);

    frame_t f = wire_example("sync_heartbeat_answer");
    CU_ASSERT_TRUE(is_answer(&f, 9, 21, REQUEST_SYNC_LOG));
    sync_heartbeat_response_t r;
    CU_ASSERT_TRUE_FATAL(sync_heartbeat_response_read(f.body, &r));
    CU_ASSERT_EQUAL(r.message_log_max_offset, 5000);
    CU_ASSERT_EQUAL(r.action_log_max_offset, 600);
    writer_t w;
    writer_init(&w, 0);
    sync_heartbeat_response_write(&w, &(sync_heartbeat_response_t){5000, 600});
    CU_ASSERT_TRUE(wire_is_example("sync_heartbeat_answer", &f, &w));
}

static void example_21_10_index_entries(void) {
    frame_t f = wire_example("sync_index_answer");
    sync_log_response_t r;
    CU_ASSERT_TRUE_FATAL(sync_log_response_read(f.body, &r));
    CU_ASSERT_EQUAL(r.start_offset, 4321);
    cursor_t c = cursor_of(r.data);
    sync_index_entry_t e;
    CU_ASSERT_TRUE_FATAL(sync_index_entry_next(&c, &e));
    CU_ASSERT_EQUAL(e.sequence, 17);
    CU_ASSERT_EQUAL(e.create_time, CREATED);
    CU_ASSERT_TRUE(equal(e.subject, SUBJECT));
    CU_ASSERT_TRUE(equal(e.message_id, MESSAGE_ID));
    sync_index_entry_t more;
    CU_ASSERT_FALSE(sync_index_entry_next(&c, &more));
    CU_ASSERT_FALSE(c.failed);

    writer_t entry;
    writer_init(&entry, 0);
    sync_index_entry_write(&entry, &(sync_index_entry_t){17, CREATED, SUBJECT, MESSAGE_ID});
    check_sync_answer("sync_index_answer", 22, 4321, writer_view(&entry));
    writer_free(&entry);
}

static void example_21_11_delay_dispatch(void) {
    frame_t f = wire_example("delay_dispatch_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_SYNC_LOG, 9, 23, REQUEST_SYNC_LOG));
    const delay_sync_request_t wanted = {SYNC_DISPATCH, -1, 201906071200, 16, 201906071100, 800};
    delay_sync_request_t r;
    CU_ASSERT_EQUAL(f.body.size, DELAY_SYNC_REQUEST_SIZE);
    CU_ASSERT_TRUE_FATAL(delay_sync_request_read(f.body, &r));
    CU_ASSERT_EQUAL(r.sync_type, wanted.sync_type);
    CU_ASSERT_EQUAL(r.message_log_offset, wanted.message_log_offset);
    CU_ASSERT_EQUAL(r.dispatch_segment, wanted.dispatch_segment);
    CU_ASSERT_EQUAL(r.dispatch_offset, wanted.dispatch_offset);
    CU_ASSERT_EQUAL(r.last_dispatch_segment, wanted.last_dispatch_segment);
    CU_ASSERT_EQUAL(r.last_dispatch_offset, wanted.last_dispatch_offset);
    writer_t w;
    writer_init(&w, 0);
    delay_sync_request_write(&w, &wanted);
    CU_ASSERT_TRUE(wire_is_example("delay_dispatch_request", &f, &w));

    f = wire_example("delay_dispatch_answer");
    CU_ASSERT_TRUE(is_answer(&f, 9, 23, REQUEST_SYNC_LOG));
    delay_dispatch_response_t a;
    CU_ASSERT_TRUE_FATAL(delay_dispatch_response_read(f.body, &a));
    CU_ASSERT_EQUAL(a.start_offset, 16);
    CU_ASSERT_EQUAL(a.dispatch_segment, 201906071200);
    cursor_t c = cursor_of(a.data);
    CU_ASSERT_EQUAL(cursor_i64(&c), 1001);
    CU_ASSERT_EQUAL(cursor_i64(&c), 1002);
    CU_ASSERT_EQUAL(cursor_left(&c), 0);
    writer_t data;
    writer_init(&data, 0);
    writer_i64(&data, 1001);
    writer_i64(&data, 1002);
    writer_init(&w, 0);
    delay_dispatch_response_write(&w, &(delay_dispatch_response_t){16, 201906071200, writer_view(&data)});
    writer_free(&data);
    CU_ASSERT_TRUE(wire_is_example("delay_dispatch_answer", &f, &w));
}

static void example_21_12_checkpoint(void) {
    frame_t f = wire_example("checkpoint_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_SYNC_CHECKPOINT, 9, 1, REQUEST_SYNC_CHECKPOINT));
    CU_ASSERT_TRUE(is_empty_example("checkpoint_request", &f));

    const sync_checkpoint_response_t wanted = {1, VIEW("2\n8192\norder.changed/41\n"),
                                               VIEW("3\n600\norder.changed/1\nticket/0/41/1\nhost1@@ab/149/99\n")};
    f = wire_example("checkpoint_answer");
    CU_ASSERT_TRUE(is_answer(&f, 9, 1, REQUEST_SYNC_CHECKPOINT));
    sync_checkpoint_response_t r;
    CU_ASSERT_TRUE_FATAL(sync_checkpoint_response_read(f.body, &r));
    CU_ASSERT_EQUAL(r.version, 1);
    CU_ASSERT_TRUE(equal(r.message_checkpoint, wanted.message_checkpoint));
    CU_ASSERT_TRUE(equal(r.action_checkpoint, wanted.action_checkpoint));
    writer_t w;
    writer_init(&w, 0);
    sync_checkpoint_response_write(&w, &wanted);
    CU_ASSERT_TRUE(wire_is_example("checkpoint_answer", &f, &w));
}

static void example_21_13_heartbeat(void) {
    frame_t f = wire_example("heartbeat_request");
    CU_ASSERT_TRUE(is_request(&f, REQUEST_HEARTBEAT, 8, 12, 0));
    CU_ASSERT_TRUE(is_empty_example("heartbeat_request", &f));
    f = wire_example("heartbeat_answer");
    CU_ASSERT_TRUE(has_head(&f, RESPONSE_UNKNOWN_CODE, 8, 12, FRAME_FLAG_RESPONSE, REQUEST_HEARTBEAT));
    CU_ASSERT_TRUE(is_empty_example("heartbeat_answer", &f));
}

const test_case_t examples_cases[] = {TEST(example_21_1_send_request),    TEST(example_21_1_send_answers),
                                      TEST(example_21_2_delayed_message), TEST(example_21_3_pull_request),
                                      TEST(example_21_4_pull_answer),     TEST(example_21_5_ack),
                                      TEST(wire_19_client_register),      TEST(example_21_7_acquire_meta),
                                      TEST(example_21_8_broker_register), TEST(example_21_9_consume_manage),
                                      TEST(example_21_10_sync_log),       TEST(example_21_10_index_entries),
                                      TEST(example_21_11_delay_dispatch), TEST(example_21_12_checkpoint),
                                      TEST(example_21_13_heartbeat),      TEST_END};
