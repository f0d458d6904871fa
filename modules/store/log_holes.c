#include "store/log_holes.h"

#include "base/status.h"

#include <string.h>

/* True when this segment or a later one begins with something; space that was only reserved is zero. */
static bool has_data_from(const segmented_log_t *l, size_t index) {
    for (; index < l->count; index++) {
        static const uint8_t zero[4];
        uint8_t head[4] = {0};
        size_t got = 0;
        if (file_read_at(l->segments[index]->file, head, sizeof head, 0, &got) == APR_SUCCESS && memcmp(head, zero, sizeof zero) != 0)
            return true;
    }
    return false;
}

bool log_holes_none(segmented_log_t *l, int64_t below, qmq_error_t **error) {
    static const char *const remedy = "Restore it from a copy or a replica; or start once with --repair, then what it held is lost";
    for (size_t i = 0; i + 1 < l->count && l->segments[i]->base < below && has_data_from(l, i + 1); i++) {
        int64_t size = 0, next = l->segments[i]->base + l->segment_size;
        if (l->segments[i + 1]->base != next && next < below) {
            *error = error_create(QMQ_E_CORRUPT, remedy, "the %s has a hole: %s/%020lld is missing in front of %s", l->name, l->directory,
                                  (long long)next, l->segments[i + 1]->path);
            return false;
        }
        if (file_size(l->segments[i]->file, &size) == APR_SUCCESS && size == 0) {
            *error = error_create(QMQ_E_CORRUPT, remedy, "the %s has a hole: %s is empty although later segments are not", l->name,
                                  l->segments[i]->path);
            return false;
        }
    }
    return true;
}

/* The first record of a segment that holds nothing else. */
static apr_status_t fill_segment(segmented_log_t *l, int64_t base, const void *filler, size_t size) {
    segment_t *s = NULL;
    apr_status_t status = segmented_log_obtain(l, base, &s);
    if (status != APR_SUCCESS) return status;
    status = file_write_at(s->file, filler, size, 0);
    if (status == APR_SUCCESS) status = file_data_sync(s->file);
    if (status == APR_SUCCESS) log_error(l->log, "%s: what %s held is given up; it is an empty segment now", l->name, s->path);
    segment_release(s);
    return status;
}

apr_status_t log_holes_close(segmented_log_t *l, const void *filler, size_t size, qmq_error_t **error) {
    apr_status_t status = APR_SUCCESS;
    int64_t base = 0;
    for (size_t i = 0; status == APR_SUCCESS && i + 1 < l->count && has_data_from(l, i + 1); i++) {
        int64_t length = 0, next = l->segments[i]->base + l->segment_size;
        bool missing = l->segments[i + 1]->base != next;
        bool empty = file_size(l->segments[i]->file, &length) == APR_SUCCESS && length == 0;
        base = empty ? l->segments[i]->base : next;
        if (empty || missing) status = fill_segment(l, base, filler, size);
        if (empty && missing && status == APR_SUCCESS) status = fill_segment(l, base = next, filler, size);
    }
    char text[160];
    if (status != APR_SUCCESS)
        *error = error_create(status, "Free space, or make the directory writable for this user", "cannot close the hole at %s/%020lld: %s",
                              l->directory, (long long)base, status_text(status, text, sizeof text));
    return status;
}
