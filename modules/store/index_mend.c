#include "store/index_mend.h"

#include "base/status.h"
#include "store/index_internal.h"
#include "store/message_replay.h"

#define WARNING_US 10000000
/* Neighbours that are asked on each side where their message is. */
#define NEIGHBOURS 64
#define HEADER_MOST 32767 /* an entry has room for no longer one */

typedef struct search {
    consumer_logs_t *index;
    store_subject_t *subject;
    int64_t sequence;
    int64_t from, upto; /* part of the log where the message must begin */
    bool found;
    index_entry_t entry;
} search_t;

void index_mender_init(index_mender_t *m) {
    memset(m, 0, sizeof *m);
    mutex_init(&m->lock);
}

void index_mender_free(index_mender_t *m) {
    mutex_destroy(&m->lock);
}

/* True when the entry points at the header of its message. */
static bool is_right(consumer_logs_t *x, store_subject_t *s, int64_t sequence, const index_entry_t *e) {
    uint8_t header[HEADER_MOST];
    size_t got = 0;
    if (!index_entry_is_plausible(e, x->messages->segment_size)) return false;
    segment_t *in = segmented_log_locate(x->messages, e->offset);
    bool read = in != NULL && file_read_at(in->file, header, (size_t)e->header_size, e->offset - in->base, &got) == APR_SUCCESS;
    segment_release(in);
    return read && message_header_matches(header, got, subject_name(s), sequence, e->record_size, (uint32_t)e->header_size);
}

/* One entry, wherever it is. */
static bool entry_of(const search_t *q, int64_t sequence, index_entry_t *e) {
    size_t count = 1;
    if (consumer_log_copy(q->index, q->subject, sequence, 1, e, &count) == INDEX_IN_MEMORY) return count == 1;
    return consumer_log_read(q->index, q->subject, sequence, 1, e) == APR_SUCCESS;
}

/* The messages of a subject lie in the log in the order of their sequences. */
static void ask_neighbours(search_t *q) {
    int64_t min = 0, next = 0;
    index_entry_t e;
    q->from = segmented_log_min(q->index->messages);
    q->upto = segmented_log_end(q->index->messages);
    (void)consumer_log_bounds(q->index, q->subject, &min, &next);
    for (int64_t i = q->sequence - 1; i >= min && i >= q->sequence - NEIGHBOURS; i--) {
        if (!entry_of(q, i, &e) || !is_right(q->index, q->subject, i, &e)) continue;
        q->from = e.offset + e.record_size;
        break;
    }
    for (int64_t i = q->sequence + 1; i < next && i <= q->sequence + NEIGHBOURS; i++) {
        if (!entry_of(q, i, &e) || !is_right(q->index, q->subject, i, &e)) continue;
        q->upto = e.offset;
        break;
    }
}

static bool look_at(void *arg, int64_t offset, const message_record_t *record, bool hole) {
    search_t *q = arg;
    (void)hole;
    if (offset >= q->upto) return false;
    if (record->sequence != q->sequence || !view_equal(record->subject, subject_name(q->subject))) return true;
    q->found = true;
    q->entry =
        (index_entry_t){record->time_ms, offset, (int32_t)(record->header_size + record->payload_size), (int16_t)record->header_size};
    return false;
}

static void no_progress(void *arg, int64_t offset) {
    (void)arg;
    (void)offset;
}

static void passed(void *arg, const segment_t *s, int64_t offset, int64_t size, const char *reason) {
    (void)arg, (void)s, (void)offset, (void)size, (void)reason;
}

static void look(search_t *q) {
    message_visitor_t visitor = {.visit = look_at, .progress = no_progress, .damaged = passed, .arg = q};
    int64_t skipped = 0;
    ask_neighbours(q);
    if (q->from < q->upto && message_replay(q->index->messages, q->from, &visitor, &skipped) != APR_SUCCESS) q->found = false;
}

static apr_status_t write_entry(const search_t *q) {
    cached_file_t *f = NULL;
    uint8_t encoded[INDEX_MOST_SIZE];
    consumer_logs_t *x = q->index;
    apr_status_t status = file_cache_open(x->files, q->subject, index_file_base(x, q->sequence), true, &f);
    if (status != APR_SUCCESS) return status;
    index_entry_encode(x->format, encoded, &q->entry);
    status = file_write_at(f->file, encoded, (size_t)x->format, index_file_position(x, q->sequence));
    file_cache_release(x->files, f);
    return status;
}

static void report(index_mender_t *m, const search_t *q, apr_status_t written) {
    int64_t suppressed = 0;
    const consumer_logs_t *x = q->index;
    char text[160];
    if (!log_permit(&m->limit, WARNING_US, &suppressed)) return;
    log_error(x->log,
              "damaged index: the entry at byte %lld of %s/%s/%020lld does not point at message %lld; %s; check the disk (%lld such lines "
              "suppressed)",
              (long long)index_file_position(x, q->sequence), x->root, q->subject->name, (long long)index_file_base(x, q->sequence),
              (long long)q->sequence,
              !q->found                ? "the message log has no such message, it is skipped"
              : written == APR_SUCCESS ? "the message was found in the log and the entry is right again"
                                       : status_text(written, text, sizeof text),
              (long long)suppressed);
}

static bool was_in_vain(const index_mender_t *m, uint64_t key) {
    for (size_t i = 0; i < MEND_REMEMBERED; i++) {
        if (m->in_vain[i] == key) return true;
    }
    return false;
}

bool index_mend(index_mender_t *m, consumer_logs_t *x, store_subject_t *s, int64_t sequence, index_entry_t *e) {
    search_t q = {.index = x, .subject = s, .sequence = sequence};
    uint64_t key = (s->named.hash ^ ((uint64_t)sequence * UINT64_C(0x9E3779B97F4A7C15))) | 1;
    mutex_lock(&m->lock);
    if (!was_in_vain(m, key)) {
        look(&q);
        bool differs =
            !q.found || q.entry.offset != e->offset || q.entry.record_size != e->record_size || q.entry.header_size != e->header_size;
        if (!q.found || !differs) m->in_vain[m->next++ % MEND_REMEMBERED] = key;
        if (differs) report(m, &q, q.found ? write_entry(&q) : APR_SUCCESS);
        q.found = q.found && differs;
    }
    mutex_unlock(&m->lock);
    if (q.found) *e = q.entry;
    return q.found;
}
