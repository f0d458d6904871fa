#include "portability/mapping.h"

#include "portability/windows/file_private.h"

#include <stdlib.h>

struct mapping {
    uint8_t *data;
    size_t size;
};

/* A mapping cannot reach beyond the end here, and a read-only one does not move it. */
static apr_status_t extend(file_t *f, size_t size) {
    int64_t now = 0;
    apr_status_t status = file_size(f, &now);
    if (status != APR_SUCCESS || now >= (int64_t)size) return status;
    return file_truncate(f, (int64_t)size);
}

apr_status_t mapping_create(mapping_t **out, file_t *f, size_t size) {
    if (size == 0) return APR_EINVAL;
    apr_status_t status = extend(f, size);
    if (status != APR_SUCCESS) return status;
    HANDLE section = CreateFileMappingW(f->handle, NULL, PAGE_READONLY, (DWORD)((uint64_t)size >> 32), (DWORD)(size & 0xffffffffU), NULL);
    if (section == NULL) return system_error();
    void *data = MapViewOfFile(section, FILE_MAP_READ, 0, 0, size);
    status = data == NULL ? system_error() : APR_SUCCESS;
    CloseHandle(section); /* the view keeps it */
    if (status != APR_SUCCESS) return status;
    mapping_t *m = system_alloc(sizeof *m);
    m->data = data;
    m->size = size;
    *out = m;
    return APR_SUCCESS;
}

const uint8_t *mapping_data(const mapping_t *m) {
    return m->data;
}

size_t mapping_size(const mapping_t *m) {
    return m->size;
}

void mapping_destroy(mapping_t *m) {
    if (m == NULL) return;
    if (!UnmapViewOfFile(m->data)) system_fatal("UnmapViewOfFile", (int)GetLastError());
    free(m);
}
