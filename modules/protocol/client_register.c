#include "protocol/client_register.h"

#include "base/id.h"
#include "protocol/codes.h"

#include <stdio.h>

static const view_t KEY_SUBJECT = {"subject", 7};
static const view_t KEY_CLIENT_TYPE = {"clientTypeCode", 14};
static const view_t KEY_APP_CODE = {"appCode", 7};
static const view_t KEY_CLIENT_ID = {"clientId", 8};
static const view_t KEY_CONSUMER_GROUP = {"consumerGroup", 13};
static const view_t KEY_REQUEST_TYPE = {"requestType", 11};
static const view_t KEY_CLIENT_LDC = {"clientLDC", 9};

#define KEYS_ALWAYS 6 /* every key but clientLDC */
#define DECIMAL_SIZE 12

static int32_t number_or(view_t text, int32_t default_value) {
    int32_t value = 0;
    return id_parse_i32(text, &value) ? value : default_value;
}

static void set_key(client_register_request_t *r, view_t key, view_t value) {
    if (view_equal(key, KEY_SUBJECT)) r->subject = value;
    if (view_equal(key, KEY_CLIENT_TYPE)) r->client_type = number_or(value, CLIENT_OTHER);
    if (view_equal(key, KEY_APP_CODE)) r->app_code = value;
    if (view_equal(key, KEY_CLIENT_ID)) r->client_id = value;
    if (view_equal(key, KEY_CONSUMER_GROUP)) r->consumer_group = value;
    if (view_equal(key, KEY_REQUEST_TYPE)) r->request_type = number_or(value, CLIENT_ONLINE);
    if (view_equal(key, KEY_CLIENT_LDC)) r->client_ldc = value;
}

bool client_register_request_read(view_t body, client_register_request_t *r) {
    cursor_t c = cursor_of(body);
    memset(r, 0, sizeof *r);
    r->client_type = CLIENT_OTHER;
    r->request_type = CLIENT_ONLINE;
    int16_t count = cursor_i16(&c);
    for (int16_t i = 0; i < count && !c.failed; i++) {
        view_t key = cursor_str(&c);
        view_t value = cursor_str(&c);
        if (!c.failed) set_key(r, key, value);
    }
    return !c.failed;
}

static void write_pair(writer_t *w, view_t key, view_t value) {
    writer_str(w, key);
    writer_str(w, value);
}

static void write_number(writer_t *w, view_t key, int32_t value) {
    char text[DECIMAL_SIZE];
    int size = snprintf(text, sizeof text, "%d", (int)value);
    if (size < 0) w->failed = true;
    write_pair(w, key, view_make(text, size < 0 ? 0 : (size_t)size));
}

void client_register_request_write(writer_t *w, const client_register_request_t *r) {
    bool has_ldc = r->client_ldc.size > 0;
    writer_i16(w, (int16_t)(KEYS_ALWAYS + (has_ldc ? 1 : 0)));
    write_pair(w, KEY_CLIENT_ID, r->client_id);
    write_number(w, KEY_CLIENT_TYPE, r->client_type);
    write_number(w, KEY_REQUEST_TYPE, r->request_type);
    write_pair(w, KEY_SUBJECT, r->subject);
    write_pair(w, KEY_APP_CODE, r->app_code);
    write_pair(w, KEY_CONSUMER_GROUP, r->consumer_group);
    if (has_ldc) write_pair(w, KEY_CLIENT_LDC, r->client_ldc);
}

bool route_group_next(cursor_t *c, route_group_t *g) {
    if (cursor_left(c) == 0) return false;
    g->name = cursor_str(c);
    g->master = cursor_str(c);
    g->update_time = cursor_i64(c);
    g->state = cursor_i8(c);
    return !c->failed;
}

bool client_register_response_read(view_t body, client_register_response_t *r) {
    cursor_t c = cursor_of(body);
    r->timestamp = cursor_i64(&c);
    r->subject = cursor_str(&c);
    r->consumer_group = cursor_str(&c);
    r->on_offline = cursor_i8(&c);
    r->client_type = cursor_i8(&c);
    r->group_count = cursor_i16(&c);
    r->groups = view_make(NULL, 0);
    if (c.failed || r->group_count < 0) return false;
    const uint8_t *start = c.at;
    route_group_t g;
    for (int16_t i = 0; i < r->group_count; i++) {
        if (!route_group_next(&c, &g)) return false;
    }
    r->groups = view_make(start, (size_t)(c.at - start));
    return true;
}

void client_register_response_write(writer_t *w, const client_register_response_t *r, const route_group_t *groups) {
    if (r->group_count < 0) {
        w->failed = true;
        return;
    }
    writer_i64(w, r->timestamp);
    writer_str(w, r->subject);
    writer_str(w, r->consumer_group);
    writer_i8(w, r->on_offline);
    writer_i8(w, r->client_type);
    writer_i16(w, r->group_count);
    for (int16_t i = 0; i < r->group_count; i++) {
        writer_str(w, groups[i].name);
        writer_str(w, groups[i].master);
        writer_i64(w, groups[i].update_time);
        writer_i8(w, groups[i].state);
    }
}
