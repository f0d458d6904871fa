/* Replacing a whole file so that a crash leaves the old or the new content. The temporary name is fixed, so that crashes leave no
 * litter; it is opened without leave to write for others, which keeps two writers of one path apart. */
#include "portability/file.h"

#include "portability/windows/file_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN_MS 2
#define LONGEST_WAIT_MS 30000 /* somebody else than us holds the temporary file */

static char *temporary_name(const char *path) {
    size_t front = 0;
    for (size_t i = 0; path[i] != 0; i++) {
        if (path[i] == '/' || path[i] == '\\' || path[i] == ':') front = i + 1;
    }
    size_t size = strlen(path) + sizeof "..tmp";
    char *name = system_alloc(size);
    snprintf(name, size, "%.*s.%s.tmp", (int)front, path, path + front);
    return name;
}

static apr_status_t open_temporary(file_t **out, const char *name) {
    for (int waited = 0;; waited += TURN_MS) {
        apr_status_t status = file_open_shared(out, name, IO_WRITE | IO_CREATE, FILE_SHARE_READ | FILE_SHARE_DELETE);
        if (status != APR_EACCES || waited >= LONGEST_WAIT_MS) return status;
        path_info_t info;
        if (path_inspect(name, &info) != APR_SUCCESS || info.kind == PATH_DIRECTORY) return status;
        Sleep(TURN_MS);
    }
}

static apr_status_t fill(file_t *f, const void *data, size_t size) {
    apr_status_t status = file_truncate(f, 0);
    if (status == APR_SUCCESS) status = file_write_at(f, data, size, 0);
    if (status == APR_SUCCESS) status = file_data_sync(f);
    return status;
}

apr_status_t file_replace(const char *path, const void *data, size_t size) {
    char *temporary = temporary_name(path);
    file_t *f = NULL;
    apr_status_t status = open_temporary(&f, temporary);
    if (status == APR_SUCCESS) {
        status = fill(f, data, size);
        if (status == APR_SUCCESS) status = path_rename(temporary, path);
        if (status != APR_SUCCESS) (void)path_remove(temporary); /* the first failure is the one to report */
        apr_status_t closed = file_close(f);
        if (status == APR_SUCCESS) status = closed;
    }
    free(temporary);
    return status;
}
