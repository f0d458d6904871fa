#include "store/log_check.h"

#include "base/cursor.h"
#include "base/status.h"

#include <string.h>

#define VALIDATED_SEGMENTS 2
#define VERSION_BITS 0xffu /* of a magic */

/* A segment that was created ahead of its first record. */
static bool is_empty(log_scan_t *s) {
    static const uint8_t zero[4];
    const uint8_t *head = log_scan_need(s, 0, sizeof zero);
    return head == NULL || memcmp(head, zero, sizeof zero) == 0;
}

static apr_status_t open_at(segmented_log_t *l, log_scan_t *scan, size_t index) {
    segment_t *s = segmented_log_at(l, index);
    apr_status_t status = log_scan_open(scan, s, l->segment_size);
    segment_release(s);
    return status;
}

/* Number of segments up to the last one with data. */
static apr_status_t used_segments(segmented_log_t *l, log_scan_t *scan, size_t *used) {
    for (*used = l->count; *used > 0; --*used) {
        apr_status_t status = open_at(l, scan, *used - 1);
        if (status != APR_SUCCESS) return status;
        bool empty = is_empty(scan);
        if (scan->failure != APR_SUCCESS) return scan->failure; /* what cannot be read is not empty */
        if (!empty) return APR_SUCCESS;
    }
    return APR_SUCCESS;
}

/* Says what will be cut from the scan's segment, whose sound part ends at `valid`. */
static int64_t report_cut(segmented_log_t *l, log_scan_t *scan, int64_t valid, const char *reason) {
    int64_t cut = log_scan_last_data(scan, valid) - valid;
    if (cut > 0) {
        log_warn(l->log, "%s: %s at byte %lld of %s (offset %lld); the %lld bytes from there on are cut off", l->name, reason,
                 (long long)valid, scan->segment->path, (long long)(scan->segment->base + valid), (long long)cut);
    }
    return cut;
}

/* True when a later segment begins with a record that is surely one: then what is broken here is damage, not the torn end of the log. */
static bool is_continued(segmented_log_t *l, log_scan_t *scan, size_t index, size_t used, segment_validator_t validate) {
    segment_t *here = scan->segment;
    bool continued = false;
    shared_retain(&here->shared);
    for (size_t i = index + 1; !continued && i < used; i++) {
        const char *reason = "";
        continued = open_at(l, scan, i) == APR_SUCCESS && validate(scan, 0, l->segment_size, &reason) > 0;
    }
    (void)log_scan_open(scan, here, l->segment_size); /* its size was read a moment ago */
    segment_release(here);
    return continued;
}

static void report_damage(const segmented_log_t *l, const log_scan_t *scan, int64_t valid, const char *reason) {
    log_error(l->log, "%s is damaged: %s at byte %lld of %s (offset %lld); what lies behind it is kept, keep a copy of the file", l->name,
              reason, (long long)valid, scan->segment->path, (long long)(scan->segment->base + valid));
}

static apr_status_t report_deleted(segmented_log_t *l, log_scan_t *scan, size_t index, int64_t *cut_bytes) {
    apr_status_t status = APR_SUCCESS;
    for (; status == APR_SUCCESS && index < l->count; index++) {
        status = open_at(l, scan, index);
        if (status != APR_SUCCESS) break;
        int64_t data = log_scan_last_data(scan, 0);
        if (scan->failure != APR_SUCCESS) return scan->failure;
        *cut_bytes += data;
        if (data > 0)
            log_error(l->log, "%s: %s (%lld bytes of data) lies behind the cut and is deleted", l->name, scan->segment->path,
                      (long long)data);
    }
    return status;
}

/* Behind what is known to be durable a power loss may have taken whole segments: what lies behind such a hole was never promised. */
static size_t up_to_hole(const segmented_log_t *l, size_t used, int64_t sound) {
    for (size_t i = 1; sound >= 0 && i < used; i++) {
        const segment_t *s = l->segments[i - 1];
        int64_t size = 0;
        if (l->segments[i]->base != s->base + l->segment_size && l->segments[i]->base > sound) return i;
        if (s->base >= sound && file_size(s->file, &size) == APR_SUCCESS && size == 0) return i - 1;
    }
    return used;
}

/* Where validation starts: at `sound`, or when none is known at the first of the last two segments. */
static size_t first_to_validate(segmented_log_t *l, size_t used, int64_t sound, int64_t *position) {
    size_t i = sound < 0 && used > VALIDATED_SEGMENTS ? used - VALIDATED_SEGMENTS : 0;
    while (i < used && l->segments[i]->base + l->segment_size <= sound) i++;
    *position = i < used && sound > l->segments[i]->base ? sound - l->segments[i]->base : 0;
    return i;
}

typedef struct check {
    segmented_log_t *log;
    log_scan_t scan;
    segment_validator_t validate;
    segment_resync_t resync;
    log_checked_t *checked;
    size_t used;  /* segments that can have data */
    int64_t from; /* where validation began */
    int64_t end;
} check_t;

/* Looks at the segment in the scan from position on; false when the log ends in it. */
static bool check_segment(check_t *c, size_t index, int64_t position) {
    segmented_log_t *l = c->log;
    log_scan_t *s = &c->scan;
    for (;;) {
        const char *reason = "";
        int64_t valid = c->validate(s, position, l->segment_size, &reason);
        c->end = s->segment->base + valid;
        c->checked->validated_bytes += valid - position;
        if (valid == l->segment_size || s->failure != APR_SUCCESS) return true;
        int64_t next = c->resync == NULL ? -1 : c->resync(s, valid, l->segment_size);
        if (next < 0 && !is_continued(l, s, index, c->used, c->validate)) {
            c->checked->cut_bytes += report_cut(l, s, valid, reason);
            return false;
        }
        report_damage(l, s, valid, reason);
        if (next < 0) return true;
        position = next;
    }
}

static apr_status_t find_end(check_t *c, int64_t sound) {
    segmented_log_t *l = c->log;
    int64_t position = 0;
    apr_status_t status = used_segments(l, &c->scan, &c->used);
    if (status != APR_SUCCESS) return status;
    c->used = up_to_hole(l, c->used, sound);
    c->end = l->count == 0 ? 0 : l->segments[0]->base;
    if (sound > c->end) c->end = sound;
    size_t i = first_to_validate(l, c->used, sound, &position);
    c->from = i < c->used ? l->segments[i]->base + position : c->end;
    for (bool going = true; going && i < c->used; i++, position = 0) {
        status = open_at(l, &c->scan, i);
        if (status != APR_SUCCESS) return status;
        going = check_segment(c, i, position);
        if (c->scan.failure != APR_SUCCESS) return c->scan.failure;
    }
    return report_deleted(l, &c->scan, i, &c->checked->cut_bytes);
}

apr_status_t log_check(segmented_log_t *l, segment_validator_t validate, segment_resync_t resync, int64_t sound, log_checked_t *checked,
                       qmq_error_t **error) {
    check_t c = {.log = l, .validate = validate, .resync = resync, .checked = checked};
    log_scan_init(&c.scan, l->log);
    apr_status_t status = find_end(&c, sound);
    if (status != APR_SUCCESS) {
        char text[160];
        *error =
            error_create(status, "Check the disk; nothing was changed", "cannot read %s of the %s: %s",
                         c.scan.segment == NULL ? l->directory : c.scan.segment->path, l->name, status_text(status, text, sizeof text));
    }
    log_scan_free(&c.scan);
    return status == APR_SUCCESS ? segmented_log_cut(l, c.end, c.from, error) : status;
}

bool log_is_boundary(segmented_log_t *l, int64_t offset, uint32_t magic) {
    if (offset == segmented_log_end(l) || offset % l->segment_size == 0) return true;
    if (offset > segmented_log_end(l)) return false;
    segment_t *s = segmented_log_locate(l, offset);
    uint8_t bytes[4] = {0};
    size_t got = 0;
    if (s != NULL && file_read_at(s->file, bytes, sizeof bytes, offset - s->base, &got) != APR_SUCCESS) got = 0;
    segment_release(s);
    cursor_t c = cursor_make(bytes, got);
    return (cursor_u32(&c) | VERSION_BITS) == (magic | VERSION_BITS);
}

bool log_may_end_snapshot(segmented_log_t *l, int64_t offset, uint32_t magic) {
    return offset <= segmented_log_end(l) && (offset < segmented_log_min(l) || log_is_boundary(l, offset, magic));
}
