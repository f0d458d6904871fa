#include "store/action_replay.h"

#include "base/status.h"
#include "store/log_check.h"

#include <string.h>

#define MAGIC_FIRST_BYTE 0xC3

typedef enum step { STEP_RECORD, STEP_SKIP, STEP_UNKNOWN, STEP_MALFORMED, STEP_BAD } step_t;

/* True when a record may start here: a magic, or nothing yet. */
static bool is_boundary(log_scan_t *s, int64_t position) {
    size_t size = 4;
    const uint8_t *bytes = log_scan_some(s, position, &size);
    if (bytes == NULL || size < 4) return true;
    uint32_t word = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
    return word == ACTION_MAGIC || word == 0;
}

/* What stands at position: *next is where the following record starts. */
static step_t read_record(log_scan_t *s, int64_t position, int64_t segment_size, action_record_t *record, int64_t *next,
                          const char **reason) {
    int64_t total = 0;
    size_t size = ACTION_HEADER_SIZE;
    const uint8_t *head = log_scan_some(s, position, &size);
    *reason = "no record";
    action_kind_t kind = head == NULL ? ACTION_BAD : action_record_kind(head, size, segment_size - position, &total);
    if (kind == ACTION_BAD) return STEP_BAD;
    *next = position + total;
    if (kind != ACTION_RECORD) return STEP_SKIP;
    *reason = "a record that is not complete";
    if (*next > s->limit) return STEP_BAD;
    if (!action_type_is_known(head)) return is_boundary(s, *next) ? STEP_UNKNOWN : STEP_BAD;
    *reason = "an action that cannot be decoded";
    const uint8_t *bytes = log_scan_need(s, position, (size_t)total);
    if (bytes == NULL) return STEP_BAD;
    return action_record_parse(bytes, total, record) ? STEP_RECORD : STEP_MALFORMED;
}

static bool is_zero(const uint8_t *bytes, size_t size) {
    while (size > 0 && bytes[size - 1] == 0) size--;
    return size == 0;
}

/* Only the last record of a log is doubted: a writer puts something behind one that looks torn although it is whole (action_log.c). */
static bool looks_torn(log_scan_t *s, int64_t position, int64_t next) {
    size_t size = ACTION_HEADER_SIZE;
    const uint8_t *bytes = log_scan_some(s, next, &size);
    if (bytes == NULL || !is_zero(bytes, size)) return false;
    bytes = log_scan_need(s, position, (size_t)(next - position));
    return bytes != NULL && action_record_looks_torn(bytes, (size_t)(next - position), position);
}

int64_t action_segment_validate(log_scan_t *s, int64_t from, int64_t segment_size, const char **reason) {
    int64_t position = from;
    while (position < segment_size) {
        action_record_t record;
        int64_t next = 0;
        step_t step = read_record(s, position, segment_size, &record, &next, reason);
        if (step == STEP_BAD || step == STEP_MALFORMED) return position;
        *reason = "an action whose end was not written";
        if (step == STEP_RECORD && looks_torn(s, position, next)) return position;
        position = next;
    }
    return segment_size;
}

int64_t action_segment_resync(log_scan_t *s, int64_t position, int64_t segment_size) {
    for (;;) {
        position = log_scan_find(s, position + 1, MAGIC_FIRST_BYTE);
        if (position < 0) return -1;
        action_record_t record;
        int64_t next = 0;
        const char *reason = NULL;
        step_t step = read_record(s, position, segment_size, &record, &next, &reason);
        if (step == STEP_RECORD || (step == STEP_SKIP && next == segment_size)) return position;
    }
}

static int64_t pass_damage(segmented_log_t *l, log_scan_t *s, int64_t position, const char *reason, int64_t *skipped_bytes) {
    int64_t next = action_segment_resync(s, position, l->segment_size);
    if (next < 0) next = s->limit;
    *skipped_bytes += next - position;
    log_error(
        l->log,
        "%s is damaged: %s at byte %lld of %s (offset %lld); %lld bytes are skipped, the progress in them is lost; keep a copy of the file",
        l->name, reason, (long long)position, s->segment->path, (long long)(s->segment->base + position), (long long)(next - position));
    return next;
}

/* A record with a right length whose content makes no sense to us, maybe to a later version. */
static void report_record(segmented_log_t *l, log_scan_t *s, int64_t position, step_t step, int64_t *skipped_records) {
    ++*skipped_records;
    log_warn(l->log, "%s: %s at byte %lld of %s is skipped", l->name,
             step == STEP_UNKNOWN ? "an action of unknown type" : "an action that cannot be decoded", (long long)position,
             s->segment->path);
}

/* A filler stands where the record that comes next does not fit; what is behind its five bytes may look like that one, but does not fit
 * either. Where it does, and is followed, the attribute is damaged. */
static bool is_damaged_record(log_scan_t *s, int64_t position, int64_t segment_size) {
    size_t size = ACTION_HEADER_SIZE;
    const uint8_t *bytes = log_scan_some(s, position, &size);
    uint8_t head[ACTION_HEADER_SIZE];
    int64_t total = 0;
    if (bytes == NULL || size < sizeof head) return false;
    memcpy(head, bytes, sizeof head);
    head[ACTION_AT_ATTRIBUTE] = 0;
    if (action_record_kind(head, sizeof head, segment_size - position, &total) != ACTION_RECORD) return false;
    action_record_t record;
    int64_t next = 0;
    const char *reason = NULL;
    bytes = log_scan_need(s, position, (size_t)total);
    if (bytes == NULL || !action_record_parse(bytes, total, &record) || segment_size - position - total < ACTION_FILLER_SIZE) return false;
    step_t step = read_record(s, position + total, segment_size, &record, &next, &reason);
    return step == STEP_RECORD || step == STEP_SKIP;
}

static void walk_segment(segmented_log_t *l, log_scan_t *s, int64_t position, const action_visitor_t *v, int64_t *skipped_bytes,
                         int64_t *skipped_records) {
    while (position < s->limit) {
        action_record_t record;
        int64_t next = 0;
        const char *reason = NULL;
        if (l->segment_size - position < ACTION_FILLER_SIZE) return; /* a filler cut short by replication */
        step_t step = read_record(s, position, l->segment_size, &record, &next, &reason);
        if (step == STEP_RECORD) v->visit(v->arg, s->segment->base + next, &record);
        if (step == STEP_MALFORMED && !is_boundary(s, next)) step = STEP_BAD;
        if (step == STEP_SKIP && is_damaged_record(s, position, l->segment_size)) {
            step = STEP_BAD;
            reason = "a filler in front of actions";
        }
        if (step == STEP_UNKNOWN || step == STEP_MALFORMED) report_record(l, s, position, step, skipped_records);
        position = step == STEP_BAD ? pass_damage(l, s, position, reason, skipped_bytes) : next;
    }
}

apr_status_t action_replay(segmented_log_t *l, int64_t from, const action_visitor_t *visitor, int64_t *skipped_bytes,
                           int64_t *skipped_records) {
    log_scan_t scan;
    log_scan_init(&scan, l->log);
    int64_t end = segmented_log_end(l);
    apr_status_t status = APR_SUCCESS;
    for (size_t i = 0; status == APR_SUCCESS; i++) {
        segment_t *s = segmented_log_at(l, i);
        if (s == NULL) break;
        int64_t position = from > s->base ? from - s->base : 0;
        if (position < l->segment_size) {
            visitor->progress(visitor->arg, s->base);
            int64_t upto = end - s->base < l->segment_size ? end - s->base : l->segment_size;
            if (upto > position) status = log_scan_open(&scan, s, upto);
            if (upto > position && status == APR_SUCCESS) walk_segment(l, &scan, position, visitor, skipped_bytes, skipped_records);
        }
        segment_release(s);
    }
    log_scan_free(&scan);
    return status;
}
