/* Where the readable part of a subject begins, and giving up what lies in front of it. */
#include "base/memory.h"
#include "base/status.h"
#include "store/index_internal.h"
#include "store/store_metrics.h"

/* Blank entries in a row that are passed; more are taken for dead. */
#define BLANKS 4096

/* One entry, wherever it is. */
static apr_status_t entry_at(consumer_logs_t *x, store_subject_t *s, int64_t sequence, index_entry_t *e) {
    size_t count = 1;
    if (consumer_log_copy(x, s, sequence, 1, e, &count) == INDEX_IN_MEMORY) return count == 1 ? APR_SUCCESS : APR_EOF;
    return consumer_log_read(x, s, sequence, 1, e);
}

/* True when this entry, or the first one behind it that says something, points at or behind offset. */
static apr_status_t reaches(consumer_logs_t *x, store_subject_t *s, int64_t sequence, int64_t high, int64_t offset, bool *yes) {
    index_entry_t e;
    apr_status_t status = APR_SUCCESS;
    for (int i = 0; i < BLANKS && sequence < high; i++, sequence++) {
        status = entry_at(x, s, sequence, &e);
        if (status != APR_SUCCESS) return status;
        if (index_entry_is_sorted(&e)) {
            *yes = true; /* sorted tables have a retention of their own */
            return APR_SUCCESS;
        }
        if (index_entry_is_plausible(&e, x->messages->segment_size)) {
            *yes = e.offset >= offset;
            return APR_SUCCESS;
        }
    }
    *yes = sequence >= high;
    return status;
}

apr_status_t consumer_log_first_from(consumer_logs_t *x, store_subject_t *s, int64_t offset, int64_t *sequence) {
    int64_t low = 0, high = 0;
    if (!consumer_log_bounds(x, s, &low, &high)) low = high = 0;
    apr_status_t status = APR_SUCCESS;
    int64_t end = high;
    while (status == APR_SUCCESS && low < high) {
        int64_t middle = low + (high - low) / 2;
        bool yes = false;
        status = reaches(x, s, middle, end, offset, &yes);
        if (yes) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *sequence = low;
    return status;
}

void consumer_log_raise_min(consumer_logs_t *x, store_subject_t *s, int64_t min) {
    mutex_lock(index_lock_of(x, s));
    if (min > s->next) min = s->next;
    bool raised = min > s->min;
    if (raised) s->min = min;
    mutex_unlock(index_lock_of(x, s));
    if (raised) store_metrics_count(x->metrics, "consumerLogAdjustMinOffset", subject_name(s));
}

typedef struct dead_files {
    consumer_logs_t *index;
    const char *directory;
    int64_t keep_from; /* file base */
    apr_status_t status;
} dead_files_t;

static apr_status_t remove_dead(void *arg, const char *name) {
    dead_files_t *d = arg;
    int64_t base = index_file_parse(d->index, name);
    if (base < 0 || base >= d->keep_from) return APR_SUCCESS;
    char *path = memory_printf("%s/%s", d->directory, name);
    apr_status_t status = path_remove(path);
    char text[160];
    if (status != APR_SUCCESS) log_warn(d->index->log, "cannot delete %s: %s", path, status_text(status, text, sizeof text));
    memory_free(path);
    return APR_SUCCESS;
}

void consumer_log_delete_before(consumer_logs_t *x, store_subject_t *s, int64_t min) {
    mutex_lock(index_lock_of(x, s));
    /* The last file stays: its name is what keeps sequences from starting again. */
    int64_t keep = min < s->persisted ? min : s->persisted - 1;
    mutex_unlock(index_lock_of(x, s));
    if (keep < INDEX_SEGMENT_ENTRIES) return;
    char *directory = file_cache_directory(x->files, subject_name(s));
    dead_files_t d = {x, directory, index_file_base(x, keep), APR_SUCCESS};
    (void)directory_list(directory, remove_dead, &d); /* tried again when the next segment is deleted */
    memory_free(directory);
}
