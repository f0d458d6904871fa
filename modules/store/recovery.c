/* Start of a store: the ends of both logs, then everything derived from them - by snapshot where there is one, by replay from there
 * (README.md, storage.md 14.3). */
#include "store/recovery.h"

#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "store/action_record.h"
#include "store/log_check.h"
#include "store/log_holes.h"
#include "store/message_record.h"
#include "store/store_metrics.h"

store_subject_t *recovery_subject(recovery_t *r, view_t name) {
    if (r->last_subject == NULL || !view_equal(subject_name(r->last_subject), name))
        r->last_subject = subject_table_get(&r->store->subjects, name);
    return r->last_subject;
}

static void tell(store_t *s, int percent, const char *what) {
    if (s->options.progress != NULL) s->options.progress(s->options.arg, percent, what);
}

void recovery_tell(recovery_t *r, segmented_log_t *l, int64_t offset, int base, int share, const char *what) {
    int64_t min = segmented_log_min(l), all = segmented_log_end(l) - min;
    tell(r->store, base + (all <= 0 ? share : (int)((offset - min) * share / all)), what);
}

/* What was durable is never cut off, also when it was damaged since. */
static bool log_fits(store_t *s, segmented_log_t *l, const marker_point_t *point, uint32_t magic) {
    if (marker_point_fits(l, point)) return true;
    if (!marker_point_is_boundary(l, point, magic)) return false;
    log_error(s->options.log,
              "%s: the bytes in front of offset %lld of %s are not those that were synced: they are damaged; check the disk", l->name,
              (long long)point->offset, l->directory);
    return true;
}

/* What an earlier process noted is believed when the logs still are what they were. */
static apr_status_t read_marker(recovery_t *r) {
    store_t *s = r->store;
    int64_t version = 0;
    apr_status_t status = marker_load(s->root, &r->marker, &version);
    if (status == QMQ_E_INVALID) {
        r->error = error_create(
            status,
            "Open it with the version that wrote it, or a later one; if no other version ever had it, that file is damaged: remove it",
            "the store %s was written by a later version (format %lld), says %s/" MARKER_NAME, s->root, (long long)version, s->root);
        return status;
    }
    bool read = r->marker_read = status == APR_SUCCESS;
    r->trusted = read && log_fits(s, &s->messages.segments, &r->marker.messages, MESSAGE_MAGIC_V3);
    r->actions_trusted = read && log_fits(s, &s->actions.segments, &r->marker.actions, ACTION_MAGIC);
    if (!read && !s->taken_over)
        log_warn(s->options.log, "%s/%s is damaged and is ignored; this start looks at more of the logs", s->root, MARKER_NAME);
    if (read && (!r->trusted || !r->actions_trusted))
        log_warn(s->options.log, "%s/%s does not fit the %s any more (it was cut or replaced)", s->root, MARKER_NAME,
                 r->trusted ? "action log" : "message log");
    return APR_SUCCESS;
}

/* Below this a log must have no hole. Behind the synced end a power loss may have taken any part; a marker that cannot be believed is one
 * of a store that lost its power before its first segment was full. */
static int64_t known_below(const recovery_t *r, bool trusted, const marker_point_t *point) {
    return trusted ? point->offset : r->store->taken_over ? INT64_MAX : 0;
}

static bool are_whole(recovery_t *r) {
    store_t *s = r->store;
    return log_holes_none(&s->messages.segments, known_below(r, r->trusted, &r->marker.messages), &r->error) &&
           log_holes_none(&s->actions.segments, known_below(r, r->actions_trusted, &r->marker.actions), &r->error);
}

/* The operator said so. */
static apr_status_t close_holes(recovery_t *r) {
    store_t *s = r->store;
    uint8_t filler[MESSAGE_FILLER_SIZE];
    message_filler_put(filler, r->now_ms > 0 ? r->now_ms : 1);
    apr_status_t status = log_holes_close(&s->messages.segments, filler, MESSAGE_FILLER_SIZE, &r->error);
    action_filler_put(filler);
    return status == APR_SUCCESS ? log_holes_close(&s->actions.segments, filler, ACTION_FILLER_SIZE, &r->error) : status;
}

/* Which records are ours: only the checksums of those are surely right. */
static void find_own(recovery_t *r, int64_t end) {
    store_t *s = r->store;
    bool shorter = r->marker_read && !r->trusted && end < r->marker.messages.offset; /* it lost its end, its front is the same */
    r->continued = r->trusted && r->marker.clean && r->marker.messages.offset < end;
    s->own_from = (r->trusted && !r->continued) || shorter ? r->marker.own_from : end;
    s->appended_from = end;
}

static apr_status_t check_logs(recovery_t *r) {
    store_t *s = r->store;
    log_checked_t messages = {0, 0}, actions = {0, 0};
    if (!s->options.repair && !are_whole(r)) return QMQ_E_CORRUPT;
    apr_status_t status = s->options.repair ? close_holes(r) : APR_SUCCESS;
    if (status != APR_SUCCESS) return status;
    tell(s, 0, "checking the ends of the logs");
    /* In a log of ours that lost its marker or its end, what is followed by sound records is no torn end. */
    bool keeps = !s->taken_over;
    s->keeps_doubtful = keeps && (!r->trusted || !r->actions_trusted);
    status =
        log_check(&s->messages.segments, r->trusted ? message_segment_validate : message_segment_validate_taken_over,
                  !r->trusted && keeps ? message_segment_resync : NULL, r->trusted ? r->marker.messages.offset : -1, &messages, &r->error);
    if (status == APR_SUCCESS)
        status = log_check(&s->actions.segments, action_segment_validate, !r->actions_trusted && keeps ? action_segment_resync : NULL,
                           r->actions_trusted ? r->marker.actions.offset : -1, &actions, &r->error);
    s->truncated_bytes = messages.cut_bytes + actions.cut_bytes;
    s->validated_bytes = messages.validated_bytes + actions.validated_bytes;
    find_own(r, segmented_log_end(&s->messages.segments));
    return status;
}

/* A sequence that somebody was given is never given to another message. */
static void reserve_pulled(void *arg, named_t *thing) {
    recovery_t *r = arg;
    const store_group_t *g = (const store_group_t *)thing;
    if (g->known && g->pulled >= 0 && !consumer_log_reserve(&r->store->index, g->subject, g->pulled + 1, r->now_ms)) {
        log_error(r->store->options.log,
                  "group %.*s has pulled message %lld of %s, far beyond the last one; this position is taken for damaged",
                  VIEW_ARG(name_view(g->name)), (long long)g->pulled, g->subject->name);
    }
}

static void start_sequences(void *arg, store_subject_t *subject) {
    (void)arg;
    subject->provisional = subject->next;
}

static void report(store_t *s, const recovery_t *r) {
    int64_t refused = r->refused_subjects + r->refused_sequences;
    store_metrics_add(s->options.metrics, "ReplayMessageLogFailed", refused);
    store_metrics_add(s->options.metrics, "ReplayActionLogFailed", s->skipped_records);
    s->skipped_records += refused;
    log_info(s->options.log,
             "store %s: %lld records replayed and %lld log bytes validated in %lld ms (%s); message log ends at %lld, action log at %lld",
             s->root, (long long)s->recovered_records, (long long)s->validated_bytes, (long long)(s->recovery_us / 1000),
             r->trusted ? "what was synced before is known to be sound" : "the last two segments of each log",
             (long long)segmented_log_end(&s->messages.segments), (long long)segmented_log_end(&s->actions.segments));
    if (s->skipped_records > 0 || s->skipped_bytes > 0) {
        log_error(s->options.log, "store %s: %lld records and %lld damaged bytes were skipped", s->root, (long long)s->skipped_records,
                  (long long)s->skipped_bytes);
    }
}

apr_status_t store_recover(store_t *s, qmq_error_t **error) {
    recovery_t r;
    memset(&r, 0, sizeof r);
    r.store = s;
    recovery_doubts_init(&r);
    r.now_ms = clock_wall_ms();
    int64_t start = clock_mono_us();
    apr_status_t status = read_marker(&r);
    if (status == APR_SUCCESS) status = check_logs(&r);
    if (status == APR_SUCCESS) status = recover_messages(&r);
    if (status == APR_SUCCESS) status = recover_actions(&r);
    if (status == APR_SUCCESS) status = recover_reserve(&r);
    recovery_doubts_free(&r);
    if (status != APR_SUCCESS) {
        *error = r.error;
        return status;
    }
    name_table_each(&s->progress.groups, reserve_pulled, &r);
    subject_table_each(&s->subjects, start_sequences, NULL);
    s->recovery_us = clock_mono_us() - start;
    report(s, &r);
    tell(s, 100, "recovered");
    return APR_SUCCESS;
}
