/* Start of a store: the ends of both logs, then everything derived from them by replay (README.md). */
#include "base/memory.h"
#include "base/status.h"
#include "portability/clock.h"
#include "protocol/subject.h"
#include "store/action_replay.h"
#include "store/log_check.h"
#include "store/message_replay.h"
#include "store/store_internal.h"

/* Share of the progress that each part gets. */
#define MESSAGES_PERCENT 90
/* Consumer logs whose format is looked at. */
#define FORMAT_SAMPLES 16

typedef struct recovery {
    store_t *store;
    store_subject_t *last_subject;
    int64_t refused_subjects;
    int64_t refused_sequences;
    bool failed;
    int64_t now_ms;
    qmq_error_t *error;
} recovery_t;

typedef struct sample {
    consumer_logs_t *index;
    int count;
    qmq_error_t *error;
} sample_t;

static void tell(store_t *s, int percent, const char *what) {
    if (s->options.progress != NULL) s->options.progress(s->options.arg, percent, what);
}

static int share(segmented_log_t *l, int64_t offset, int percent) {
    int64_t min = segmented_log_min(l), all = segmented_log_end(l) - min;
    return all <= 0 ? percent : (int)((offset - min) * percent / all);
}

static void message_progress(void *arg, int64_t offset) {
    recovery_t *r = arg;
    tell(r->store, share(&r->store->messages.segments, offset, MESSAGES_PERCENT), "replaying the message log");
}

static void action_progress(void *arg, int64_t offset) {
    recovery_t *r = arg;
    tell(r->store, MESSAGES_PERCENT + share(&r->store->actions.segments, offset, 100 - MESSAGES_PERCENT), "replaying the action log");
}

static store_subject_t *subject_of(recovery_t *r, view_t name) {
    if (r->last_subject == NULL || !view_equal(subject_name(r->last_subject), name))
        r->last_subject = subject_table_get(&r->store->subjects, name);
    return r->last_subject;
}

/* A record that cannot be indexed must not keep others from being so. */
static void report_subject(recovery_t *r, int64_t offset, view_t name) {
    if (r->refused_subjects++ == 0) {
        log_error(r->store->options.log,
                  "message log: the record at offset %lld has the subject \"%.*s\", which cannot be a directory; such records are skipped",
                  (long long)offset, VIEW_ARG(name));
    }
}

static bool visit_message(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    recovery_t *r = arg;
    store_t *s = r->store;
    s->recovered_records++;
    store_subject_t *subject = subject_of(r, record->subject);
    if (subject == NULL) {
        report_subject(r, offset, record->subject);
        return true;
    }
    index_entry_t entry = {record->time_ms, offset, (int32_t)(record->header_size + record->payload_size), (int16_t)record->header_size};
    replay_result_t result = consumer_log_replay(&s->index, subject, record->sequence, &entry, hole);
    if (result == REPLAY_FAILED) r->failed = true;
    if (result == REPLAY_GAP_TOO_WIDE || result == REPLAY_KNOWN) {
        if (r->refused_sequences++ == 0) {
            log_error(s->options.log,
                      "message log: the record at offset %lld has sequence %lld of %s, which does not follow the one before; such records "
                      "are skipped",
                      (long long)offset, (long long)record->sequence, subject->name);
        }
    }
    return !r->failed;
}

/* A subject whose messages are gone keeps its sequences: the files of its consumer log tell where they end. */
static apr_status_t visit_directory(void *arg, const char *name) {
    recovery_t *r = arg;
    store_t *s = r->store;
    view_t text = view_of(name);
    if (!subject_is_directory_name(text)) {
        log_warn(s->options.log, "%s/%s cannot belong to a subject and is ignored", s->index.root, name);
        return APR_SUCCESS;
    }
    store_subject_t *subject = subject_table_find(&s->subjects, text);
    if (subject != NULL && subject->exists && s->truncated_bytes == 0) return APR_SUCCESS;
    path_info_t info;
    char *path = memory_printf("%s/%s", s->index.root, name);
    apr_status_t status = path_inspect(path, &info);
    int64_t first = 0, next = 0;
    if (status == APR_SUCCESS && info.kind == PATH_DIRECTORY) status = consumer_log_extent(&s->index, text, &first, &next);
    if (status == QMQ_E_INVALID) {
        r->error = error_create(status, "Open this store with the version that wrote it",
                                "%s has entries of format V2, which this version does not serve", path);
    } else if (status != APR_SUCCESS) {
        char reason[160];
        r->error = error_create(status, "Make the directory readable for this user", "cannot read the consumer log %s: %s", path,
                                status_text(status, reason, sizeof reason));
    } else if (next > 0) {
        (void)consumer_log_reserve(&s->index, subject_table_get(&s->subjects, text), next, r->now_ms);
    }
    memory_free(path);
    return status;
}

/* A look at some consumer logs before anything is written to them. */
static apr_status_t sample_directory(void *arg, const char *name) {
    sample_t *sample = arg;
    int64_t first = 0, next = 0;
    if (!subject_is_directory_name(view_of(name))) return APR_SUCCESS;
    if (consumer_log_extent(sample->index, view_of(name), &first, &next) == QMQ_E_INVALID) {
        sample->error = error_create(QMQ_E_INVALID, "Open this store with a server that is configured for this format",
                                     "%s/%s has entries of format V2, which this version does not serve", sample->index->root, name);
        return QMQ_E_INVALID;
    }
    return ++sample->count < FORMAT_SAMPLES ? APR_SUCCESS : APR_EOF;
}

static apr_status_t check_format(recovery_t *r) {
    sample_t sample = {&r->store->index, 0, NULL};
    apr_status_t status = directory_list(r->store->index.root, sample_directory, &sample);
    r->error = sample.error;
    return sample.error != NULL ? status : APR_SUCCESS;
}

static void visit_action(void *arg, const action_record_t *record) {
    recovery_t *r = arg;
    store_t *s = r->store;
    s->recovered_records++;
    store_subject_t *subject = subject_of(r, record->subject);
    store_group_t *group = subject == NULL ? NULL : group_progress_get(&s->progress, subject, record->group);
    if (group == NULL) {
        s->skipped_records++;
        return;
    }
    store_action_t action = {(action_type_t)record->type, group,
                             record->consumer_id,         record->time_ms,
                             record->broadcast,           record->first_pull,
                             record->last_pull,           record->first_message,
                             record->last_message};
    group_progress_apply(&s->progress, &action);
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

static apr_status_t check_logs(store_t *s, qmq_error_t **error) {
    tell(s, 0, "checking the ends of the logs");
    apr_status_t status = log_check(&s->messages.segments, message_segment_validate, &s->truncated_bytes, error);
    if (status == APR_SUCCESS) status = log_check(&s->actions.segments, action_segment_validate, &s->truncated_bytes, error);
    return status;
}

static apr_status_t replay_messages(recovery_t *r) {
    store_t *s = r->store;
    message_visitor_t visitor = {visit_message, message_progress, r};
    apr_status_t status = message_replay(&s->messages.segments, &visitor, &s->skipped_bytes);
    if (status == APR_SUCCESS && r->failed) status = APR_EGENERAL;
    if (status != APR_SUCCESS) {
        char text[160];
        r->error = error_create(status, "See the log for the file", "cannot replay the message log in %s: %s",
                                s->messages.segments.directory, status_text(status, text, sizeof text));
    }
    return status;
}

static apr_status_t replay_actions(recovery_t *r) {
    store_t *s = r->store;
    action_visitor_t visitor = {visit_action, action_progress, r};
    apr_status_t status = action_replay(&s->actions.segments, &visitor, &s->skipped_bytes, &s->skipped_records);
    if (status != APR_SUCCESS) {
        char text[160];
        r->error = error_create(status, "Make the files readable for this user", "cannot replay the action log in %s: %s",
                                s->actions.segments.directory, status_text(status, text, sizeof text));
    }
    return status;
}

static apr_status_t list_directories(recovery_t *r) {
    apr_status_t status = directory_list(r->store->index.root, visit_directory, r);
    return APR_STATUS_IS_ENOENT(status) && r->error == NULL ? APR_SUCCESS : status;
}

static void report(store_t *s, const recovery_t *r) {
    s->skipped_records += r->refused_subjects + r->refused_sequences;
    log_info(s->options.log, "store %s: %lld records replayed in %lld ms; message log ends at %lld, action log at %lld", s->root,
             (long long)s->recovered_records, (long long)(s->recovery_us / 1000), (long long)segmented_log_end(&s->messages.segments),
             (long long)segmented_log_end(&s->actions.segments));
    if (s->skipped_records > 0 || s->skipped_bytes > 0) {
        log_error(s->options.log, "store %s: %lld records and %lld damaged bytes were skipped", s->root, (long long)s->skipped_records,
                  (long long)s->skipped_bytes);
    }
}

apr_status_t store_recover(store_t *s, qmq_error_t **error) {
    recovery_t r = {s, NULL, 0, 0, false, clock_wall_ms(), NULL};
    int64_t start = clock_mono_us();
    apr_status_t status = check_format(&r);
    if (status == APR_SUCCESS) status = check_logs(s, &r.error);
    if (status == APR_SUCCESS) status = replay_messages(&r);
    if (status == APR_SUCCESS) status = list_directories(&r);
    if (status == APR_SUCCESS) status = replay_actions(&r);
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
