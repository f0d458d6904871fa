#include "store/segmented_log.h"

#include "base/memory.h"
#include "base/status.h"
#include "store/segment.h"

#include <stdlib.h>
#include <string.h>

#define NAME_DIGITS 20
#define ZEROS_SIZE 65536

static const uint8_t zeros[ZEROS_SIZE];

/* With the lock held: index of the first segment whose base is >= base. */
static size_t position(const segmented_log_t *l, int64_t base) {
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (l->segments[middle]->base < base) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* With the lock held. */
static void insert(segmented_log_t *l, segment_t *s) {
    if (l->count == l->capacity) {
        l->capacity = l->capacity == 0 ? 8 : l->capacity * 2;
        l->segments = memory_realloc(l->segments, l->capacity * sizeof(segment_t *));
    }
    size_t at = position(l, s->base);
    memmove(l->segments + at + 1, l->segments + at, (l->count - at) * sizeof(segment_t *));
    l->segments[at] = s;
    l->count++;
}

/* With the lock held. */
static segment_t *find(const segmented_log_t *l, int64_t base) {
    size_t at = position(l, base);
    return at < l->count && l->segments[at]->base == base ? l->segments[at] : NULL;
}

/* Base of a segment file; -1 for names that are none. */
static int64_t parse_name(const char *name, int64_t segment_size) {
    if (strlen(name) != NAME_DIGITS || strspn(name, "0123456789") != NAME_DIGITS) return -1;
    unsigned long long base = strtoull(name, NULL, 10);
    return base <= INT64_MAX && (int64_t)base % segment_size == 0 ? (int64_t)base : -1;
}

typedef struct listing {
    segmented_log_t *log;
    qmq_error_t *error;
} listing_t;

static apr_status_t list_entry(void *arg, const char *name) {
    listing_t *listing = arg;
    segmented_log_t *l = listing->log;
    if (name[0] == '.') return APR_SUCCESS;
    char *path = memory_printf("%s/%s", l->directory, name);
    int64_t base = parse_name(name, l->segment_size);
    path_info_t info;
    apr_status_t status = path_inspect(path, &info);
    if (status == APR_SUCCESS && (base < 0 || info.kind != PATH_FILE)) {
        log_warn(l->log, "%s is not a segment of the %s and is ignored", path, l->name);
        memory_free(path);
        return APR_SUCCESS;
    }
    segment_t *s = NULL;
    if (status == APR_SUCCESS) status = l->only_read ? segment_open_existing(&s, l->directory, base) : segment_open(&s, l->directory, base);
    if (status == APR_SUCCESS) {
        insert(l, s);
    } else {
        char text[160];
        listing->error = error_create(status, "Make the file readable and writable for this user, or raise the limit of open files",
                                      "cannot open %s: %s", path, status_text(status, text, sizeof text));
    }
    memory_free(path);
    return status;
}

static apr_status_t open_all(segmented_log_t *l, const char *name, char *directory, int64_t segment_size, const log_t *log, bool only_read,
                             qmq_error_t **error) {
    memset(l, 0, sizeof *l);
    l->name = name;
    l->directory = directory;
    l->segment_size = segment_size;
    l->log = log;
    l->directory_synced = -1;
    l->only_read = only_read;
    mutex_init(&l->lock);
    mutex_init(&l->sync_lock);
    condition_init(&l->sync_done);
    listing_t listing = {l, NULL};
    apr_status_t status = only_read ? APR_SUCCESS : directory_create(directory);
    if (status == APR_SUCCESS) status = directory_list(directory, list_entry, &listing);
    if (status == APR_SUCCESS || (only_read && APR_STATUS_IS_ENOENT(status))) return APR_SUCCESS;
    char text[160];
    *error = listing.error != NULL ? listing.error
                                   : error_create(status, "Create the directory or give this user the right to write to it",
                                                  "cannot open the directory %s: %s", directory, status_text(status, text, sizeof text));
    return status;
}

apr_status_t segmented_log_open(segmented_log_t *l, const char *name, char *directory, int64_t segment_size, const log_t *log,
                                qmq_error_t **error) {
    return open_all(l, name, directory, segment_size, log, false, error);
}

apr_status_t segmented_log_view(segmented_log_t *l, const char *name, char *directory, int64_t segment_size, const log_t *log,
                                qmq_error_t **error) {
    return open_all(l, name, directory, segment_size, log, true, error);
}

void segmented_log_close(segmented_log_t *l) {
    if (l->directory == NULL) return;
    segment_release(l->writing);
    for (size_t i = 0; i < l->count; i++) segment_release(l->segments[i]);
    memory_free(l->segments);
    memory_free(l->directory);
    mutex_destroy(&l->lock);
    mutex_destroy(&l->sync_lock);
    condition_destroy(&l->sync_done);
    memset(l, 0, sizeof *l);
}

int64_t segmented_log_min(segmented_log_t *l) {
    mutex_lock(&l->lock);
    int64_t base = l->count == 0 ? 0 : l->segments[0]->base;
    mutex_unlock(&l->lock);
    return base;
}

static segment_t *retained(segment_t *s) {
    if (s != NULL) shared_retain(&s->shared);
    return s;
}

segment_t *segmented_log_locate(segmented_log_t *l, int64_t offset) {
    if (offset < 0) return NULL;
    mutex_lock(&l->lock);
    segment_t *s = retained(find(l, segmented_log_base(l, offset)));
    mutex_unlock(&l->lock);
    return s;
}

segment_t *segmented_log_at(segmented_log_t *l, size_t index) {
    mutex_lock(&l->lock);
    segment_t *s = retained(index < l->count ? l->segments[index] : NULL);
    mutex_unlock(&l->lock);
    return s;
}

apr_status_t segmented_log_obtain(segmented_log_t *l, int64_t base, segment_t **out) {
    *out = segmented_log_locate(l, base);
    if (*out != NULL) return APR_SUCCESS;
    segment_t *made = NULL;
    apr_status_t status = segment_open(&made, l->directory, base);
    if (status != APR_SUCCESS) return status;
    mutex_lock(&l->lock);
    segment_t *present = find(l, base); /* somebody else may have been faster; the file is the same */
    if (present == NULL) insert(l, made);
    *out = retained(present == NULL ? made : present);
    mutex_unlock(&l->lock);
    if (present != NULL) segment_release(made);
    return APR_SUCCESS;
}

static apr_status_t cut_file(segment_t *s, int64_t size) {
    int64_t present = 0;
    apr_status_t status = file_size(s->file, &present);
    if (status == APR_SUCCESS && present > size) status = file_truncate(s->file, size);
    if (status == APR_SUCCESS) atomic_store(&s->allocated, present < size ? present : size);
    return status;
}

/* A full segment whose file is shorter was cut, or ends in zeros: nothing behind the file's end can be read through a mapping. */
static apr_status_t measure(segmented_log_t *l, segment_t *s) {
    int64_t present = 0;
    apr_status_t status = file_size(s->file, &present);
    if (status == APR_SUCCESS) atomic_store(&s->allocated, present < l->segment_size ? present : l->segment_size);
    return status;
}

/* Removes a segment behind the end; nothing else knows of it yet. One that somebody holds open is emptied and stays for what comes. */
static apr_status_t remove_at(segmented_log_t *l, size_t index) {
    segment_t *s = l->segments[index];
    if (path_remove(s->path) != APR_SUCCESS) {
        apr_status_t status = file_truncate(s->file, 0);
        if (status == APR_SUCCESS) atomic_store(&s->allocated, 0);
        return status;
    }
    memmove(l->segments + index, l->segments + index + 1, (--l->count - index) * sizeof(segment_t *));
    segment_release(s);
    return APR_SUCCESS;
}

apr_status_t segmented_log_cut(segmented_log_t *l, int64_t end, int64_t synced, qmq_error_t **error) {
    apr_status_t status = APR_SUCCESS;
    int64_t at = 0; /* base of the segment in hand */
    for (size_t i = l->count; status == APR_SUCCESS && i > 0 && l->segments[i - 1]->base > end; i--) {
        at = l->segments[i - 1]->base;
        status = remove_at(l, i - 1);
    }
    for (size_t i = 0; status == APR_SUCCESS && i < l->count && l->segments[i]->base <= end; i++) {
        segment_t *s = l->segments[i];
        at = s->base;
        if (s->base + l->segment_size <= end) {
            status = measure(l, s);
        } else {
            status = cut_file(s, end - s->base);
        }
    }
    atomic_store(&l->end, end);
    atomic_store(&l->synced, synced < end ? synced : end);
    if (status == APR_SUCCESS) return APR_SUCCESS;
    char text[160];
    *error = error_create(status, "Give this user the right to write to it, or end the program that has it open",
                          "cannot shorten %s/%020lld: %s", l->directory, (long long)at, status_text(status, text, sizeof text));
    return status;
}

static apr_status_t clean_segment(segment_t *s, int64_t from, int64_t to) {
    int64_t size = 0;
    apr_status_t status = file_size(s->file, &size);
    if (to > size) to = size; /* nothing was ever written behind the end of the file */
    while (status == APR_SUCCESS && from < to) {
        int64_t part = to - from < ZEROS_SIZE ? to - from : ZEROS_SIZE;
        status = file_write_at(s->file, zeros, (size_t)part, from);
        from += part;
    }
    return status;
}

apr_status_t segmented_log_clean(segmented_log_t *l) {
    apr_status_t status = APR_SUCCESS;
    int64_t end = segmented_log_end(l);
    for (int64_t from = end; status == APR_SUCCESS && from < l->soiled_end;) {
        int64_t base = segmented_log_base(l, from);
        int64_t to = base + l->segment_size < l->soiled_end ? base + l->segment_size : l->soiled_end;
        segment_t *s = segmented_log_locate(l, base);
        if (s != NULL) status = clean_segment(s, from - base, to - base);
        segment_release(s);
        from = to;
    }
    if (status == APR_SUCCESS) l->soiled_end = 0;
    return status;
}

static apr_status_t turn_to(segmented_log_t *l, int64_t base) {
    if (l->writing != NULL && l->writing->base == base) return APR_SUCCESS;
    segment_release(l->writing);
    l->writing = NULL;
    return segmented_log_obtain(l, base, &l->writing);
}

apr_status_t segmented_log_write(segmented_log_t *l, int64_t offset, const io_slice_t *slices, size_t count, int64_t size) {
    int64_t base = segmented_log_base(l, offset);
    apr_status_t status = turn_to(l, base);
    if (status != APR_SUCCESS) return status;
    segment_t *s = l->writing;
    int64_t upto = offset - base + size;
    if (upto > atomic_load_explicit(&s->allocated, memory_order_relaxed)) status = segment_allocate(s, upto, l->segment_size);
    if (status == APR_SUCCESS) status = file_writev_at(s->file, slices, count, offset - base);
    return status;
}

void segmented_log_fill(segmented_log_t *l, int64_t offset) {
    segment_t *s = segmented_log_locate(l, offset);
    if (s == NULL) return;
    int64_t size = 0;
    apr_status_t status = file_size(s->file, &size);
    if (status == APR_SUCCESS && size < l->segment_size) status = file_truncate(s->file, l->segment_size);
    if (status != APR_SUCCESS) {
        char text[160];
        log_warn(l->log, "%s keeps its length although it is full: %s; this is harmless", s->path, status_text(status, text, sizeof text));
    }
    segment_release(s);
}

static apr_status_t sync_range(segmented_log_t *l, int64_t from, int64_t to) {
    int64_t newest = segmented_log_base(l, to - 1);
    for (int64_t base = segmented_log_base(l, from); base <= newest; base += l->segment_size) {
        segment_t *s = segmented_log_locate(l, base);
        apr_status_t status = s == NULL ? APR_SUCCESS : file_data_sync(s->file);
        segment_release(s);
        if (status != APR_SUCCESS) return status;
    }
    if (newest <= l->directory_synced) return APR_SUCCESS;
    apr_status_t status = directory_sync(l->directory);
    if (status == APR_SUCCESS) l->directory_synced = newest;
    return status;
}

apr_status_t segmented_log_sync(segmented_log_t *l) {
    int64_t target = segmented_log_end(l);
    mutex_lock(&l->sync_lock);
    while (l->syncing) condition_wait(&l->sync_done, &l->sync_lock);
    apr_status_t status = l->sync_failure;
    int64_t from = atomic_load(&l->synced);
    if (status != APR_SUCCESS || from >= target) {
        mutex_unlock(&l->sync_lock);
        return status;
    }
    l->syncing = true;
    mutex_unlock(&l->sync_lock);
    target = segmented_log_end(l);
    status = sync_range(l, from, target);
    mutex_lock(&l->sync_lock);
    l->syncing = false;
    /* Without a descriptor nothing was asked of the disk yet: the next sync does. */
    l->sync_failure = segmented_log_may_retry(status) ? APR_SUCCESS : status;
    if (status == APR_SUCCESS) atomic_store(&l->synced, target);
    condition_broadcast(&l->sync_done);
    mutex_unlock(&l->sync_lock);
    return status;
}

segment_map_t *segmented_log_map(segmented_log_t *l, segment_t *s) {
    mutex_lock(&l->lock);
    segment_map_t *m = s->map;
    if (m != NULL) shared_retain(&m->shared);
    mutex_unlock(&l->lock);
    if (m != NULL) return m;
    segment_map_t *made = segment_map_create(s, l->segment_size);
    if (made == NULL) return NULL;
    mutex_lock(&l->lock);
    if (s->map == NULL) {
        s->map = made;
        shared_retain(&made->shared);
    }
    m = s->map;
    if (m != made) shared_retain(&m->shared);
    mutex_unlock(&l->lock);
    if (m != made) segment_map_release(made);
    return m;
}

/* A mapping that ends at or before offset, taken from its segment, or NULL. */
static segment_map_t *take_map(segmented_log_t *l, int64_t offset) {
    segment_map_t *m = NULL;
    mutex_lock(&l->lock);
    for (size_t i = 0; m == NULL && i < l->count && l->segments[i]->base + l->segment_size <= offset; i++) {
        m = l->segments[i]->map;
        l->segments[i]->map = NULL;
    }
    mutex_unlock(&l->lock);
    return m;
}

void segmented_log_unmap_before(segmented_log_t *l, int64_t offset) {
    for (segment_map_t *m; (m = take_map(l, offset)) != NULL;) segment_map_release(m);
}

int64_t segmented_log_mappings(segmented_log_t *l) {
    int64_t n = 0;
    mutex_lock(&l->lock);
    for (size_t i = 0; i < l->count; i++) n += l->segments[i]->map != NULL;
    mutex_unlock(&l->lock);
    return n;
}

int64_t segmented_log_files(segmented_log_t *l) {
    mutex_lock(&l->lock);
    int64_t n = (int64_t)l->count;
    mutex_unlock(&l->lock);
    return n;
}

/* The first segment, out of the row, when nobody else knows of it; or NULL. */
static segment_t *take_unused(segmented_log_t *l) {
    mutex_lock(&l->lock);
    segment_t *s = l->count > 1 ? l->segments[0] : NULL;
    /* References are only taken under this lock, so one that is sole stays so. */
    if (s != NULL && (!shared_is_sole(&s->shared) || (s->map != NULL && !shared_is_sole(&s->map->shared)))) s = NULL;
    if (s != NULL) memmove(l->segments, l->segments + 1, --l->count * sizeof(segment_t *));
    mutex_unlock(&l->lock);
    return s;
}

apr_status_t segmented_log_remove_first(segmented_log_t *l) {
    segment_t *s = take_unused(l);
    if (s == NULL) return QMQ_E_LOCKED;
    apr_status_t status = path_remove(s->path);
    if (status == APR_SUCCESS) {
        segment_release(s);
        return APR_SUCCESS;
    }
    mutex_lock(&l->lock);
    insert(l, s);
    mutex_unlock(&l->lock);
    return status;
}
