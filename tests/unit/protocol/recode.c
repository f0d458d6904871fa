#include "recode.h"

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
#include "wire.h"

static recode_t done_if(bool good) {
    return good ? RECODE_DONE : RECODE_REFUSED;
}

static recode_t send_request(view_t body, writer_t *to) {
    size_t count = 0;
    if (!send_request_check(body, &count)) return RECODE_REFUSED;
    cursor_t c = cursor_of(body);
    message_t m;
    wire_content_t again;
    for (size_t i = 0; i < count; i++) {
        if (!message_parse_wire(&c, &m) || !wire_content_of(&m, &again)) return RECODE_REFUSED;
        message_write_wire(to, &again.content);
    }
    return done_if(cursor_left(&c) == 0);
}

static recode_t sync_request(view_t body, bool is_delay_sync, writer_t *to) {
    sync_log_request_t r;
    delay_sync_request_t d;
    if (is_delay_sync) {
        if (!delay_sync_request_read(body, &d)) return RECODE_REFUSED;
        delay_sync_request_write(to, &d);
        return done_if(d.sync_type == SYNC_MESSAGE || d.sync_type == SYNC_HEARTBEAT || d.sync_type == SYNC_DISPATCH);
    }
    if (!sync_log_request_read(body, &r)) return RECODE_REFUSED;
    sync_log_request_write(to, &r);
    return done_if(r.sync_type >= SYNC_ACTION && r.sync_type <= SYNC_INDEX && r.sync_type != SYNC_DISPATCH);
}

static recode_t ack_request(view_t body, int16_t version, writer_t *to) {
    ack_request_t r;
    if (!ack_request_read(body, version, &r)) return RECODE_REFUSED;
    ack_request_write(to, version, &r);
    return done_if(r.subject.size > 0 && r.group.size > 0 && r.consumer_id.size > 0);
}

static recode_t pull_request(view_t body, int16_t version, writer_t *to) {
    pull_request_t r;
    if (!pull_request_read(body, version, &r)) return RECODE_REFUSED;
    pull_request_write(to, version, &r);
    return RECODE_DONE;
}

static recode_t broker_register(view_t body, writer_t *to) {
    broker_register_request_t r;
    if (!broker_register_request_read(body, &r)) return RECODE_REFUSED;
    broker_register_request_write(to, &r);
    bool known_type = r.request_type >= REGISTER_ONLINE && r.request_type <= REGISTER_OFFLINE;
    return done_if(known_type && r.role >= ROLE_MASTER && r.role <= ROLE_DELAY_BACKUP);
}

static recode_t metaserver_request(const frame_t *f, writer_t *to) {
    client_register_request_t client;
    broker_acquire_meta_request_t acquire;
    if (f->code == REQUEST_BROKER_REGISTER) return broker_register(f->body, to);
    if (f->code == REQUEST_CLIENT_REGISTER) {
        if (!client_register_request_read(f->body, &client)) return RECODE_REFUSED;
        client_register_request_write(to, &client);
        return RECODE_DONE;
    }
    if (!broker_acquire_meta_request_read(f->body, &acquire)) return RECODE_REFUSED;
    broker_acquire_meta_request_write(to, &acquire);
    return RECODE_DONE;
}

static recode_t consume_manage(view_t body, writer_t *to) {
    consume_manage_request_t r;
    if (!consume_manage_request_read(body, &r)) return RECODE_REFUSED;
    consume_manage_request_write(to, &r);
    return RECODE_DONE;
}

recode_t recode_request(const frame_t *f, bool is_delay_sync, writer_t *to) {
    switch (f->code) {
    case REQUEST_SEND_MESSAGE:
        return send_request(f->body, to);
    case REQUEST_PULL_MESSAGE:
        return pull_request(f->body, f->version, to);
    case REQUEST_ACK:
        return ack_request(f->body, f->version, to);
    case REQUEST_CONSUME_MANAGE:
        return consume_manage(f->body, to);
    case REQUEST_SYNC_LOG:
        return sync_request(f->body, is_delay_sync, to);
    case REQUEST_BROKER_REGISTER:
    case REQUEST_CLIENT_REGISTER:
    case REQUEST_BROKER_ACQUIRE_META:
        return metaserver_request(f, to);
    default:
        return RECODE_NO_LAYOUT;
    }
}

static recode_t send_answer(view_t body, writer_t *to) {
    cursor_t c = cursor_of(body);
    send_result_t r;
    while (send_result_next(&c, &r)) send_result_write(to, &r);
    return done_if(!c.failed);
}

/* Versions below 8 get the payload without its tags but with the flag bit: it reads as if the bit were clear. */
static bool next_payload(cursor_t *c, int16_t version, message_t *m) {
    uint8_t copy[4096];
    view_t left = cursor_rest(c);
    if (version >= VERSION_8) return message_parse(c, m);
    if (left.size == 0 || left.size > sizeof copy) return false;
    memcpy(copy, left.data, left.size);
    copy[0] = (uint8_t)(copy[0] & ~MESSAGE_HAS_TAGS);
    cursor_t in_copy = cursor_make(copy, left.size);
    if (!message_parse(&in_copy, m)) return false;
    m->payload = cursor_take(c, m->payload.size);
    return !c->failed;
}

/* The payload again through the encoder where it has all the parts, as it is where tags were cut out. */
static bool write_payload(writer_t *to, const message_t *m, int16_t version) {
    wire_content_t again;
    writer_t w;
    if (version < VERSION_8) {
        writer_bytes(to, m->payload.data, m->payload.size);
        return true;
    }
    if (!wire_content_of(m, &again)) return false;
    writer_init(&w, 0);
    message_write_wire(&w, &again.content);
    view_t wire = writer_view(&w);
    bool good = wire.size > sizeof(int64_t);
    if (good) writer_bytes(to, wire.data + sizeof(int64_t), wire.size - sizeof(int64_t));
    writer_free(&w);
    return good;
}

static recode_t pull_answer(view_t body, int16_t version, writer_t *to) {
    cursor_t c = cursor_of(body);
    int64_t first = 0;
    message_t m;
    if (!pull_response_read_head(&c, &first)) return RECODE_REFUSED;
    pull_response_write_head(to, first);
    while (cursor_left(&c) > 0) {
        if (!next_payload(&c, version, &m) || !write_payload(to, &m, version)) return RECODE_REFUSED;
    }
    return RECODE_DONE;
}

static recode_t heartbeat_answer(view_t body, bool is_delay_sync, writer_t *to) {
    sync_heartbeat_response_t r;
    delay_heartbeat_response_t d;
    if (is_delay_sync) {
        if (!delay_heartbeat_response_read(body, &d)) return RECODE_REFUSED;
        delay_heartbeat_response_write(to, &d);
    } else {
        if (!sync_heartbeat_response_read(body, &r)) return RECODE_REFUSED;
        sync_heartbeat_response_write(to, &r);
    }
    return RECODE_DONE;
}

static recode_t log_answer(view_t body, bool is_index, writer_t *to) {
    sync_log_response_t r;
    sync_index_entry_t e;
    if (!sync_log_response_read(body, &r)) return RECODE_REFUSED;
    sync_log_response_write_head(to, (int32_t)r.data.size, r.start_offset);
    if (!is_index) {
        writer_bytes(to, r.data.data, r.data.size);
        return RECODE_DONE;
    }
    cursor_t c = cursor_of(r.data);
    while (sync_index_entry_next(&c, &e)) sync_index_entry_write(to, &e);
    return done_if(!c.failed);
}

static recode_t sync_answer(view_t body, int type, bool is_delay_sync, writer_t *to) {
    delay_dispatch_response_t d;
    if (type == SYNC_HEARTBEAT) return heartbeat_answer(body, is_delay_sync, to);
    if (type != SYNC_DISPATCH) return log_answer(body, type == SYNC_INDEX, to);
    if (!delay_dispatch_response_read(body, &d)) return RECODE_REFUSED;
    delay_dispatch_response_write(to, &d);
    return RECODE_DONE;
}

static recode_t register_answer(view_t body, writer_t *to) {
    client_register_response_t r;
    route_group_t groups[WIRE_MAX_PARTS];
    int count = 0;
    if (!client_register_response_read(body, &r)) return RECODE_REFUSED;
    cursor_t c = cursor_of(r.groups);
    while (count < WIRE_MAX_PARTS && route_group_next(&c, &groups[count])) count++;
    client_register_response_write(to, &r, groups);
    return done_if(count == r.group_count && cursor_left(&c) == 0);
}

static recode_t checkpoint_answer(view_t body, writer_t *to) {
    sync_checkpoint_response_t r;
    if (!sync_checkpoint_response_read(body, &r)) return RECODE_REFUSED;
    sync_checkpoint_response_write(to, &r);
    return RECODE_DONE;
}

static recode_t acquire_answer(view_t body, writer_t *to) {
    broker_acquire_meta_response_t r;
    if (!broker_acquire_meta_response_read(body, &r)) return RECODE_REFUSED;
    broker_acquire_meta_response_write(to, &r);
    return RECODE_DONE;
}

recode_t recode_answer(const frame_t *answer, const frame_t *request, bool is_delay_sync, writer_t *to) {
    switch (request->code) {
    case REQUEST_SEND_MESSAGE:
        return send_answer(answer->body, to);
    case REQUEST_PULL_MESSAGE:
        return pull_answer(answer->body, request->version, to);
    case REQUEST_SYNC_LOG:
        return request->body.size == 0 ? RECODE_REFUSED : sync_answer(answer->body, (int8_t)request->body.data[0], is_delay_sync, to);
    case REQUEST_SYNC_CHECKPOINT:
        return checkpoint_answer(answer->body, to);
    case REQUEST_CLIENT_REGISTER:
        return register_answer(answer->body, to);
    case REQUEST_BROKER_ACQUIRE_META:
        return acquire_answer(answer->body, to);
    default:
        return RECODE_NO_LAYOUT;
    }
}
