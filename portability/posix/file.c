/* Open files. Plain descriptors: apr_file_t has a position and a pool of its own, and no positional calls. */
#include "portability/file.h"

#include "portability/posix/fault.h"
#include "portability/posix/file_private.h"
#include "portability/posix/power.h"
#include "portability/posix/system.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static_assert(sizeof(off_t) == 8, "files beyond 2 GiB need a 64-bit off_t");

static int open_flags(int flags) {
    int system = O_CLOEXEC | ((flags & IO_WRITE) == 0 ? O_RDONLY : (flags & IO_READ) == 0 ? O_WRONLY : O_RDWR);
    if (flags & IO_CREATE) system |= O_CREAT;
    if (flags & IO_EXCLUSIVE) system |= O_EXCL;
    if (flags & IO_TRUNCATE) system |= O_TRUNC;
    return system;
}

apr_status_t file_open(file_t **out, const char *path, int flags) {
    if ((flags & (IO_READ | IO_WRITE)) == 0) return APR_EINVAL;
    if (fault_path(FAULT_OPEN, path, NULL)) return system_error();
    int fd;
    do {
        fd = open(path, open_flags(flags), 0666);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return system_error();
    file_t *f = system_alloc(sizeof *f);
    f->fd = fd;
    power_note_open(path, fd);
    *out = f;
    return APR_SUCCESS;
}

apr_status_t file_close(file_t *f) {
    if (f == NULL) return APR_SUCCESS;
    power_note_close(f->fd);
    int result = close(f->fd);
    apr_status_t status = result == 0 || errno == EINTR ? APR_SUCCESS : system_error(); /* it is closed after EINTR too */
    free(f);
    return status;
}

apr_status_t file_read_at(file_t *f, void *to, size_t size, int64_t offset, size_t *got) {
    *got = 0;
    if (fault_descriptor(FAULT_READ, f->fd, NULL)) return system_error();
    while (*got < size) {
        ssize_t n = pread(f->fd, (char *)to + *got, size - *got, offset + (int64_t)*got);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error();
        *got += (size_t)n;
    }
    return APR_SUCCESS;
}

apr_status_t file_read_cached(file_t *f, void *to, size_t size, int64_t offset, size_t *got) {
    *got = 0;
    if (fault_descriptor(FAULT_READ, f->fd, NULL)) return system_error();
    while (*got < size) {
        struct iovec part = {(char *)to + *got, size - *got};
        ssize_t n = preadv2(f->fd, &part, 1, offset + (int64_t)*got, RWF_NOWAIT);
        if (n == 0) break;
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN || errno == EOPNOTSUPP || errno == ENOSYS ? APR_SUCCESS : system_error();
        *got += (size_t)n;
    }
    return APR_SUCCESS;
}

static apr_status_t write_all(int fd, const char *from, size_t size, int64_t offset) {
    while (size > 0) {
        ssize_t n = pwrite(fd, from, size, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error();
        if (n == 0) return APR_FROM_OS_ERROR(EIO); /* never happens with files; must not spin */
        from += n;
        size -= (size_t)n;
        offset += n;
    }
    return APR_SUCCESS;
}

static apr_status_t writev_all(int fd, const io_slice_t *slices, size_t count, int64_t offset) {
    while (count > 0) {
        if (slices->size == 0) {
            slices++, count--;
            continue;
        }
        ssize_t n = pwritev(fd, (const struct iovec *)(const void *)slices, count < IOV_MAX ? (int)count : IOV_MAX, offset);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error();
        if (n == 0) return APR_FROM_OS_ERROR(EIO);
        offset += n;
        size_t done = (size_t)n;
        for (; count > 0 && done >= slices->size; slices++, count--) done -= slices->size;
        if (count == 0 || done == 0) continue;
        apr_status_t status = write_all(fd, (const char *)slices->data + done, slices->size - done, offset);
        if (status != APR_SUCCESS) return status;
        offset += (int64_t)(slices->size - done);
        slices++, count--;
    }
    return APR_SUCCESS;
}

static size_t total_size(const io_slice_t *slices, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) size += slices[i].size;
    return size;
}

/* For a write that is to fail in its middle. */
static apr_status_t write_half(int fd, const io_slice_t *slices, size_t count, int64_t offset) {
    size_t left = total_size(slices, count) / 2;
    power_note_write(fd, slices, count, offset, left);
    apr_status_t status = APR_SUCCESS;
    for (size_t i = 0; i < count && left > 0 && status == APR_SUCCESS; i++) {
        size_t part = slices[i].size < left ? slices[i].size : left;
        status = write_all(fd, slices[i].data, part, offset);
        left -= part;
        offset += (int64_t)part;
    }
    return status;
}

apr_status_t file_writev_at(file_t *f, const io_slice_t *slices, size_t count, int64_t offset) {
    bool is_short = false;
    if (fault_descriptor(FAULT_WRITE, f->fd, &is_short)) {
        apr_status_t status = system_error();
        apr_status_t half = is_short ? write_half(f->fd, slices, count, offset) : APR_SUCCESS;
        return half != APR_SUCCESS ? half : status;
    }
    power_note_write(f->fd, slices, count, offset, total_size(slices, count));
    return writev_all(f->fd, slices, count, offset);
}

apr_status_t file_write_at(file_t *f, const void *from, size_t size, int64_t offset) {
    io_slice_t slice = {from, size};
    return file_writev_at(f, &slice, 1, offset);
}

static apr_status_t extend(int fd, int64_t end) {
    struct stat info;
    if (fstat(fd, &info) != 0) return system_error();
    if (info.st_size >= end) return APR_SUCCESS;
    return ftruncate(fd, end) == 0 ? APR_SUCCESS : system_error();
}

apr_status_t file_preallocate(file_t *f, int64_t offset, int64_t size) {
    if (fault_descriptor(FAULT_PREALLOCATE, f->fd, NULL)) return system_error();
    power_note_size(f->fd, offset + size, true);
    int result;
    do {
        result = fallocate(f->fd, 0, offset, size); /* not posix_fallocate: it writes every block where this is not supported */
    } while (result != 0 && errno == EINTR);
    if (result == 0) return APR_SUCCESS;
    return errno == EOPNOTSUPP || errno == ENOSYS ? extend(f->fd, offset + size) : system_error();
}

apr_status_t file_data_sync(file_t *f) {
    if (fault_descriptor(FAULT_SYNC, f->fd, NULL)) return system_error();
    size_t begun = power_sync_begins(f->fd);
    int result;
    do {
        result = fdatasync(f->fd);
    } while (result != 0 && errno == EINTR);
    if (result != 0) return system_error();
    power_note_sync(f->fd, begun);
    return APR_SUCCESS;
}

apr_status_t file_truncate(file_t *f, int64_t size) {
    if (fault_descriptor(FAULT_TRUNCATE, f->fd, NULL)) return system_error();
    power_note_size(f->fd, size, false);
    int result;
    do {
        result = ftruncate(f->fd, size);
    } while (result != 0 && errno == EINTR);
    return result == 0 ? APR_SUCCESS : system_error();
}

apr_status_t file_size(file_t *f, int64_t *size) {
    struct stat info;
    if (fstat(f->fd, &info) != 0) return system_error();
    *size = info.st_size;
    return APR_SUCCESS;
}

apr_status_t file_lock(file_t *f) {
    int result;
    do {
        result = flock(f->fd, LOCK_EX | LOCK_NB); /* belongs to the handle, unlike fcntl's, which belongs to the process */
    } while (result != 0 && errno == EINTR);
    return result == 0 ? APR_SUCCESS : system_error();
}
