#include "store/consumer_log.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "store/index_internal.h"
#include "store/store_metrics.h"

/* Entries copied under one hold of a lock. */
#define COPY_ENTRIES 128

void consumer_logs_init(consumer_logs_t *x, char *root, segmented_log_t *messages, sorted_tables_t *sorted, int max_open_files,
                        const log_t *log) {
    memset(x, 0, sizeof *x);
    x->format = INDEX_V1;
    x->clock_ms = clock_wall_ms() - clock_mono_us() / 1000;
    x->sorted = sorted;
    x->messages = messages;
    x->log = log;
    x->root = root;
    x->files = file_cache_create(x->root, max_open_files);
    for (size_t i = 0; i < INDEX_LOCKS; i++) mutex_init(&x->locks[i]);
    mutex_init(&x->list_lock);
}

int64_t consumer_logs_now_ms(const consumer_logs_t *x) {
    return x->clock_ms + clock_mono_us() / 1000;
}

static void drop_tail(void *arg, store_subject_t *s) {
    (void)arg;
    index_tail_drop(s);
}

void consumer_logs_free(consumer_logs_t *x, subject_table_t *subjects) {
    if (x->root == NULL) return;
    subject_table_each(subjects, drop_tail, NULL);
    file_cache_destroy(x->files);
    for (size_t i = 0; i < INDEX_LOCKS; i++) mutex_destroy(&x->locks[i]);
    mutex_destroy(&x->list_lock);
    memory_free(x->dirty.at);
    memory_free(x->full.at);
    memory_free(x->unsynced.at);
    memory_free(x->scratch);
    memory_free(x->present);
    memory_free(x->root);
    memset(x, 0, sizeof *x);
}

mutex_t *index_lock_of(consumer_logs_t *x, const store_subject_t *s) {
    return &x->locks[(s->named.hash >> 32) % INDEX_LOCKS];
}

void index_list_add(consumer_logs_t *x, subject_list_t *list, store_subject_t *s) {
    mutex_lock(&x->list_lock);
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        list->at = memory_realloc(list->at, list->capacity * sizeof(store_subject_t *));
    }
    list->at[list->count++] = s;
    mutex_unlock(&x->list_lock);
}

void index_note_growth(consumer_logs_t *x, store_subject_t *s) {
    if (!s->dirty) {
        s->dirty = true;
        index_list_add(x, &x->dirty, s);
    }
    if (!s->full && s->next - s->persisted >= INDEX_CHUNK_ENTRIES) {
        s->full = true;
        index_list_add(x, &x->full, s);
    }
}

void consumer_logs_publish(consumer_logs_t *x, const indexed_message_t *messages, size_t count) {
    for (size_t i = 0; i < count;) {
        store_subject_t *s = messages[i].subject;
        mutex_lock(index_lock_of(x, s));
        s->exists = true;
        for (; i < count && messages[i].subject == s; i++) index_tail_push(s, &messages[i].entry);
        index_note_growth(x, s);
        mutex_unlock(index_lock_of(x, s));
    }
}

bool consumer_log_bounds(consumer_logs_t *x, store_subject_t *s, int64_t *min, int64_t *next) {
    mutex_lock(index_lock_of(x, s));
    bool exists = s->exists;
    *min = s->min;
    *next = s->next;
    mutex_unlock(index_lock_of(x, s));
    return exists;
}

/* Entries [from, from + max) that are in memory, or how many come before those. */
static index_place_t copy_encoded(consumer_logs_t *x, store_subject_t *s, int64_t from, size_t max, uint8_t *to, size_t *count) {
    mutex_lock(index_lock_of(x, s));
    int64_t tail = s->first == NULL ? s->next : s->first->base;
    index_place_t place = INDEX_IN_MEMORY;
    if (from < tail) {
        place = INDEX_IN_FILE;
        *count = tail - from < (int64_t)max ? (size_t)(tail - from) : max;
    } else {
        *count = index_tail_copy(s, from, max, to);
    }
    mutex_unlock(index_lock_of(x, s));
    return place;
}

index_place_t consumer_log_copy(consumer_logs_t *x, store_subject_t *s, int64_t from, size_t max, index_entry_t *to, size_t *count) {
    uint8_t encoded[COPY_ENTRIES * INDEX_MOST_SIZE];
    index_place_t place = copy_encoded(x, s, from, max < COPY_ENTRIES ? max : COPY_ENTRIES, encoded, count);
    if (place == INDEX_IN_FILE) return place;
    for (size_t i = 0; i < *count; i++) to[i] = index_entry_at(x, encoded, i);
    return place;
}

apr_status_t index_read_encoded(const consumer_logs_t *x, file_t *f, int64_t sequence, size_t n, uint8_t *to) {
    size_t got = 0;
    apr_status_t status = file_read_at(f, to, index_bytes(x, n), index_file_position(x, sequence), &got);
    size_t whole = got - got % (size_t)x->format;
    memset(to + whole, 0, index_bytes(x, n) - whole);
    return status;
}

apr_status_t consumer_log_read(consumer_logs_t *x, store_subject_t *s, int64_t from, size_t count, index_entry_t *to) {
    cached_file_t *f = NULL;
    apr_status_t status = file_cache_open(x->files, s, index_file_base(x, from), false, &f);
    if (APR_STATUS_IS_ENOENT(status)) {
        store_metrics_count(x->metrics, "hitDeletedConsumerLogSegment", subject_name(s));
        memset(to, 0, count * sizeof *to);
        return APR_SUCCESS;
    }
    uint8_t encoded[COPY_ENTRIES * INDEX_MOST_SIZE];
    for (size_t done = 0; status == APR_SUCCESS && done < count;) {
        size_t part = count - done < COPY_ENTRIES ? count - done : COPY_ENTRIES;
        status = index_read_encoded(x, f->file, from + (int64_t)done, part, encoded);
        for (size_t i = 0; i < part; i++) to[done + i] = index_entry_at(x, encoded, i);
        done += part;
    }
    if (f != NULL) file_cache_release(x->files, f);
    return status;
}

bool consumer_log_read_cached(consumer_logs_t *x, store_subject_t *s, int64_t from, size_t count, index_entry_t *to) {
    uint8_t encoded[COPY_ENTRIES * INDEX_MOST_SIZE];
    if (count > COPY_ENTRIES) return false;
    cached_file_t *f = file_cache_open_cached(x->files, s, index_file_base(x, from));
    if (f == NULL) return false;
    size_t got = 0;
    size_t wanted = index_bytes(x, count);
    apr_status_t status = file_read_cached(f->file, encoded, wanted, index_file_position(x, from), &got);
    file_cache_release(x->files, f);
    if (status != APR_SUCCESS || got < wanted) return false;
    for (size_t i = 0; i < count; i++) to[i] = index_entry_at(x, encoded, i);
    return true;
}
