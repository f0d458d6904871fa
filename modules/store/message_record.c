#include "store/message_record.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/writer.h"

#define AT_ATTRIBUTE 4
#define AT_TIME 5
#define AT_SEQUENCE 13
#define AT_SUBJECT 21

#define ATTRIBUTE_MESSAGE 0
#define ATTRIBUTE_FILLER 1
#define ATTRIBUTE_BLANK 2

size_t message_header_put(uint8_t *to, int64_t time_ms, int64_t sequence, view_t subject, uint32_t crc, uint32_t payload_size) {
    put_u32(to, MESSAGE_MAGIC_V3);
    to[AT_ATTRIBUTE] = ATTRIBUTE_MESSAGE;
    put_u64(to + AT_TIME, (uint64_t)time_ms);
    put_u64(to + AT_SEQUENCE, (uint64_t)sequence);
    put_u16(to + AT_SUBJECT, (uint16_t)subject.size);
    uint8_t *p = to + MESSAGE_PREFIX_SIZE;
    memcpy(p, subject.data, subject.size);
    p += subject.size;
    put_u64(p, crc);
    put_u32(p + 8, payload_size);
    return MESSAGE_HEADER_FIXED + subject.size;
}

void message_filler_put(uint8_t *to, int64_t time_ms) {
    put_u32(to, MESSAGE_MAGIC_V3);
    to[AT_ATTRIBUTE] = ATTRIBUTE_FILLER;
    put_u64(to + AT_TIME, (uint64_t)time_ms);
}

static uint32_t get_u32(const uint8_t *p) {
    cursor_t c = cursor_make(p, 4);
    return cursor_u32(&c);
}

static bool is_magic(uint32_t magic) {
    return magic == MESSAGE_MAGIC_V3 || magic == MESSAGE_MAGIC_V2 || magic == MESSAGE_MAGIC_V1;
}

static size_t fixed_size(uint32_t magic) {
    return magic == MESSAGE_MAGIC_V1 ? MESSAGE_HEADER_FIXED_V1 : MESSAGE_HEADER_FIXED;
}

record_kind_t message_record_kind(const uint8_t *from, size_t size, int64_t left, uint32_t *header_size, int64_t *skip) {
    *header_size = 0;
    *skip = 0;
    if (size < MESSAGE_FILLER_SIZE) return RECORD_BAD;
    uint32_t magic = get_u32(from);
    if (!is_magic(magic)) return RECORD_BAD;
    uint8_t attribute = from[AT_ATTRIBUTE];
    if (attribute == ATTRIBUTE_FILLER) {
        *skip = left;
        return RECORD_FILLER;
    }
    if (attribute == ATTRIBUTE_BLANK) {
        if (size < MESSAGE_BLANK_SIZE) return RECORD_BAD;
        *skip = (int32_t)get_u32(from + MESSAGE_FILLER_SIZE);
        return *skip >= MESSAGE_BLANK_SIZE && *skip <= left ? RECORD_BLANK : RECORD_BAD;
    }
    if (size < MESSAGE_PREFIX_SIZE) return RECORD_BAD;
    int16_t subject_size = (int16_t)((from[AT_SUBJECT] << 8) | from[AT_SUBJECT + 1]);
    if (subject_size <= 0) return RECORD_BAD;
    size_t header = fixed_size(magic) + (size_t)subject_size;
    if ((int64_t)header > left) return RECORD_BAD;
    *header_size = (uint32_t)header;
    return attribute == ATTRIBUTE_MESSAGE ? RECORD_MESSAGE : RECORD_UNKNOWN_ATTRIBUTE;
}

bool message_header_parse(const uint8_t *from, uint32_t header_size, int64_t left, message_record_t *record) {
    cursor_t c = cursor_make(from, header_size);
    record->magic = cursor_u32(&c);
    cursor_skip(&c, 1);
    record->time_ms = cursor_i64(&c);
    record->sequence = cursor_i64(&c);
    record->subject = cursor_str(&c);
    record->has_crc = record->magic != MESSAGE_MAGIC_V1;
    record->crc = record->has_crc ? cursor_u64(&c) : 0;
    int32_t payload_size = cursor_i32(&c);
    if (c.failed || payload_size <= 0 || (int64_t)header_size + payload_size > left) return false;
    record->header_size = header_size;
    record->payload_size = (uint32_t)payload_size;
    return true;
}

bool message_header_matches(const uint8_t *from, size_t size, view_t subject, int64_t sequence, int64_t record_size, uint32_t header_size) {
    uint32_t header = 0;
    int64_t skip = 0;
    message_record_t record;
    if (size < header_size) return false;
    if (message_record_kind(from, header_size, record_size, &header, &skip) != RECORD_MESSAGE || header != header_size) return false;
    if (!message_header_parse(from, header_size, record_size, &record)) return false;
    return record.sequence == sequence && (int64_t)header_size + record.payload_size == record_size && view_equal(record.subject, subject);
}

bool message_payload_is_right(const uint8_t *from, uint32_t header_size, size_t payload_size) {
    if (get_u32(from) == MESSAGE_MAGIC_V1) return true;
    cursor_t c = cursor_make(from + header_size - sizeof(uint64_t) - sizeof(uint32_t), sizeof(uint64_t));
    return cursor_u64(&c) == crc32_of(from + header_size, payload_size);
}
