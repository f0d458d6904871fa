/* Open files. The handles are asynchronous ones, because calls on a synchronous one wait for each other: an append would wait for a
 * cold read. Each call waits for its own end by an event of its thread. */
#include "portability/file.h"

#include "portability/windows/file_private.h"

#include <stdlib.h>
#include <string.h>
#include <winioctl.h>

#define LARGEST_TRANSFER ((size_t)256 << 20)
#define LOCKED_BYTE_HIGH 0x7fffffff /* locks here are mandatory: one byte beyond every file's end keeps nobody from reading */

/* One operation. */
typedef struct transfer {
    OVERLAPPED place;
    DWORD done;
} transfer_t;

static void begin(transfer_t *t, int64_t offset) {
    memset(t, 0, sizeof *t);
    t->place.Offset = (DWORD)((uint64_t)offset & 0xffffffffU);
    t->place.OffsetHigh = (DWORD)((uint64_t)offset >> 32);
    t->place.hEvent = thread_event();
}

/* 0, or the system's error; `accepted` is what the starting call returned. */
static DWORD finish(file_t *f, transfer_t *t, BOOL accepted) {
    DWORD error = accepted ? 0 : GetLastError();
    if (error != 0 && error != ERROR_IO_PENDING) return error;
    return GetOverlappedResult(f->handle, &t->place, &t->done, TRUE) ? 0 : GetLastError();
}

static DWORD disposition(int flags) {
    bool create = (flags & IO_CREATE) != 0, truncate = (flags & IO_TRUNCATE) != 0;
    if (create && (flags & IO_EXCLUSIVE)) return CREATE_NEW;
    if (create) return OPEN_ALWAYS; /* truncated below: CREATE_ALWAYS fails where the file is hidden */
    return truncate ? TRUNCATE_EXISTING : OPEN_EXISTING;
}

/* Sets the flag before the first gap; file systems without it fill gaps with zeros. */
static void make_sparse(file_t *f) {
    transfer_t t;
    begin(&t, 0);
    (void)finish(f, &t, DeviceIoControl(f->handle, FSCTL_SET_SPARSE, NULL, 0, NULL, 0, NULL, &t.place));
}

apr_status_t file_open_shared(file_t **out, const char *path, int flags, DWORD share) {
    if ((flags & (IO_READ | IO_WRITE)) == 0) return APR_EINVAL;
    DWORD access = ((flags & IO_READ) ? GENERIC_READ : 0) | ((flags & IO_WRITE) ? GENERIC_WRITE : 0);
    wchar_t *wide = wide_path(path);
    if (wide == NULL) return system_error();
    HANDLE handle = CreateFileW(wide, access, share, NULL, disposition(flags), FILE_ATTRIBUTE_NORMAL | FILE_FLAG_OVERLAPPED, NULL);
    apr_status_t status = handle == INVALID_HANDLE_VALUE ? system_error() : APR_SUCCESS;
    bool existed = status == APR_SUCCESS && GetLastError() == ERROR_ALREADY_EXISTS;
    free(wide);
    if (status != APR_SUCCESS) return status;
    file_t *f = system_alloc(sizeof *f);
    f->handle = handle;
    if ((flags & IO_WRITE) && (flags & IO_SPARSE)) make_sparse(f);
    if (existed && (flags & IO_TRUNCATE)) status = file_truncate(f, 0);
    if (status == APR_SUCCESS) {
        *out = f;
        return APR_SUCCESS;
    }
    apr_status_t closed = file_close(f);
    return closed == APR_SUCCESS ? status : closed;
}

apr_status_t file_open(file_t **out, const char *path, int flags) {
    return file_open_shared(out, path, flags, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE);
}

apr_status_t file_close(file_t *f) {
    if (f == NULL) return APR_SUCCESS;
    apr_status_t status = CloseHandle(f->handle) ? APR_SUCCESS : system_error();
    free(f);
    return status;
}

apr_status_t file_read_at(file_t *f, void *to, size_t size, int64_t offset, size_t *got) {
    *got = 0;
    while (*got < size) {
        size_t left = size - *got;
        transfer_t t;
        begin(&t, offset + (int64_t)*got);
        DWORD part = (DWORD)(left < LARGEST_TRANSFER ? left : LARGEST_TRANSFER);
        DWORD error = finish(f, &t, ReadFile(f->handle, (char *)to + *got, part, NULL, &t.place));
        if (error == ERROR_HANDLE_EOF || (error == 0 && t.done == 0)) return APR_SUCCESS;
        if (error != 0) return windows_status(error);
        *got += t.done;
    }
    return APR_SUCCESS;
}

/* The system does not tell what is in memory. */
apr_status_t file_read_cached(file_t *f, void *to, size_t size, int64_t offset, size_t *got) {
    (void)f, (void)to, (void)size, (void)offset;
    *got = 0;
    return APR_SUCCESS;
}

apr_status_t file_write_at(file_t *f, const void *from, size_t size, int64_t offset) {
    const char *next = from;
    while (size > 0) {
        transfer_t t;
        begin(&t, offset);
        DWORD part = (DWORD)(size < LARGEST_TRANSFER ? size : LARGEST_TRANSFER);
        DWORD error = finish(f, &t, WriteFile(f->handle, next, part, NULL, &t.place));
        if (error != 0) return windows_status(error);
        if (t.done == 0) return APR_FROM_OS_ERROR(ERROR_WRITE_FAULT); /* never happens with files; must not spin */
        next += t.done;
        size -= t.done;
        offset += t.done;
    }
    return APR_SUCCESS;
}

/* The system writes vectors only in whole pages past its cache: small slices are gathered in the thread's block, large ones go as
 * they are. */
apr_status_t file_writev_at(file_t *f, const io_slice_t *slices, size_t count, int64_t offset) {
    if (count == 1) return file_write_at(f, slices->data, slices->size, offset);
    unsigned char *block = thread_block();
    size_t used = 0;
    for (size_t i = 0; i <= count; i++) {
        size_t size = i < count ? slices[i].size : 0;
        if (used > 0 && (i == count || used + size > THREAD_BLOCK_SIZE)) {
            apr_status_t status = file_write_at(f, block, used, offset);
            if (status != APR_SUCCESS) return status;
            offset += (int64_t)used;
            used = 0;
        }
        if (size >= THREAD_BLOCK_SIZE / 2 && used == 0) {
            apr_status_t status = file_write_at(f, slices[i].data, size, offset);
            if (status != APR_SUCCESS) return status;
            offset += (int64_t)size;
        } else if (size > 0) {
            memcpy(block + used, slices[i].data, size);
            used += size;
        }
    }
    return APR_SUCCESS;
}

apr_status_t file_truncate(file_t *f, int64_t size) {
    FILE_END_OF_FILE_INFO end = {.EndOfFile.QuadPart = size};
    return SetFileInformationByHandle(f->handle, FileEndOfFileInfo, &end, sizeof end) ? APR_SUCCESS : system_error();
}

/* Extending a file reserves its clusters, unless it is sparse: nothing reserves those. */
apr_status_t file_preallocate(file_t *f, int64_t offset, int64_t size) {
    int64_t now = 0;
    apr_status_t status = file_size(f, &now);
    if (status != APR_SUCCESS || now >= offset + size) return status;
    return file_truncate(f, offset + size);
}

apr_status_t file_data_sync(file_t *f) {
    return FlushFileBuffers(f->handle) ? APR_SUCCESS : system_error();
}

apr_status_t file_size(file_t *f, int64_t *size) {
    LARGE_INTEGER found;
    if (!GetFileSizeEx(f->handle, &found)) return system_error();
    *size = found.QuadPart;
    return APR_SUCCESS;
}

apr_status_t file_lock(file_t *f) {
    transfer_t t;
    begin(&t, (int64_t)LOCKED_BYTE_HIGH << 32);
    DWORD error = finish(f, &t, LockFileEx(f->handle, LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &t.place));
    return error == 0 ? APR_SUCCESS : windows_status(error);
}
