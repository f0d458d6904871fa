/* Replacing a whole file so that a crash leaves the old or the new content. The temporary name is fixed, so that crashes leave no
 * litter; a lock on the temporary file keeps two writers of one path apart. */
#include "portability/file.h"

#include "portability/posix/fault.h"
#include "portability/posix/file_private.h"
#include "portability/posix/system.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct replacement {
    const char *path;
    char *directory;
    char *temporary;
} replacement_t;

static void name_parts(replacement_t *r, const char *path) {
    const char *slash = strrchr(path, '/');
    size_t front = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    r->path = path;
    r->directory = slash == NULL ? system_copy(".") : strndup(path, front);
    if (r->directory == NULL) system_fatal("out of memory", 0);
    size_t size = strlen(path) + sizeof "..tmp";
    r->temporary = system_alloc(size);
    snprintf(r->temporary, size, "%.*s.%s.tmp", (int)front, path, path + front);
}

/* Whether the descriptor is still what stands under the temporary name, or another writer has moved it away meanwhile. */
static bool is_current(int fd, const char *name) {
    struct stat held, named;
    return fstat(fd, &held) == 0 && stat(name, &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static apr_status_t open_temporary(file_t **out, const char *name) {
    for (;;) {
        file_t *f = NULL;
        apr_status_t status = file_open(&f, name, IO_WRITE | IO_CREATE);
        if (status != APR_SUCCESS) return status;
        int result;
        do {
            result = flock(f->fd, LOCK_EX);
        } while (result != 0 && errno == EINTR);
        if (result != 0) status = system_error();
        if (status == APR_SUCCESS && is_current(f->fd, name)) {
            *out = f;
            return APR_SUCCESS;
        }
        apr_status_t closed = file_close(f);
        if (status != APR_SUCCESS || closed != APR_SUCCESS) return status != APR_SUCCESS ? status : closed;
    }
}

static apr_status_t keep_mode(file_t *f, const char *path) {
    struct stat old;
    if (stat(path, &old) != 0) return APR_SUCCESS;
    return fchmod(f->fd, old.st_mode & 07777) == 0 ? APR_SUCCESS : system_error();
}

static apr_status_t fill(file_t *f, const replacement_t *r, const void *data, size_t size) {
    apr_status_t status = file_truncate(f, 0);
    if (status == APR_SUCCESS) status = keep_mode(f, r->path);
    if (status == APR_SUCCESS) status = file_write_at(f, data, size, 0);
    if (status == APR_SUCCESS) status = file_data_sync(f);
    return status;
}

apr_status_t file_replace(const char *path, const void *data, size_t size) {
    replacement_t r;
    name_parts(&r, path);
    file_t *f = NULL;
    apr_status_t status = open_temporary(&f, r.temporary);
    if (status == APR_SUCCESS) {
        status = fill(f, &r, data, size);
        if (status == APR_SUCCESS) status = path_rename(r.temporary, path);
        if (status != APR_SUCCESS) (void)unlink(r.temporary); /* the first failure is the one to report */
        apr_status_t closed = file_close(f);
        if (status == APR_SUCCESS) status = closed;
    }
    if (status == APR_SUCCESS) status = directory_sync(r.directory);
    free(r.directory);
    free(r.temporary);
    return status;
}
