#include "store/action_record.h"

#include "base/cursor.h"
#include "base/writer.h"
#include "store/store.h"

#define AT_TYPE 5
#define AT_LENGTH 6

#define SECTOR_SIZE 512

#define ATTRIBUTE_ACTION 0
#define ATTRIBUTE_FILLER 1
#define ATTRIBUTE_BLANK 2

/* Far beyond what a log can hold; sums of two do not overflow. */
#define LAST_SEQUENCE ((int64_t)1 << 61)

#define FIXED_OFFLINE (2 + 2 + 2 + 8)
#define FIXED_ACK (FIXED_OFFLINE + 2 * 8)
#define FIXED_PULL (FIXED_OFFLINE + 1 + 4 * 8)

static size_t fixed_size(uint8_t type) {
    switch (type) {
    case ACTION_PULL:
        return FIXED_PULL;
    case ACTION_RANGE_ACK:
        return FIXED_ACK;
    case ACTION_FOREVER_OFFLINE:
        return FIXED_OFFLINE;
    default:
        return 0;
    }
}

static bool is_sequence(int64_t v) {
    return v >= -1 && v <= LAST_SEQUENCE;
}

static bool ranges_are_sound(const action_record_t *a) {
    if (a->type == ACTION_FOREVER_OFFLINE) return true;
    if (!is_sequence(a->first_pull) || !is_sequence(a->last_pull)) return false;
    if (a->type == ACTION_RANGE_ACK) return true;
    return is_sequence(a->first_message) && is_sequence(a->last_message) &&
           a->last_pull - a->first_pull == a->last_message - a->first_message;
}

static bool name_is_good(view_t name) {
    return name.size > 0 && name.size <= WRITER_MAX_STR;
}

static bool is_sound(const action_record_t *a) {
    if (!name_is_good(a->subject) || !name_is_good(a->group) || !name_is_good(a->consumer_id) || a->time_ms <= 0) return false;
    return ranges_are_sound(a);
}

size_t action_record_size(const action_record_t *a) {
    size_t fixed = fixed_size(a->type);
    if (fixed == 0 || !is_sound(a)) return 0;
    size_t size = ACTION_HEADER_SIZE + fixed + a->subject.size + a->group.size + a->consumer_id.size;
    return size <= ACTION_MAX_RECORD ? size : 0;
}

void action_record_put(uint8_t *to, const action_record_t *a) {
    writer_t w;
    size_t size = action_record_size(a);
    writer_init_fixed(&w, to, size);
    writer_u32(&w, ACTION_MAGIC);
    writer_u8(&w, ATTRIBUTE_ACTION);
    writer_u8(&w, a->type);
    writer_i32(&w, (int32_t)(size - ACTION_HEADER_SIZE));
    writer_str(&w, a->subject);
    writer_str(&w, a->group);
    writer_str(&w, a->consumer_id);
    writer_i64(&w, a->time_ms);
    if (a->type == ACTION_PULL) writer_u8(&w, a->broadcast ? 1 : 0);
    if (a->type == ACTION_FOREVER_OFFLINE) return;
    writer_i64(&w, a->first_pull);
    writer_i64(&w, a->last_pull);
    if (a->type == ACTION_RANGE_ACK) return;
    writer_i64(&w, a->first_message);
    writer_i64(&w, a->last_message);
}

void action_filler_put(uint8_t *to) {
    put_u32(to, ACTION_MAGIC);
    to[ACTION_AT_ATTRIBUTE] = ATTRIBUTE_FILLER;
}

action_kind_t action_record_kind(const uint8_t *from, size_t size, int64_t left, int64_t *total) {
    *total = 0;
    cursor_t c = cursor_make(from, size);
    uint32_t magic = cursor_u32(&c);
    uint8_t attribute = cursor_u8(&c);
    if (c.failed || magic != ACTION_MAGIC) return ACTION_BAD;
    if (attribute == ATTRIBUTE_FILLER) {
        *total = left;
        return ACTION_FILLER;
    }
    if (attribute == ATTRIBUTE_BLANK) {
        *total = cursor_i32(&c);
        return !c.failed && *total >= ACTION_BLANK_SIZE && *total <= left ? ACTION_BLANK : ACTION_BAD;
    }
    if (attribute != ATTRIBUTE_ACTION) return ACTION_BAD;
    cursor_skip(&c, 1);
    int32_t length = cursor_i32(&c);
    if (c.failed || length < 0 || length > ACTION_MAX_RECORD || ACTION_HEADER_SIZE + (int64_t)length > left) return ACTION_BAD;
    *total = ACTION_HEADER_SIZE + (int64_t)length;
    return ACTION_RECORD;
}

bool action_type_is_known(const uint8_t *from) {
    return fixed_size(from[AT_TYPE]) != 0;
}

bool action_record_parse(const uint8_t *from, int64_t total, action_record_t *a) {
    cursor_t c = cursor_make(from, (size_t)total);
    memset(a, 0, sizeof *a);
    cursor_skip(&c, AT_TYPE);
    a->type = cursor_u8(&c);
    cursor_skip(&c, ACTION_HEADER_SIZE - AT_LENGTH);
    if (fixed_size(a->type) == 0) return false;
    a->subject = cursor_str(&c);
    a->group = cursor_str(&c);
    a->consumer_id = cursor_str(&c);
    a->time_ms = cursor_i64(&c);
    if (a->type == ACTION_PULL) a->broadcast = cursor_u8(&c) == 1;
    if (a->type != ACTION_FOREVER_OFFLINE) {
        a->first_pull = cursor_i64(&c);
        a->last_pull = cursor_i64(&c);
    }
    if (a->type == ACTION_PULL) {
        a->first_message = cursor_i64(&c);
        a->last_message = cursor_i64(&c);
    }
    return !c.failed && cursor_left(&c) == 0 && is_sound(a);
}

bool action_record_looks_torn(const uint8_t *record, size_t size, int64_t position) {
    int64_t next = position + (int64_t)size, sector = (next - 1) / SECTOR_SIZE * SECTOR_SIZE;
    if (sector <= position) return false;
    const uint8_t *at = record + (sector - position);
    while (at < record + size && *at == 0) at++;
    return at == record + size;
}
