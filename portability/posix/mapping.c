#include "portability/mapping.h"

#include "portability/posix/fault.h"
#include "portability/posix/file_private.h"
#include "portability/posix/system.h"

#include <stdlib.h>
#include <sys/mman.h>

struct mapping {
    uint8_t *data;
    size_t size;
};

apr_status_t mapping_create(mapping_t **out, file_t *f, size_t size) {
    if (fault_descriptor(FAULT_MAP, f->fd, NULL)) return system_error();
    void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, f->fd, 0);
    if (data == MAP_FAILED) return system_error();
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
    if (munmap(m->data, m->size) != 0) system_fatal("munmap", errno);
    free(m);
}
