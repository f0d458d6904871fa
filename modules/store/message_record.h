/* A record of the message log as bytes (README.md, storage.md 4.1-4.3). Pure functions. */
#ifndef QMQ_STORE_MESSAGE_RECORD_H
#define QMQ_STORE_MESSAGE_RECORD_H

#include "base/view.h"

#define MESSAGE_MAGIC_V1 0xA1B2C300u /* without CRC */
#define MESSAGE_MAGIC_V2 0xA1B2C301u
#define MESSAGE_MAGIC_V3 0xA1B2C302u /* the only one written */

#define MESSAGE_FILLER_SIZE 13
#define MESSAGE_BLANK_SIZE 17
/* Header size without the subject. */
#define MESSAGE_HEADER_FIXED 35
#define MESSAGE_HEADER_FIXED_V1 27
/* Bytes that tell the kind of a record and, for messages, the subject's length. */
#define MESSAGE_PREFIX_SIZE 23

typedef enum record_kind { RECORD_MESSAGE, RECORD_FILLER, RECORD_BLANK, RECORD_UNKNOWN_ATTRIBUTE, RECORD_BAD } record_kind_t;

typedef struct message_record {
    int64_t time_ms;
    int64_t sequence;
    view_t subject;
    bool has_crc;
    uint64_t crc;
    uint32_t header_size;
    uint32_t payload_size;
    uint32_t magic;
} message_record_t;

static inline int64_t message_record_size(size_t subject_size, size_t payload_size) {
    return (int64_t)(MESSAGE_HEADER_FIXED + subject_size + payload_size);
}

/* Writes the 35 + n bytes before the payload; returns their number. */
size_t message_header_put(uint8_t *to, int64_t time_ms, int64_t sequence, view_t subject, uint32_t crc, uint32_t payload_size);
void message_filler_put(uint8_t *to, int64_t time_ms);

/* Kind of what starts at `from`, of which `size` bytes can be read and `left` bytes remain in the segment (size <= left). *skip: for
 * fillers and blanks the bytes to the next record. For messages (and unknown attributes) *header_size is what message_header_parse needs; 0
 * when it does not fit: RECORD_BAD. Subject and payload
 * are never empty: a record cut short in reserved (zero) space must not look whole. */
record_kind_t message_record_kind(const uint8_t *from, size_t size, int64_t left, uint32_t *header_size, int64_t *skip);
/* Takes the header apart, `from` has header_size bytes. False when the lengths do not fit into `left`. */
bool message_header_parse(const uint8_t *from, uint32_t header_size, int64_t left, message_record_t *record);

/* False when the record has a checksum and the payload is not what it says. `from`: the whole record, whose header fits. */
bool message_payload_is_right(const uint8_t *from, uint32_t header_size, size_t payload_size);

/* True when the bytes (size of them) are the header of exactly this record: what an index entry promised (storage.md 5.6). */
bool message_header_matches(const uint8_t *from, size_t size, view_t subject, int64_t sequence, int64_t record_size, uint32_t header_size);

#endif
