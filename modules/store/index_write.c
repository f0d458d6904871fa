/* Writing behind: entries that are durable in the message log go to consumerlog/<subject>/. */
#include "base/memory.h"
#include "base/status.h"
#include "store/index_internal.h"
#include "store/store_metrics.h"

#include "portability/clock.h"

#define WRITE_WARNING_US 10000000

/* Entries [from, from + count) in x->scratch. */
typedef struct pending {
    store_subject_t *subject;
    int64_t from;
    size_t count;
    bool verify;
    bool sync_first;
    bool beyond; /* the files hold nothing behind these entries */
} pending_t;

static int64_t record_end(const index_entry_t *e) {
    return index_entry_is_blank(e) ? 0 : e->offset + e->record_size;
}

static void take_pending(consumer_logs_t *x, store_subject_t *s, int64_t limit, pending_t *p) {
    mutex_lock(index_lock_of(x, s));
    int64_t left = s->next - s->persisted;
    int64_t in_file = INDEX_SEGMENT_ENTRIES - s->persisted % INDEX_SEGMENT_ENTRIES;
    if (left > in_file) left = in_file;
    if (left > INDEX_CHUNK_ENTRIES) left = INDEX_CHUNK_ENTRIES;
    *p = (pending_t){s, s->persisted, 0, s->verify, false, false};
    if (left > 0) p->count = index_tail_copy(s, p->from, (size_t)left, x->scratch);
    mutex_unlock(index_lock_of(x, s));
    for (; p->count > 0; p->count--) {
        index_entry_t last = index_entry_at(x, x->scratch, p->count - 1);
        if (record_end(&last) <= limit) break;
    }
}

/* The files may begin in the middle of nowhere after a rebuild: blanks up to the first entry (storage.md 5.4). */
static apr_status_t fill_front(consumer_logs_t *x, file_t *f, int64_t from) {
    int64_t size = 0;
    apr_status_t status = file_size(f, &size);
    int64_t position = index_file_position(x, from), chunk = (int64_t)index_bytes(x, INDEX_CHUNK_ENTRIES);
    int64_t first = size - size % x->format;
    if (status != APR_SUCCESS || first >= position) return status;
    index_entry_t blank = index_entry_blank(clock_wall_ms());
    for (size_t i = 0; i < INDEX_CHUNK_ENTRIES; i++) index_entry_encode(x->format, x->present + index_bytes(x, i), &blank);
    for (int64_t at = first; status == APR_SUCCESS && at < position;) {
        int64_t part = position - at < chunk ? position - at : chunk;
        status = file_write_at(f, x->present, (size_t)part, at);
        at += part;
    }
    return status;
}

static apr_status_t write_run(consumer_logs_t *x, file_t *f, pending_t *p, size_t first, size_t count) {
    apr_status_t status = APR_SUCCESS;
    if (p->sync_first) status = segmented_log_sync(x->messages);
    p->sync_first = false;
    if (status != APR_SUCCESS) return status;
    return file_write_at(f, x->scratch + index_bytes(x, first), index_bytes(x, count), index_file_position(x, p->from + (int64_t)first));
}

/* True when what is in the file may stay: the same pointer, whenever it was made; a pointer into the log where we know only a gap; or one
 * to the same message in a sorted table. */
static bool is_kept(consumer_logs_t *x, int64_t sequence, const index_entry_t *wanted, const index_entry_t *present) {
    if (present->time_ms == 0) return false;
    if (index_entry_is_sorted(present)) return sorted_tables_have(x->sorted, present->offset, present->record_size, sequence);
    if (wanted->offset == present->offset && wanted->record_size == present->record_size && wanted->header_size == present->header_size)
        return true;
    return index_entry_is_blank(wanted) && index_entry_is_plausible(present, x->messages->segment_size) &&
           record_end(present) <= segmented_log_end(x->messages);
}

static bool differs(consumer_logs_t *x, const pending_t *p, size_t i) {
    index_entry_t wanted = index_entry_at(x, x->scratch, i), present = index_entry_at(x, x->present, i);
    return !is_kept(x, p->from + (int64_t)i, &wanted, &present);
}

static apr_status_t write_differences(consumer_logs_t *x, file_t *f, pending_t *p) {
    apr_status_t status = fill_front(x, f, p->from);
    if (status == APR_SUCCESS) status = index_read_encoded(x, f, p->from, p->count, x->present);
    for (size_t i = 0; status == APR_SUCCESS && i < p->count;) {
        size_t first = i;
        while (i < p->count && differs(x, p, i)) i++;
        if (i > first) {
            status = write_run(x, f, p, first, i - first);
        } else {
            i++;
        }
    }
    p->beyond = status == APR_SUCCESS && index_entry_at(x, x->present, p->count - 1).time_ms == 0;
    return status;
}

/* A file that is full is not written again and gets its sync now. */
static apr_status_t finish_file(const pending_t *p, file_t *f) {
    return (p->from + (int64_t)p->count) % INDEX_SEGMENT_ENTRIES == 0 ? file_data_sync(f) : APR_SUCCESS;
}

static apr_status_t write_pending(consumer_logs_t *x, pending_t *p) {
    cached_file_t *f = NULL;
    apr_status_t status = file_cache_open(x->files, p->subject, index_file_base(x, p->from), true, &f);
    if (status != APR_SUCCESS) return status;
    status = p->verify ? write_differences(x, f->file, p) : write_run(x, f->file, p, 0, p->count);
    if (status == APR_SUCCESS) status = finish_file(p, f->file);
    file_cache_release(x->files, f);
    return status;
}

static void settle(consumer_logs_t *x, const pending_t *p) {
    store_subject_t *s = p->subject;
    mutex_lock(index_lock_of(x, s));
    s->persisted += (int64_t)p->count;
    if (s->persisted == s->next || p->beyond) s->verify = false;
    index_tail_trim(s);
    bool listed = s->unsynced;
    s->unsynced = true;
    mutex_unlock(index_lock_of(x, s));
    if (!listed) index_list_add(x, &x->unsynced, s);
}

apr_status_t index_write_subject(consumer_logs_t *x, store_subject_t *s, int64_t limit, int64_t *written) {
    if (x->scratch == NULL) {
        x->scratch = memory_alloc(index_bytes(x, INDEX_CHUNK_ENTRIES));
        x->present = memory_alloc(index_bytes(x, INDEX_CHUNK_ENTRIES));
    }
    for (;;) {
        pending_t p;
        take_pending(x, s, limit, &p);
        if (p.count == 0) return APR_SUCCESS;
        p.sync_first = limit == INT64_MAX;
        apr_status_t status = write_pending(x, &p);
        if (status != APR_SUCCESS) return status;
        settle(x, &p);
        if (written != NULL) *written += (int64_t)p.count;
    }
}

static void write_behind(consumer_logs_t *x, store_subject_t *s, int64_t *written) {
    int64_t suppressed = 0;
    apr_status_t status = index_write_subject(x, s, atomic_load(&x->messages->synced), written);
    if (status != APR_SUCCESS) x->write_failed = true;
    if (written != NULL && *written > 0) store_metrics_count(x->metrics, "storeConsumerLogFlushCount", subject_name(s));
    if (status == APR_SUCCESS || !log_permit(&x->write_limit, WRITE_WARNING_US, &suppressed)) return;
    char text[160];
    log_warn(x->log, "cannot write %s/%s: %s; its entries stay in memory and are tried again (%lld such lines suppressed)", x->root,
             s->name, status_text(status, text, sizeof text), (long long)suppressed);
}

static subject_list_t take_list(consumer_logs_t *x, subject_list_t *list) {
    mutex_lock(&x->list_lock);
    subject_list_t taken = *list;
    memset(list, 0, sizeof *list);
    mutex_unlock(&x->list_lock);
    return taken;
}

static void free_scratch(consumer_logs_t *x) {
    memory_free(x->scratch);
    memory_free(x->present);
    x->scratch = x->present = NULL;
}

bool consumer_logs_have_full(consumer_logs_t *x) {
    mutex_lock(&x->list_lock);
    bool have = x->full.count > 0;
    mutex_unlock(&x->list_lock);
    return have;
}

void consumer_logs_write_full(consumer_logs_t *x) {
    subject_list_t taken = take_list(x, &x->full);
    for (size_t i = 0; i < taken.count; i++) {
        store_subject_t *s = taken.at[i];
        write_behind(x, s, NULL);
        mutex_lock(index_lock_of(x, s));
        s->full = false;
        index_note_growth(x, s);
        mutex_unlock(index_lock_of(x, s));
    }
    memory_free(taken.at);
}

/* Writes one tail; true when the subject stays on the list. */
static bool visit_dirty(consumer_logs_t *x, store_subject_t *s) {
    int64_t written = 0;
    write_behind(x, s, &written);
    mutex_lock(index_lock_of(x, s));
    bool idle = written == 0 && s->persisted == s->next;
    if (idle) {
        index_tail_drop(s);
        s->dirty = false;
    }
    mutex_unlock(index_lock_of(x, s));
    return !idle;
}

bool consumer_logs_write_all(consumer_logs_t *x, bool (*again)(void *arg), void *arg) {
    subject_list_t taken = take_list(x, &x->dirty);
    bool going = true;
    x->write_failed = false;
    for (size_t i = 0; i < taken.count; i++) {
        if (going && again != NULL) going = again(arg);
        if (!going || visit_dirty(x, taken.at[i])) index_list_add(x, &x->dirty, taken.at[i]);
    }
    memory_free(taken.at);
    free_scratch(x);
    return going && !x->write_failed;
}
