/* A message as it travels and is stored (wire-protocol.md 7): payload = flag ... attributes; on the wire an int64 CRC stands before it. */
#ifndef QMQ_PROTOCOL_MESSAGE_H
#define QMQ_PROTOCOL_MESSAGE_H

#include "base/cursor.h"
#include "base/writer.h"

#include <apr_errno.h>

#define MESSAGE_LOW_RELIABILITY 1
#define MESSAGE_DELAYED 2
#define MESSAGE_HAS_TAGS 4

/* All views point into the input. */
typedef struct message {
    int64_t crc;    /* as sent; only from message_parse_wire */
    view_t payload; /* flag .. attributes */
    int8_t flag;
    int64_t create_time;
    int64_t expire_time; /* schedule time when MESSAGE_DELAYED */
    view_t subject;
    view_t id;
    int tag_count;     /* 0 without tags */
    view_t tags;       /* the strs, encoded, without the count byte */
    size_t tag_offset; /* position of the count byte in the payload; with tag_size the part that versions < 8 do not get */
    size_t tag_size;   /* 1 + size of the strs; 0 when the flag bit is clear */
    view_t attributes; /* encoded key/value pairs */
} message_t;

/* Takes one payload off the cursor; false (and the cursor failed) when it does not fit. Surplus after it is left. */
bool message_parse(cursor_t *c, message_t *m);
/* CRC and payload. */
bool message_parse_wire(cursor_t *c, message_t *m);
/* True when crc has an upper half of zero and equals the CRC-32 of the payload. */
bool message_crc_is_right(const message_t *m);

/* Walks the tags: c = cursor_of(m->tags), call until false. */
bool message_next_tag(cursor_t *c, view_t *tag);
/* Walks the attributes: c = cursor_of(m->attributes); false at the end (fewer than 4 bytes) or when a pair overruns (then c->failed). */
bool message_next_attribute(cursor_t *c, view_t *key, view_t *value);
/* The last value of a key; false when absent. */
bool message_attribute(const message_t *m, view_t key, view_t *value);

/* What a producer writes. tags: tag_count views; attributes: alternating key, value, 2 * attribute_count views. Writes CRC and payload. The
 * writer fails above the limits (names over 32767, values over 65535 bytes). */
typedef struct message_content {
    int8_t flag; /* MESSAGE_HAS_TAGS is set by the encoder */
    int64_t create_time;
    int64_t expire_time;
    view_t subject;
    view_t id;
    const view_t *tags;
    int tag_count;
    const view_t *attributes;
    size_t attribute_count;
} message_content_t;
void message_write_wire(writer_t *w, const message_content_t *m);
/* The payload of m under another subject, without CRC (broker-made retry messages, design decision 3). */
void message_write_with_subject(writer_t *w, const message_t *m, view_t subject);

#endif
