/* Recovery of the index: the best snapshot, the records behind it, and a second walk from the front for subjects whose files are not what
 * the snapshot says. */
#include "base/memory.h"
#include "base/status.h"
#include "protocol/subject.h"
#include "store/log_check.h"
#include "store/message_replay.h"
#include "store/message_snapshot.h"
#include "store/recovery.h"

#define SHARE_PERCENT 90
/* Even when an earlier process of ours vouches for the files, this many of them are looked into: people do things to files. */
#define LOOKED_INTO 10000

/* The snapshot. */

static void restore_subject(void *arg, view_t name, int64_t sequence) {
    recovery_t *r = arg;
    store_subject_t *subject = subject_table_get(&r->store->subjects, name);
    if (subject == NULL || sequence < 0) return;
    bool deep = !r->trusted || r->continued || r->restored++ < LOOKED_INTO;
    if (consumer_log_restore(&r->store->index, subject, sequence + 1, deep)) return;
    subject->rebuild = true;
    if (r->rebuilds++ == 0) {
        log_warn(r->store->options.log, "%s/%s does not hold the %lld entries that the checkpoint promises; it is made anew",
                 r->store->index.root, subject->name, (long long)sequence + 1);
    }
}

static void no_subject(void *arg, view_t name, int64_t sequence) {
    (void)arg;
    (void)name;
    (void)sequence;
}

/* True when this version was used. */
static bool try_version(recovery_t *r, int64_t version) {
    store_t *s = r->store;
    char *text = NULL;
    size_t size = 0;
    int64_t offset = 0;
    apr_status_t status = snapshot_load(s->checkpoints, SNAPSHOT_OF_MESSAGES, version, &text, &size);
    bool sound = status == APR_SUCCESS && message_snapshot_read(view_make(text, size), &offset, no_subject, NULL) && offset == version;
    if (!sound) {
        log_warn(s->options.log, "%s/%s.%020lld cannot be read and is ignored; an older one is used", s->checkpoints, SNAPSHOT_OF_MESSAGES,
                 (long long)version);
    }
    bool used = sound && log_may_end_snapshot(&s->messages.segments, offset, MESSAGE_MAGIC_V3);
    if (used) {
        r->from = offset;
        (void)message_snapshot_read(view_make(text, size), &offset, restore_subject, r);
    }
    memory_free(text);
    return used;
}

static apr_status_t use_snapshot(recovery_t *r) {
    store_t *s = r->store;
    snapshot_versions_t versions;
    apr_status_t status = snapshot_versions_list(&versions, s->checkpoints, SNAPSHOT_OF_MESSAGES);
    bool used = false;
    for (size_t i = versions.count; !used && i > 0; i--) used = try_version(r, versions.at[i - 1]);
    snapshot_versions_free(&versions);
    if (used) safe_points_reach(&s->safe.message, r->from);
    if (status != APR_SUCCESS) {
        char text[160];
        r->error = error_create(status, "Make the directory readable for this user", "cannot read the directory %s: %s", s->checkpoints,
                                status_text(status, text, sizeof text));
    }
    return status;
}

/* The records. */

static void message_progress(void *arg, int64_t offset) {
    recovery_t *r = arg;
    recovery_tell(r, &r->store->messages.segments, offset, 0, SHARE_PERCENT, "replaying the message log");
}

/* A subject that the snapshot does not know but that has older records. */
static bool is_unknown(const recovery_t *r, const store_subject_t *s, int64_t sequence) {
    return !s->exists && sequence > 0 && r->from > segmented_log_min(&r->store->messages.segments);
}

static bool visit_message(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    recovery_t *r = arg;
    r->store->recovered_records++;
    store_subject_t *subject = recovery_subject(r, record->subject);
    if (subject == NULL) {
        if (!r->rebuilding) recovery_refuse_subject(r, offset, record->subject);
        return true;
    }
    if (!r->rebuilding && !subject->rebuild && is_unknown(r, subject, record->sequence)) {
        subject->rebuild = true;
        r->rebuilds++;
    }
    if (subject->rebuild != r->rebuilding) return true;
    r->failed = !recovery_index(r, subject, offset, record, hole);
    return !r->failed;
}

static apr_status_t replay(recovery_t *r, int64_t from) {
    store_t *s = r->store;
    message_visitor_t visitor = {.visit = visit_message, .progress = message_progress, .arg = r};
    apr_status_t status = message_replay(&s->messages.segments, from, &visitor, &s->skipped_bytes);
    if (status == APR_SUCCESS && (r->failed || !recovery_end_doubts(r))) status = APR_EGENERAL;
    if (status != APR_SUCCESS) {
        char text[160];
        r->error = error_create(status, "See the log for the file", "cannot replay the message log in %s: %s",
                                s->messages.segments.directory, status_text(status, text, sizeof text));
    }
    return status;
}

static void end_rebuild(void *arg, store_subject_t *subject) {
    (void)arg;
    subject->rebuild = false;
}

static apr_status_t rebuild(recovery_t *r) {
    if (r->rebuilds == 0) return APR_SUCCESS;
    log_warn(r->store->options.log, "the consumer logs of %lld subjects are made anew from the whole message log", (long long)r->rebuilds);
    r->rebuilding = true;
    apr_status_t status = replay(r, segmented_log_min(&r->store->messages.segments));
    r->rebuilding = false;
    subject_table_each(&r->store->subjects, end_rebuild, NULL);
    return status;
}

/* The directories. */

static apr_status_t read_extent(recovery_t *r, const char *name, int64_t *next) {
    store_t *s = r->store;
    path_info_t info;
    int64_t first = 0;
    char *path = memory_printf("%s/%s", s->index.root, name);
    apr_status_t status = path_inspect(path, &info);
    *next = 0;
    if (status == APR_SUCCESS && info.kind == PATH_DIRECTORY) status = consumer_log_extent(&s->index, view_of(name), &first, next);
    if (status != APR_SUCCESS) {
        char reason[160];
        r->error = error_create(status, "Make the directory readable for this user", "cannot read the consumer log %s: %s", path,
                                status_text(status, reason, sizeof reason));
    }
    memory_free(path);
    return status;
}

static bool is_subject_directory(recovery_t *r, const char *name) {
    if (subject_is_directory_name(view_of(name))) return true;
    log_warn(r->store->options.log, "%s/%s cannot belong to a subject and is ignored", r->store->index.root, name);
    return false;
}

/* A consumer log that neither the snapshot nor a record behind it knows: its records may be further in front. */
static apr_status_t find_unknown(void *arg, const char *name) {
    recovery_t *r = arg;
    int64_t next = 0;
    if (!is_subject_directory(r, name)) return APR_SUCCESS;
    const store_subject_t *known = subject_table_find(&r->store->subjects, view_of(name));
    if (known != NULL && (known->exists || known->rebuild)) return APR_SUCCESS;
    apr_status_t status = read_extent(r, name, &next);
    if (status != APR_SUCCESS || next == 0) return status;
    store_subject_t *subject = subject_table_get(&r->store->subjects, view_of(name));
    if (r->from > segmented_log_min(&r->store->messages.segments)) {
        subject->rebuild = true;
        r->rebuilds++;
    }
    return APR_SUCCESS;
}

/* A subject whose messages are gone keeps its sequences: the files of its consumer log tell where they end. So do those of any subject
 * after a cut of a log that somebody else wrote. */
static apr_status_t keep_sequences(void *arg, const char *name) {
    recovery_t *r = arg;
    store_t *s = r->store;
    int64_t next = 0;
    if (!subject_is_directory_name(view_of(name))) return APR_SUCCESS;
    store_subject_t *subject = subject_table_find(&s->subjects, view_of(name));
    if (subject != NULL && subject->exists && (s->truncated_bytes == 0 || (r->trusted && !r->continued))) return APR_SUCCESS;
    apr_status_t status = read_extent(r, name, &next);
    if (status == APR_SUCCESS && next > 0)
        (void)consumer_log_reserve(&s->index, subject_table_get(&s->subjects, view_of(name)), next, r->now_ms);
    return status;
}

static apr_status_t list_directories(recovery_t *r, apr_status_t (*visit)(void *arg, const char *name)) {
    apr_status_t status = directory_list(r->store->index.root, visit, r);
    return APR_STATUS_IS_ENOENT(status) && r->error == NULL ? APR_SUCCESS : status;
}

apr_status_t recover_messages(recovery_t *r) {
    apr_status_t status = use_snapshot(r);
    if (status == APR_SUCCESS) status = replay(r, r->from);
    if (status == APR_SUCCESS) status = list_directories(r, find_unknown);
    if (status == APR_SUCCESS) status = rebuild(r);
    if (status == APR_SUCCESS) status = list_directories(r, keep_sequences);
    return status;
}

static void reserve_subject(void *arg, view_t name, int64_t sequence) {
    recovery_t *r = arg;
    store_subject_t *subject = subject_table_get(&r->store->subjects, name);
    if (subject == NULL || sequence < 0 || consumer_log_reserve(&r->store->index, subject, sequence + 1, r->now_ms)) return;
    log_error(r->store->options.log, "a checkpoint names message %lld of %s, far beyond the last one; it is taken for damaged",
              (long long)sequence, subject->name);
}

apr_status_t recover_reserve(recovery_t *r) {
    store_t *s = r->store;
    snapshot_versions_t versions;
    apr_status_t status = snapshot_versions_list(&versions, s->checkpoints, SNAPSHOT_OF_MESSAGES);
    for (size_t i = versions.count; i > 0 && versions.at[i - 1] > segmented_log_end(&s->messages.segments); i--) {
        char *text = NULL;
        size_t size = 0;
        int64_t offset = 0;
        if (snapshot_load(s->checkpoints, SNAPSHOT_OF_MESSAGES, versions.at[i - 1], &text, &size) == APR_SUCCESS &&
            message_snapshot_read(view_make(text, size), &offset, no_subject, NULL)) {
            log_warn(s->options.log, "checkpoint %lld is beyond the end of the message log; its sequences are not given again",
                     (long long)offset);
            (void)message_snapshot_read(view_make(text, size), &offset, reserve_subject, r);
        }
        memory_free(text);
    }
    snapshot_versions_free(&versions);
    return status;
}
