/* One file of a segmented log: opening, space, mapping. */
#include "store/segment.h"

#include "base/memory.h"

#include <stdio.h>

static void segment_destroy(shared_t *shared) {
    segment_t *s = (segment_t *)shared;
    segment_map_release(s->map);
    (void)file_close(s->file); /* written bytes were synced or are accounted as unsynced; nothing can be done here */
    memory_free(s->path);
    memory_free(s);
}

static apr_status_t open_with(segment_t **out, const char *directory, int64_t base, int flags) {
    segment_t *s = memory_zalloc(sizeof *s);
    s->base = base;
    s->path = memory_printf("%s/%020lld", directory, (long long)base);
    int64_t size = 0;
    apr_status_t status = file_open(&s->file, s->path, flags);
    if (status == APR_SUCCESS) status = file_size(s->file, &size);
    if (status != APR_SUCCESS) {
        (void)file_close(s->file);
        memory_free(s->path);
        memory_free(s);
        return status;
    }
    shared_init(&s->shared, segment_destroy);
    atomic_init(&s->allocated, 0);
    *out = s;
    return APR_SUCCESS;
}

apr_status_t segment_open(segment_t **out, const char *directory, int64_t base) {
    return open_with(out, directory, base, IO_READ | IO_WRITE | IO_CREATE | IO_SPARSE);
}

apr_status_t segment_open_existing(segment_t **out, const char *directory, int64_t base) {
    return open_with(out, directory, base, IO_READ);
}

static void raise_to(_Atomic int64_t *value, int64_t to) {
    int64_t old = atomic_load_explicit(value, memory_order_relaxed);
    while (old < to && !atomic_compare_exchange_weak(value, &old, to)) {}
}

apr_status_t segment_allocate(segment_t *s, int64_t upto, int64_t segment_size) {
    int64_t from = atomic_load(&s->allocated);
    if (upto > segment_size) upto = segment_size;
    if (upto <= from) return APR_SUCCESS;
    apr_status_t status = file_preallocate(s->file, from, upto - from);
    if (status == APR_SUCCESS) raise_to(&s->allocated, upto);
    return status;
}

static void map_destroy(shared_t *shared) {
    segment_map_t *m = (segment_map_t *)shared;
    mapping_destroy(m->mapping);
    memory_free(m);
}

segment_map_t *segment_map_create(segment_t *s, int64_t segment_size) {
    mapping_t *mapping = NULL;
    if (mapping_create(&mapping, s->file, (size_t)segment_size) != APR_SUCCESS) return NULL;
    segment_map_t *m = memory_zalloc(sizeof *m);
    shared_init(&m->shared, map_destroy);
    m->mapping = mapping;
    m->data = mapping_data(mapping);
    return m;
}
