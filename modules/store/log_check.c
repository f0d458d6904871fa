#include "store/log_check.h"

#include "base/status.h"

#include <string.h>

#define VALIDATED_SEGMENTS 2

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

static apr_status_t find_end(segmented_log_t *l, log_scan_t *scan, segment_validator_t validate, int64_t sound, log_checked_t *checked,
                             int64_t *end, int64_t *from) {
    size_t used = 0;
    int64_t position = 0;
    apr_status_t status = used_segments(l, scan, &used);
    if (status != APR_SUCCESS) return status;
    used = up_to_hole(l, used, sound);
    *end = l->count == 0 ? 0 : l->segments[0]->base;
    if (sound > *end) *end = sound;
    size_t i = first_to_validate(l, used, sound, &position);
    *from = i < used ? l->segments[i]->base + position : *end;
    bool partial = false;
    for (; i < used && !partial; i++, position = 0) {
        const char *reason = "";
        status = open_at(l, scan, i);
        if (status != APR_SUCCESS) return status;
        int64_t valid = validate(scan, position, l->segment_size, &reason);
        partial = valid < l->segment_size;
        *end = scan->segment->base + valid;
        checked->validated_bytes += valid - position;
        if (partial && scan->failure == APR_SUCCESS) checked->cut_bytes += report_cut(l, scan, valid, reason);
        if (scan->failure != APR_SUCCESS) return scan->failure;
    }
    return report_deleted(l, scan, i, &checked->cut_bytes);
}

apr_status_t log_check(segmented_log_t *l, segment_validator_t validate, int64_t sound, log_checked_t *checked, qmq_error_t **error) {
    log_scan_t scan;
    int64_t end = 0, from = 0;
    log_scan_init(&scan, l->log);
    apr_status_t status = find_end(l, &scan, validate, sound, checked, &end, &from);
    if (status != APR_SUCCESS) {
        char text[160];
        *error = error_create(status, "Check the disk; nothing was changed", "cannot read %s of the %s: %s",
                              scan.segment == NULL ? l->directory : scan.segment->path, l->name, status_text(status, text, sizeof text));
    }
    log_scan_free(&scan);
    return status == APR_SUCCESS ? segmented_log_cut(l, end, from, error) : status;
}
