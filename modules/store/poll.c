/* Reading a subject's messages from a sequence on (storage.md 5.6). Young records are read through a mapping, older ones with read calls:
 * those of an event loop take only what the system has in memory, the rest is for threads that may block. */
#include "base/block.h"
#include "base/memory.h"
#include "base/status.h"
#include "store/store_internal.h"
#include "store/store_metrics.h"

/* Entries taken from the index at once. */
#define ENTRIES 128
/* Cold records that lie close together are read together, up to this size and with gaps up to that. */
#define COLD_READ_BYTES (512 * 1024)
#define COLD_READ_GAP (16 * 1024)
/* So much an event loop copies for one poll; more is for a thread of its own. */
#define COLD_ON_LOOP (1024 * 1024)

/* The part of the log that the last record was read from. */
typedef struct source {
    shared_t *owner; /* retained */
    const uint8_t *data;
    int64_t offset; /* of the first byte */
    int64_t size;
    bool from_disk; /* read for this poll, so not checked since it was written */
    size_t used;    /* messages of the result that lie in it; their references are taken all at once */
} source_t;

typedef struct poll {
    store_t *store;
    store_subject_t *subject;
    const poll_options_t *options;
    poll_result_t *result;
    int64_t hot; /* records from this offset on are in memory */
    int64_t end; /* of the log */
    int64_t now_ms;
    source_t source;
    index_entry_t entries[ENTRIES];
    size_t count;
    int64_t copied; /* bytes read on an event loop */
    int64_t mapped; /* messages of which nothing had to be read */
    bool failed;    /* the last record could not be read */
    bool cold;      /* stopped because the disk would be needed */
} poll_t;

void poll_result_init(poll_result_t *r) {
    memset(r, 0, sizeof *r);
}

void poll_result_clear(poll_result_t *r) {
    for (size_t i = 0, end; i < r->count; i = end) {
        shared_t *owner = r->messages[i].payload.owner;
        for (end = i + 1; end < r->count && r->messages[end].payload.owner == owner; end++) {}
        shared_release_many(owner, end - i);
    }
    r->count = 0;
    r->bytes = 0;
}

void poll_result_free(poll_result_t *r) {
    poll_result_clear(r);
    memory_free(r->messages);
    memset(r, 0, sizeof *r);
}

static bool is_in_source(const source_t *s, const index_entry_t *e) {
    return s->owner != NULL && e->offset >= s->offset && e->offset + e->record_size <= s->offset + s->size;
}

/* Gives up the poll's own reference to the source and takes those of the messages in it. */
static void leave_source(poll_t *p) {
    if (p->source.used > 0)
        shared_retain_many(p->source.owner, p->source.used - 1);
    else
        shared_release(p->source.owner);
    p->source = (source_t){NULL, NULL, 0, 0, false, 0};
}

static void set_source(poll_t *p, shared_t *owner, const uint8_t *data, int64_t offset, int64_t size, bool from_disk) {
    leave_source(p);
    p->source = (source_t){owner, data, offset, size, from_disk, 0};
}

static bool map_source(poll_t *p, const index_entry_t *e) {
    segmented_log_t *l = &p->store->messages.segments;
    segment_t *s = segmented_log_locate(l, e->offset);
    segment_map_t *m = s == NULL ? NULL : segmented_log_map(l, s);
    int64_t size = s == NULL ? 0 : atomic_load_explicit(&s->allocated, memory_order_relaxed);
    if (m != NULL) set_source(p, &m->shared, m->data, s->base, p->end - s->base < size ? p->end - s->base : size, false);
    segment_release(s);
    return m != NULL;
}

/* Bytes from the entry's record on that are worth reading together: the following records of the subject while they are near. */
static int64_t cold_span(const poll_t *p, size_t at) {
    const index_entry_t *first = &p->entries[at];
    int64_t end = first->offset + first->record_size;
    int64_t limit = segmented_log_base(&p->store->messages.segments, first->offset) + p->store->messages.segments.segment_size;
    for (size_t i = at + 1; i < p->count; i++) {
        const index_entry_t *e = &p->entries[i];
        if (!index_entry_is_plausible(e, p->store->messages.segments.segment_size) || e->offset < end || e->offset - end > COLD_READ_GAP)
            break;
        int64_t next = e->offset + e->record_size;
        if (next > limit || next > p->end || next - first->offset > COLD_READ_BYTES) break;
        end = next;
    }
    return end - first->offset;
}

static void report_read(const poll_t *p, const segment_t *s, int64_t offset, int64_t size, apr_status_t status) {
    char text[160];
    log_error(p->store->options.log, "cannot read %lld bytes at %lld of %s: %s", (long long)size, (long long)(offset - s->base), s->path,
              status_text(status, text, sizeof text));
}

/* Reads the record of an entry and what is near. Without leave to block, p->cold tells when not all of it is in memory. */
static bool read_source(poll_t *p, size_t at) {
    const index_entry_t *e = &p->entries[at];
    segment_t *s = segmented_log_locate(&p->store->messages.segments, e->offset);
    if (s == NULL) return false;
    int64_t span = cold_span(p, at);
    bool block = p->options->may_block;
    p->copied += span;
    p->cold = !block && (p->copied > COLD_ON_LOOP || p->store->options.loops_read_no_files);
    block_t *b = p->cold ? NULL : block_create((size_t)span);
    size_t got = 0;
    apr_status_t status = APR_SUCCESS;
    if (b != NULL)
        status = (block ? file_read_at : file_read_cached)(s->file, b->data, (size_t)span, e->offset - s->base, &got);
    else if (!p->cold)
        status = APR_ENOMEM;
    p->failed = status != APR_SUCCESS;
    if (p->failed) report_read(p, s, e->offset, span, status);
    if (!block && status == APR_SUCCESS && (int64_t)got < span) p->cold = true;
    segment_release(s);
    if (status != APR_SUCCESS || p->cold) {
        block_release(b);
        return false;
    }
    set_source(p, &b->shared, b->data, e->offset, (int64_t)got, true);
    return true;
}

/* True when p->source holds the record; p->cold tells when that would have to wait for the disk. */
static bool find_source(poll_t *p, size_t at) {
    const index_entry_t *e = &p->entries[at];
    if (is_in_source(&p->source, e)) return true;
    if (e->offset >= p->hot && map_source(p, e)) return is_in_source(&p->source, e);
    return read_source(p, at) && is_in_source(&p->source, e);
}

/* A payload that is not what its checksum says is damage, unless it came so from the original. */
static bool payload_is_right(const poll_t *p, const index_entry_t *e, const uint8_t *record) {
    store_t *s = p->store;
    if (message_payload_is_right(record, (uint32_t)e->header_size, (size_t)(e->record_size - e->header_size))) return true;
    segment_t *segment = segmented_log_locate(&s->messages.segments, e->offset);
    bool taken_over = e->offset < s->own_from;
    if (segment != NULL && taken_over) damage_note_taken_over(&s->damage, segment, e->offset);
    if (segment != NULL && !taken_over) damage_report(&s->damage, segment, e->offset, "a record with a wrong checksum");
    segment_release(segment);
    return taken_over;
}

/* The entry points at the header of its message. */
static bool is_meant(const poll_t *p, const index_entry_t *e, int64_t sequence) {
    const uint8_t *record = p->source.data + (e->offset - p->source.offset);
    return message_header_matches(record, (size_t)e->header_size, subject_name(p->subject), sequence, e->record_size,
                                  (uint32_t)e->header_size);
}

/* No message was ever there, or retention has deleted it. */
static bool is_gone(const poll_t *p, const index_entry_t *e) {
    segmented_log_t *l = &p->store->messages.segments;
    return index_entry_is_blank(e) || (index_entry_is_plausible(e, l->segment_size) && e->offset < segmented_log_min(l));
}

static bool record_is_right(const poll_t *p, const index_entry_t *e, int64_t sequence) {
    const uint8_t *record = p->source.data + (e->offset - p->source.offset);
    return is_meant(p, e, sequence) && ((!p->source.from_disk && e->offset >= p->store->appended_from) || payload_is_right(p, e, record));
}

/* The reference to the owner is the caller's matter. */
static void add_payload(poll_result_t *r, int64_t sequence, int64_t time_ms, slice_t payload) {
    if (r->count == r->capacity) {
        r->capacity = r->capacity == 0 ? 64 : r->capacity * 2;
        r->messages = memory_realloc(r->messages, r->capacity * sizeof(stored_message_t));
    }
    r->messages[r->count++] = (stored_message_t){sequence, time_ms, payload};
    r->bytes += payload.size;
}

static void add_message(poll_t *p, const index_entry_t *e, int64_t sequence) {
    const uint8_t *payload = p->source.data + (e->offset - p->source.offset) + e->header_size;
    p->mapped += !p->source.from_disk;
    add_payload(p->result, sequence, e->time_ms, (slice_t){payload, (size_t)(e->record_size - e->header_size), p->source.owner});
    p->source.used++;
}

static bool take_unreadable(poll_t *p) {
    store_metrics_count(p->store->options.metrics, "readMessageReturnNull", subject_name(p->subject));
    return p->result->count == 0; /* unreadable ones are passed over at the front only */
}

/* The record, if there still is one, is not that of the entry although no better one was found. */
static void report_stranger(const poll_t *p, const index_entry_t *e) {
    store_t *s = p->store;
    if (!index_entry_is_plausible(e, s->messages.segments.segment_size) || e->offset >= p->end) return;
    segment_t *segment = segmented_log_locate(&s->messages.segments, e->offset);
    if (segment != NULL) damage_report(&s->damage, segment, e->offset, "a record that is not the message its index entry means");
    segment_release(segment);
}

/* A message that lies in a sorted table. */
static bool take_sorted(poll_t *p, const index_entry_t *e, int64_t sequence) {
    poll_result_t *r = p->result;
    if (r->count > 0 && r->bytes + (size_t)e->record_size > p->options->max_bytes) return false;
    p->cold = !p->options->may_block;
    if (p->cold) return false;
    block_t *block = NULL;
    apr_status_t status = sorted_tables_read(&p->store->sorted, e->offset, e->record_size, sequence, &block);
    if (status != APR_SUCCESS) return take_unreadable(p);
    add_payload(r, sequence, e->time_ms, (slice_t){block->data, (size_t)e->record_size, &block->shared});
    return true;
}

/* What comes from the future was made under a clock that was set back since: that it is old nobody can say, waiting for it would be wrong.
 */
static bool is_too_young(const poll_t *p, const index_entry_t *e) {
    return e->time_ms > p->options->entries_before_ms && e->time_ms <= p->now_ms;
}

/* Looks at one entry; false ends the poll in front of it. */
static bool take_entry(poll_t *p, size_t at, int64_t sequence) {
    const index_entry_t *e = &p->entries[at];
    poll_result_t *r = p->result;
    if (!index_entry_is_blank(e) && is_too_young(p, e)) return false;
    if (index_entry_is_sorted(e)) return take_sorted(p, e, sequence);
    bool good = index_entry_is_plausible(e, p->store->messages.segments.segment_size) && e->offset + e->record_size <= p->end;
    if (good && r->count > 0 && r->bytes + (size_t)(e->record_size - e->header_size) > p->options->max_bytes) return false;
    p->failed = false;
    bool there = good && find_source(p, at);
    if (p->cold) return false;
    if (there && record_is_right(p, e, sequence)) {
        add_message(p, e, sequence);
        return true;
    }
    if (p->failed || is_gone(p, e) || (there && is_meant(p, e, sequence))) return take_unreadable(p);
    p->cold = !p->options->may_block; /* looking for it takes time */
    if (p->cold) return false;
    if (index_mend(&p->store->mender, &p->store->index, p->subject, sequence, &p->entries[at])) return take_entry(p, at, sequence);
    report_stranger(p, e);
    return take_unreadable(p);
}

/* Fetches the entries from `from` on, at most max; false when the disk would be needed. */
static apr_status_t load_entries(poll_t *p, int64_t from, size_t max) {
    if (max > ENTRIES) max = ENTRIES;
    if (consumer_log_copy(&p->store->index, p->subject, from, max, p->entries, &p->count) == INDEX_IN_MEMORY) return APR_SUCCESS;
    if (p->options->may_block) return consumer_log_read(&p->store->index, p->subject, from, p->count, p->entries);
    p->cold = p->store->options.loops_read_no_files || !consumer_log_read_cached(&p->store->index, p->subject, from, p->count, p->entries);
    return p->cold ? QMQ_E_COLD : APR_SUCCESS;
}

/* A poll stays within a consumer-log file. */
static int64_t last_sequence(int64_t start, int64_t next, int max) {
    int64_t upto = (start / INDEX_SEGMENT_ENTRIES + 1) * INDEX_SEGMENT_ENTRIES;
    if (upto > next) upto = next;
    return upto - start > max ? start + max : upto;
}

static apr_status_t walk(poll_t *p, int64_t start, int64_t next) {
    int64_t upto = last_sequence(start, next, p->options->max);
    int64_t sequence = start;
    apr_status_t status = APR_SUCCESS;
    for (bool going = true; going && sequence < upto;) {
        status = load_entries(p, sequence, (size_t)(upto - sequence));
        if (status != APR_SUCCESS) break;
        for (size_t i = 0; going && i < p->count; i++) {
            going = take_entry(p, i, sequence);
            sequence += going;
        }
    }
    leave_source(p);
    if (p->mapped > 0) metric_add(p->store->memory_hits, p->mapped);
    /* A long answer is put together where time does not matter. */
    if (p->cold && p->copied > COLD_ON_LOOP) poll_result_clear(p->result);
    p->result->next_begin = sequence;
    p->result->first = start;
    p->result->last = sequence - 1;
    if (p->result->count > 0) return APR_SUCCESS; /* what was collected is an answer, the next poll meets the obstacle again */
    return p->cold ? QMQ_E_COLD : status;
}

static apr_status_t answer(poll_result_t *r, poll_status_t status, int64_t next_begin) {
    r->status = status;
    r->next_begin = next_begin;
    r->first = next_begin;
    r->last = next_begin - 1;
    return APR_SUCCESS;
}

int64_t store_entry_now_ms(const store_t *s) {
    return consumer_logs_now_ms(&s->index);
}

apr_status_t store_poll(store_t *s, store_subject_t *subject, const poll_options_t *options, poll_result_t *r) {
    int64_t min = 0, next = 0;
    poll_result_clear(r);
    if (options->max <= 0) return answer(r, POLL_NO_MESSAGE, options->from);
    if (subject == NULL || !consumer_log_bounds(&s->index, subject, &min, &next)) return answer(r, POLL_SUBJECT_NOT_FOUND, 0);
    if (next == 0) return answer(r, POLL_NO_MESSAGE, 0);
    if (options->from < 0) return answer(r, POLL_SUCCESS, next);
    if (options->from > next) return answer(r, POLL_OFFSET_OVERFLOW, next);
    if (options->strict && options->from < min) return answer(r, POLL_EMPTY_CONSUMER_LOG, options->from);
    int64_t start = options->from > min ? options->from : min;
    if (start == next) return answer(r, POLL_EMPTY_CONSUMER_LOG, start);
    poll_t p;
    p.store = s;
    p.subject = subject;
    p.options = options;
    p.result = r;
    p.end = segmented_log_end(&s->messages.segments);
    p.hot = p.end - s->options.hot_window;
    p.source = (source_t){NULL, NULL, 0, 0, false, 0};
    p.count = 0;
    p.copied = 0;
    p.mapped = 0;
    p.now_ms = options->entries_before_ms == INT64_MAX ? 0 : consumer_logs_now_ms(&s->index);
    p.failed = false;
    p.cold = false;
    r->status = POLL_SUCCESS;
    return walk(&p, start, next);
}
