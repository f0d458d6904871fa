/* PULL_MESSAGE (wire-protocol.md 11). */
#ifndef QMQ_PROTOCOL_PULL_H
#define QMQ_PROTOCOL_PULL_H

#include "protocol/message.h"

#define PULL_MAX_REQUEST_NUM 10000

/* Values of the offset field, which the original ignores and its peers set to -1. Ours: a group that is new starts at the earliest message.
 */
#define PULL_OFFSET_UNUSED (-1)
#define PULL_OFFSET_EARLIEST (-2)

typedef struct tag_filter {
    int16_t type; /* enum tag_type; TAG_NONE: inactive */
    int count;
    view_t tags; /* encoded strs, walk with message_next_tag */
} tag_filter_t;

typedef struct pull_request {
    view_t subject;
    view_t group;
    view_t consumer_id;
    int32_t request_num;
    int64_t offset;
    int64_t pull_offset_begin;
    int64_t pull_offset_last;
    int64_t timeout_ms;
    bool broadcast;
    bool has_tag_filter; /* one was present, also a NO_TAG one */
    tag_filter_t tag_filter;
    bool has_sub_env;
    view_t env;
    view_t sub_env;
} pull_request_t;

/* version decides the form (5). false: does not parse, or an unknown filter type: answer 51. */
bool pull_request_read(view_t body, int16_t version, pull_request_t *r);
/* tags: encoded by tag_filter_write_tags or empty. */
void pull_request_write(writer_t *w, int16_t version, const pull_request_t *r);
/* Encodes tag strs for tag_filter.tags. */
void tag_filter_write_tags(writer_t *w, const view_t *tags, int count);
/* Active: NO_TAG or no tags match everything (11.2). */
bool tag_filter_is_active(const tag_filter_t *f);
bool tag_filter_matches(const tag_filter_t *f, const message_t *m);

#define PULL_RESPONSE_HEAD 16
/* The 16 bytes in front of the payloads. */
void pull_response_write_head(writer_t *w, int64_t pull_offset);
/* Reads the head; payloads follow (message_parse until the end). */
bool pull_response_read_head(cursor_t *c, int64_t *pull_offset);

#endif
