/* A record of the action log as bytes (README.md, storage.md 6). Pure functions. */
#ifndef QMQ_STORE_ACTION_RECORD_H
#define QMQ_STORE_ACTION_RECORD_H

#include "base/view.h"

#define ACTION_MAGIC 0xC3B2A100u
#define ACTION_AT_ATTRIBUTE 4
#define ACTION_FILLER_SIZE 5
#define ACTION_BLANK_SIZE 9
#define ACTION_HEADER_SIZE 10
#define ACTION_MAX_RECORD (10 * 1024 * 1024)

/* Values of the type byte are those of action_type_t (store.h). */
typedef struct action_record {
    uint8_t type;
    view_t subject;
    view_t group;
    view_t consumer_id;
    int64_t time_ms;
    bool broadcast;
    int64_t first_pull;
    int64_t last_pull;
    int64_t first_message;
    int64_t last_message;
} action_record_t;

typedef enum action_kind { ACTION_RECORD, ACTION_FILLER, ACTION_BLANK, ACTION_BAD } action_kind_t;

/* 0 when the action could not be read back: names empty or too long, time not positive, unequal ranges, unknown type, longer than
 * ACTION_MAX_RECORD. */
size_t action_record_size(const action_record_t *a);
/* Writes action_record_size bytes. */
void action_record_put(uint8_t *to, const action_record_t *a);
void action_filler_put(uint8_t *to);

/* Kind of what starts at `from` (size bytes readable, left in the segment). *total: bytes to the next record. */
action_kind_t action_record_kind(const uint8_t *from, size_t size, int64_t left, int64_t *total);
/* True when a type of ours stands at `from` (ACTION_HEADER_SIZE bytes). */
bool action_type_is_known(const uint8_t *from);
/* Decodes a whole record of `total` bytes; false when it does not decode to exactly this length, names are empty, time is not positive,
 * ranges are unequal. */
bool action_record_parse(const uint8_t *from, int64_t total, action_record_t *a);

/* Records have no checksum, and space is reserved (zero) ahead: a write that was cut off at a sector leaves a record of right length whose
 * end is zero. True when all of the record at this position of its segment that lies in its last sector is zero: as the last one of a log
 * it is not believed. */
bool action_record_looks_torn(const uint8_t *record, size_t size, int64_t position);

#endif
