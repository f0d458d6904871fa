/* Records on their way into the index. Headers have no checksum: a sequence that does not follow the one before is believed only when what
 * comes behind it agrees, so that a damaged header costs its own message and no other. */
#include "base/memory.h"
#include "store/recovery.h"

#define GAPS_TOLD 20

struct doubtful {
    store_subject_t *subject;
    int64_t sequence;
    index_entry_t entry;
};

static view_t subject_of(const void *doubtful) {
    return subject_name(((const doubtful_t *)doubtful)->subject);
}

void recovery_doubts_init(recovery_t *r) {
    table_init(&r->doubts, subject_of);
}

void recovery_doubts_free(recovery_t *r) {
    size_t at = 0;
    for (void *d; (d = table_next(&r->doubts, &at)) != NULL;) memory_free(d);
    table_free(&r->doubts);
}

static void report(recovery_t *r, int64_t offset, const char *what) {
    segmented_log_t *l = &r->store->messages.segments;
    segment_t *s = segmented_log_locate(l, offset);
    log_error(r->store->options.log, "message log: the record at byte %lld of %s (offset %lld) %s; such records are skipped",
              (long long)(offset - segmented_log_base(l, offset)), s == NULL ? l->directory : s->path, (long long)offset, what);
    segment_release(s);
}

void recovery_refuse_subject(recovery_t *r, int64_t offset, view_t name) {
    if (r->refused_subjects++ > 0) return;
    char *what = memory_printf("has the subject \"%.*s\", which cannot be a directory", VIEW_ARG(name));
    report(r, offset, what);
    memory_free(what);
}

static void refuse_sequence(recovery_t *r, int64_t offset, int64_t sequence, const store_subject_t *subject) {
    if (r->refused_sequences++ > 0) return;
    char *what = memory_printf("has sequence %lld of %s, which does not follow the one before", (long long)sequence, subject->name);
    report(r, offset, what);
    memory_free(what);
}

static bool put(recovery_t *r, store_subject_t *subject, int64_t sequence, const index_entry_t *entry, bool hole) {
    switch (consumer_log_replay(&r->store->index, subject, sequence, entry, hole)) {
    case REPLAY_INDEXED:
        break;
    case REPLAY_FAILED:
        return false;
    case REPLAY_GAP_TOO_WIDE:
    case REPLAY_KNOWN:
        refuse_sequence(r, entry->offset, sequence, subject);
        break;
    }
    return true;
}

/* Maybe they never were, maybe damage has taken them. */
static void report_gap(recovery_t *r, const doubtful_t *d) {
    segmented_log_t *l = &r->store->messages.segments;
    if (!d->subject->exists && segmented_log_min(l) > 0) return; /* they were deleted */
    if (r->gaps++ >= GAPS_TOLD) return;
    segment_t *s = segmented_log_locate(l, d->entry.offset);
    log_warn(r->store->options.log, "message log: messages %lld to %lld of subject %s are not there in front of byte %lld of %s",
             (long long)d->subject->next, (long long)d->sequence - 1, d->subject->name,
             (long long)(d->entry.offset - segmented_log_base(l, d->entry.offset)), s == NULL ? l->directory : s->path);
    segment_release(s);
}

static bool believe(recovery_t *r, doubtful_t *d) {
    (void)table_remove(&r->doubts, subject_name(d->subject));
    report_gap(r, d);
    bool good = put(r, d->subject, d->sequence, &d->entry, false);
    memory_free(d);
    return good;
}

static void refuse(recovery_t *r, doubtful_t *d) {
    (void)table_remove(&r->doubts, subject_name(d->subject));
    refuse_sequence(r, d->entry.offset, d->sequence, d->subject);
    memory_free(d);
}

static void doubt(recovery_t *r, store_subject_t *subject, int64_t sequence, const index_entry_t *entry) {
    doubtful_t *d = memory_alloc(sizeof *d);
    *d = (doubtful_t){subject, sequence, *entry};
    table_put(&r->doubts, d);
}

bool recovery_index(recovery_t *r, store_subject_t *subject, int64_t offset, const message_record_t *record, bool hole) {
    index_entry_t entry = {record->time_ms, offset, (int32_t)(record->header_size + record->payload_size), (int16_t)record->header_size};
    int64_t sequence = record->sequence;
    doubtful_t *d = r->doubts.count == 0 ? NULL : table_get(&r->doubts, subject_name(subject));
    if (d != NULL && sequence > d->sequence) {
        if (!believe(r, d)) return false;
    } else if (d != NULL && sequence >= subject->next) {
        refuse(r, d);
    }
    if (sequence > subject->next && sequence <= INDEX_LAST_SEQUENCE && !hole) {
        doubt(r, subject, sequence, &entry);
        return true;
    }
    return put(r, subject, sequence, &entry, hole);
}

bool recovery_end_doubts(recovery_t *r) {
    for (;;) {
        size_t at = 0;
        doubtful_t *d = table_next(&r->doubts, &at);
        if (d == NULL) return true;
        if (!believe(r, d)) return false;
    }
}
