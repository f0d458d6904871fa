/* The index during recovery: records of the message log in log order, files that may already hold their entries. */
#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "store/index_internal.h"

static void start_at(store_subject_t *s, int64_t sequence) {
    index_tail_drop(s);
    s->exists = true;
    s->verify = true;
    s->min = s->next = s->persisted = sequence;
}

/* A whole chunk is written (or found written) at once, so that memory stays bounded however long the log is. */
static bool push(consumer_logs_t *x, store_subject_t *s, const index_entry_t *e) {
    index_tail_push(s, e);
    if (s->next - s->persisted < INDEX_CHUNK_ENTRIES) return true;
    apr_status_t status = index_write_subject(x, s, INT64_MAX, NULL);
    if (status == APR_SUCCESS) {
        s->verify = true; /* what follows may be in the files, too */
        return true;
    }
    if (APR_STATUS_IS_ENOSPC(status)) return true; /* it stays in memory until there is room */
    char text[160];
    log_error(x->log, "cannot write %s/%s: %s; free space or make the directory writable, then start again", x->root, s->name,
              status_text(status, text, sizeof text));
    return false;
}

static bool push_blanks(consumer_logs_t *x, store_subject_t *s, int64_t upto, int64_t now_ms) {
    index_entry_t blank = index_entry_blank(now_ms);
    while (s->next < upto) {
        if (!push(x, s, &blank)) return false;
    }
    return true;
}

/* Whether an entry was written at all and does not point beyond the log. */
static bool may_be_last(const consumer_logs_t *x, const uint8_t *encoded) {
    index_entry_t e = index_entry_at(x, encoded, 0);
    if (e.time_ms == 0) return false;
    return index_entry_is_blank(&e) || index_entry_is_sorted(&e) || e.offset + e.record_size <= segmented_log_end(x->messages);
}

/* Whether the file of the last of `next` entries is long enough, and with `deep` that this entry can be one. */
static bool entries_are_there(consumer_logs_t *x, const store_subject_t *s, int64_t next, bool deep) {
    char *path = memory_printf("%s/%s/%020lld", x->root, s->name, (long long)index_file_base(x, next - 1));
    path_info_t info;
    bool there = path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_FILE &&
                 info.size >= index_file_position(x, next - 1) + (int64_t)x->format;
    file_t *f = NULL;
    if (there && deep) {
        uint8_t encoded[INDEX_MOST_SIZE];
        there = file_open(&f, path, IO_READ) == APR_SUCCESS && index_read_encoded(x, f, next - 1, 1, encoded) == APR_SUCCESS &&
                may_be_last(x, encoded);
    }
    (void)file_close(f); /* only read */
    memory_free(path);
    return there;
}

bool consumer_log_restore(consumer_logs_t *x, store_subject_t *s, int64_t next, bool deep) {
    int64_t first = 0, behind = 0;
    if (next > INDEX_LAST_SEQUENCE || !entries_are_there(x, s, next, deep)) return false;
    if (next > INDEX_SEGMENT_ENTRIES && consumer_log_extent(x, subject_name(s), &first, &behind) != APR_SUCCESS) return false;
    start_at(s, next);
    s->min = first;
    return true;
}

/* Messages in front of the log may still be in sorted tables; then the files name them. */
static void begin_at(consumer_logs_t *x, store_subject_t *s, int64_t sequence) {
    int64_t first = 0, next = 0;
    start_at(s, sequence);
    if (sequence == 0 || segmented_log_files(&x->sorted->files) == 0) return;
    if (consumer_log_extent(x, subject_name(s), &first, &next) == APR_SUCCESS && next > first && first < sequence) s->min = first;
}

replay_result_t consumer_log_replay(consumer_logs_t *x, store_subject_t *s, int64_t sequence, const index_entry_t *entry, bool restart) {
    if (sequence < 0 || sequence > INDEX_LAST_SEQUENCE) return REPLAY_GAP_TOO_WIDE;
    if (!s->exists) begin_at(x, s, sequence);
    if (sequence < s->next) return REPLAY_KNOWN;
    if (sequence - s->next > INDEX_SEGMENT_ENTRIES) {
        if (!restart) return REPLAY_GAP_TOO_WIDE;
        start_at(s, sequence);
    }
    if (!push_blanks(x, s, sequence, entry->time_ms) || !push(x, s, entry)) return REPLAY_FAILED;
    if (!s->dirty) index_note_growth(x, s);
    return REPLAY_INDEXED;
}

bool consumer_log_reserve(consumer_logs_t *x, store_subject_t *s, int64_t next, int64_t now_ms) {
    if (next <= s->next) return true;
    if (next > INDEX_LAST_SEQUENCE) return false;
    if (!s->exists || s->min == s->next) {
        start_at(s, next);
        return true;
    }
    if (next - s->next > INDEX_SEGMENT_ENTRIES || !push_blanks(x, s, next, now_ms)) return false;
    index_note_growth(x, s);
    return true;
}

typedef struct extent {
    const consumer_logs_t *index;
    int64_t first;
    int64_t last;
} extent_t;

int64_t index_file_parse(const consumer_logs_t *x, const char *name) {
    int64_t base = 0;
    return name[0] != '.' && id_parse_i64(view_of(name), &base) && base >= 0 && base % index_file_size(x) == 0 ? base : -1;
}

static apr_status_t note_file(void *arg, const char *name) {
    extent_t *extent = arg;
    int64_t base = index_file_parse(extent->index, name);
    if (base < 0) return APR_SUCCESS;
    if (extent->first < 0 || base < extent->first) extent->first = base;
    if (base > extent->last) extent->last = base;
    return APR_SUCCESS;
}

static apr_status_t entry_is_written(const consumer_logs_t *x, file_t *f, int64_t index, bool *written) {
    uint8_t encoded[INDEX_MOST_SIZE];
    apr_status_t status = index_read_encoded(x, f, index, 1, encoded);
    *written = index_entry_at(x, encoded, 0).time_ms != 0;
    return status;
}

/* Number of entries in front of the zeros of a file that may be longer (sparse) than what was written. */
static apr_status_t count_entries(const consumer_logs_t *x, const char *path, int64_t *count) {
    file_t *f = NULL;
    int64_t size = 0;
    apr_status_t status = file_open(&f, path, IO_READ);
    if (status == APR_SUCCESS) status = file_size(f, &size);
    int64_t low = 0, high = size / x->format;
    if (high > INDEX_SEGMENT_ENTRIES) high = INDEX_SEGMENT_ENTRIES;
    while (status == APR_SUCCESS && low < high) {
        int64_t middle = low + (high - low) / 2;
        bool written = false;
        status = entry_is_written(x, f, middle, &written);
        if (written) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *count = low;
    apr_status_t closed = file_close(f);
    return status != APR_SUCCESS ? status : closed;
}

apr_status_t consumer_log_extent(consumer_logs_t *x, view_t subject, int64_t *first, int64_t *next) {
    *first = *next = 0;
    extent_t extent = {x, -1, -1};
    char *directory = file_cache_directory(x->files, subject);
    apr_status_t status = directory_list(directory, note_file, &extent);
    if (status == APR_SUCCESS && extent.last >= 0) {
        char *path = memory_printf("%s/%020lld", directory, (long long)extent.last);
        int64_t count = 0;
        status = count_entries(x, path, &count);
        memory_free(path);
        *first = extent.first / x->format;
        *next = extent.last / x->format + count;
    }
    memory_free(directory);
    return status;
}
