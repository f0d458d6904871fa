#include "store/message_replay.h"

#include "base/status.h"
#include "store/log_check.h"

#define MAGIC_FIRST_BYTE 0xA1

typedef enum step { STEP_RECORD, STEP_SKIP, STEP_BAD } step_t;

/* What stands at position: *next is where the following record starts. */
static step_t read_record(log_scan_t *s, int64_t position, int64_t segment_size, message_record_t *record, int64_t *next,
                          const char **reason) {
    int64_t left = segment_size - position;
    size_t size = MESSAGE_PREFIX_SIZE;
    const uint8_t *head = log_scan_some(s, position, &size);
    uint32_t header_size = 0;
    int64_t skip = 0;
    record_kind_t kind = head == NULL ? RECORD_BAD : message_record_kind(head, size, left, &header_size, &skip);
    *reason = "no record";
    if (kind == RECORD_BAD) return STEP_BAD;
    *next = position + skip;
    if (kind == RECORD_FILLER || kind == RECORD_BLANK) return STEP_SKIP;
    *reason = kind == RECORD_UNKNOWN_ATTRIBUTE ? "a record of unknown kind" : "a record that is not complete";
    head = log_scan_need(s, position, header_size);
    if (head == NULL || !message_header_parse(head, header_size, left, record)) return STEP_BAD;
    *next = position + header_size + record->payload_size;
    if (*next > s->limit) return STEP_BAD;
    return STEP_RECORD;
}

static bool crc_is_right(log_scan_t *s, int64_t position, const message_record_t *r) {
    uint32_t crc = 0;
    return log_scan_crc(s, position + r->header_size, r->payload_size, &crc) && crc == r->crc;
}

/* True when something that is surely ours or the original's stands at position: then what is in front of it is no torn end. */
static bool is_followed(log_scan_t *s, int64_t position, int64_t segment_size) {
    message_record_t record;
    int64_t next = 0;
    const char *reason = NULL;
    if (position == segment_size) return true;
    step_t step = read_record(s, position, segment_size, &record, &next, &reason);
    return step == STEP_SKIP || (step == STEP_RECORD && record.has_crc && crc_is_right(s, position, &record));
}

static int64_t validate(log_scan_t *s, int64_t from, int64_t segment_size, bool taken_over, const char **reason) {
    int64_t position = from;
    while (position < segment_size) {
        message_record_t record;
        int64_t next = 0;
        step_t step = read_record(s, position, segment_size, &record, &next, reason);
        if (step == STEP_BAD) return position;
        if (step == STEP_RECORD) {
            const uint8_t *head = log_scan_need(s, position, MESSAGE_PREFIX_SIZE);
            if (head == NULL || head[4] != 0) return position;
            *reason = "a record with a wrong checksum";
            bool right = !record.has_crc || crc_is_right(s, position, &record);
            if (!right && !(taken_over && is_followed(s, next, segment_size))) return position;
        }
        position = next;
    }
    return segment_size;
}

int64_t message_segment_validate(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason) {
    return validate(s, from, segment_size, false, reason);
}

int64_t message_segment_validate_taken_over(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason) {
    return validate(s, from, segment_size, true, reason);
}

/* First record behind a damaged place, and in front of `upto`, that is surely one: its CRC is right. -1: there is none. */
static int64_t resynchronise(log_scan_t *s, int64_t position, int64_t upto, int64_t segment_size) {
    for (;;) {
        position = log_scan_find(s, position + 1, MAGIC_FIRST_BYTE);
        if (position < 0 || position >= upto) return -1;
        message_record_t record;
        int64_t next = 0;
        const char *reason = NULL;
        if (read_record(s, position, segment_size, &record, &next, &reason) == STEP_RECORD && record.has_crc && record.payload_size > 0 &&
            crc_is_right(s, position, &record)) {
            return position;
        }
    }
}

int64_t message_segment_resync(log_scan_t *s, int64_t position, int64_t segment_size) {
    return resynchronise(s, position, s->limit, segment_size);
}

static int64_t pass_damage(segmented_log_t *l, log_scan_t *s, int64_t position, const message_visitor_t *v, const char *reason,
                           int64_t *skipped_bytes) {
    int64_t next = resynchronise(s, position, s->limit, l->segment_size);
    if (next < 0) next = s->limit;
    *skipped_bytes += next - position;
    if (v->damaged != NULL) {
        v->damaged(v->arg, s->segment, s->segment->base + position, next - position, reason);
        return next;
    }
    log_error(l->log,
              "%s is damaged: %s at byte %lld of %s (offset %lld); %lld bytes are skipped, the messages in them are lost; keep a copy of "
              "the file",
              l->name, reason, (long long)position, s->segment->path, (long long)(s->segment->base + position),
              (long long)(next - position));
    return next;
}

/* What stands at position may be a record, or everything ends there. */
static bool goes_on(log_scan_t *s, int64_t position, int64_t segment_size) {
    message_record_t record;
    int64_t next = 0;
    const char *reason = NULL;
    return segment_size - position < MESSAGE_FILLER_SIZE || position == s->limit ||
           read_record(s, position, segment_size, &record, &next, &reason) != STEP_BAD;
}

/* Whether a record with a wrong checksum has its right length: only its payload is not what it was. */
static bool has_its_length(log_scan_t *s, int64_t position, int64_t next, int64_t segment_size) {
    return goes_on(s, next, segment_size) && resynchronise(s, position, next, segment_size) < 0;
}

/* A filler is the last thing in a segment. */
static bool is_followed_by_record(log_scan_t *s, int64_t position, int64_t segment_size) {
    int64_t behind = position + MESSAGE_FILLER_SIZE;
    return log_scan_last_data(s, behind) > behind && resynchronise(s, position, s->limit, segment_size) >= 0;
}

/* The same as read_record, but headers are doubted, too: they have no checksum of their own. */
static step_t read_doubtfully(log_scan_t *s, int64_t position, int64_t segment_size, message_record_t *record, int64_t *next,
                              const char **reason, bool *wrong_crc) {
    step_t step = read_record(s, position, segment_size, record, next, reason);
    *wrong_crc = step == STEP_RECORD && record->has_crc && !crc_is_right(s, position, record);
    if (*wrong_crc && !has_its_length(s, position, *next, segment_size)) {
        *reason = "a record with a wrong length or checksum";
        return STEP_BAD;
    }
    if (step == STEP_SKIP && *next == segment_size && is_followed_by_record(s, position, segment_size)) {
        *reason = "a filler in front of records";
        return STEP_BAD;
    }
    /* The subject's bytes may have moved out of the buffer meanwhile. */
    return step == STEP_RECORD ? read_record(s, position, segment_size, record, next, reason) : step;
}

static bool walk_segment(segmented_log_t *l, log_scan_t *s, int64_t position, const message_visitor_t *v, bool hole,
                         int64_t *skipped_bytes) {
    while (position < s->limit) {
        message_record_t record;
        int64_t next = 0, left = l->segment_size - position;
        const char *reason = NULL;
        if (left < MESSAGE_FILLER_SIZE) return true; /* a filler cut short by replication */
        bool wrong_crc = false;
        step_t step = read_doubtfully(s, position, l->segment_size, &record, &next, &reason, &wrong_crc);
        if (step == STEP_RECORD && !v->visit(v->arg, s->segment->base + position, &record, hole)) return false;
        if (step == STEP_RECORD && wrong_crc && v->bad_crc != NULL) v->bad_crc(v->arg, s->segment, s->segment->base + position);
        position = step == STEP_BAD ? pass_damage(l, s, position, v, reason, skipped_bytes) : next;
    }
    return true;
}

/* Says that segments are missing between `expected` and this one; true when they are. */
static bool is_hole(segmented_log_t *l, const segment_t *s, int64_t expected) {
    if (s->base <= expected) return false;
    log_error(l->log, "%s: the segments between offset %lld and %s are missing; their messages are lost", l->name, (long long)expected,
              s->path);
    return true;
}

apr_status_t message_replay(segmented_log_t *l, int64_t from, const message_visitor_t *visitor, int64_t *skipped_bytes) {
    log_scan_t scan;
    log_scan_init(&scan, l->log);
    int64_t end = segmented_log_end(l), expected = segmented_log_min(l);
    bool hole = from < expected, going = true;
    if (from > expected) expected = segmented_log_base(l, from);
    apr_status_t status = APR_SUCCESS;
    for (size_t i = 0; going && status == APR_SUCCESS; i++) {
        segment_t *s = segmented_log_at(l, i);
        if (s == NULL) break;
        int64_t position = from > s->base ? from - s->base : 0;
        if (position < l->segment_size) {
            hole = is_hole(l, s, expected) || hole;
            expected = s->base + l->segment_size;
            visitor->progress(visitor->arg, s->base);
            int64_t upto = end - s->base < l->segment_size ? end - s->base : l->segment_size;
            if (upto > position) status = log_scan_open(&scan, s, upto);
            if (upto > position && status == APR_SUCCESS) going = walk_segment(l, &scan, position, visitor, hole, skipped_bytes);
        }
        segment_release(s);
    }
    log_scan_free(&scan);
    return status;
}
