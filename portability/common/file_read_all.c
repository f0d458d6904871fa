#include "portability/file.h"

#include "base/status.h"
#include "portability/common/system.h"

#include <stdlib.h>

#define FIRST_READ_SIZE 4096

static size_t first_size(file_t *f, size_t limit) {
    int64_t size = 0;
    if (file_size(f, &size) != APR_SUCCESS || size <= 0) return FIRST_READ_SIZE;
    return (uint64_t)size > limit ? limit : (size_t)size;
}

/* Reads to the end whatever size the file claims: those of /proc claim none. */
static apr_status_t read_to_end(file_t *f, size_t limit, char **out, size_t *size) {
    size_t room = first_size(f, limit) + 1, used = 0;
    char *text = system_resize(NULL, room + 1, 1);
    for (;;) {
        size_t got = 0;
        apr_status_t status = file_read_at(f, text + used, room - used, (int64_t)used, &got);
        used += got;
        if (status == APR_SUCCESS && used > limit) status = QMQ_E_TOO_LONG;
        if (status != APR_SUCCESS) {
            free(text);
            return status;
        }
        if (used < room) break;
        room *= 2;
        text = system_resize(text, room + 1, 1);
    }
    text[used] = 0;
    *out = text;
    *size = used;
    return APR_SUCCESS;
}

apr_status_t file_read_all(const char *path, size_t limit, char **out, size_t *size) {
    file_t *f = NULL;
    apr_status_t status = file_open(&f, path, IO_READ);
    if (status != APR_SUCCESS) return status;
    status = read_to_end(f, limit, out, size);
    apr_status_t closed = file_close(f);
    return status != APR_SUCCESS || closed == APR_SUCCESS ? status : closed;
}
