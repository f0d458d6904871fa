/* Files, directories and disk space. Positional I/O only: a handle has no position, so threads may share it. Paths are UTF-8.
 * Calls block; event loops call only those marked "cheap". Interrupted and short system calls are continued inside. */
#ifndef QMQ_PORTABILITY_FILE_H
#define QMQ_PORTABILITY_FILE_H

#include <apr_errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct file file_t;

/* Bytes to be written; the layout is ours, each system translates in blocks. */
typedef struct io_slice {
    const void *data;
    size_t size;
} io_slice_t;

enum file_flag {
    IO_READ = 1,
    IO_WRITE = 2,
    IO_CREATE = 4,    /* create when missing */
    IO_EXCLUSIVE = 8, /* with IO_CREATE: fail with APR_EEXIST when present */
    IO_TRUNCATE = 16,
    IO_SPARSE = 32 /* holes will be written into it: systems that need a flag set it before the first gap */
};

/* Opens path; the handle is closed on exec. *out is owned by the caller. Errors: those of the system as apr_status_t
 * (APR_ENOENT, APR_EACCES, APR_ENOSPC, APR_EMFILE, ...). */
apr_status_t file_open(file_t **out, const char *path, int flags);
/* Closes and frees; NULL is allowed. */
apr_status_t file_close(file_t *f);

/* Reads up to size bytes at offset; *got < size only at the end of the file. Cheap only when the bytes are cached. */
apr_status_t file_read_at(file_t *f, void *to, size_t size, int64_t offset, size_t *got);
/* The same without ever waiting for the disk: *got tells what was in memory from offset on, 0 where the system cannot tell. For event
 * loops. */
apr_status_t file_read_cached(file_t *f, void *to, size_t size, int64_t offset, size_t *got);
/* Writes all bytes or fails; after a failure any part may have been written. */
apr_status_t file_write_at(file_t *f, const void *from, size_t size, int64_t offset);
/* The same for count slices (no limit on count), in one system call where the system allows it. */
apr_status_t file_writev_at(file_t *f, const io_slice_t *slices, size_t count, int64_t offset);

/* Reserves disk blocks for [offset, offset + size) and extends the file to cover them; the bytes read as zero.
 * APR_ENOSPC when the disk is full. Where the system cannot reserve, it extends the file. */
apr_status_t file_preallocate(file_t *f, int64_t offset, int64_t size);
/* Makes written bytes (and the size) durable. A failure means: what was written since the last success may be lost for good. */
apr_status_t file_data_sync(file_t *f);
apr_status_t file_truncate(file_t *f, int64_t size);
apr_status_t file_size(file_t *f, int64_t *size);

/* Takes an exclusive lock on the whole file without waiting; held until the file is closed or the process dies. APR_EAGAIN
 * when another process or another handle of this process holds it. */
apr_status_t file_lock(file_t *f);

/* Reads a whole small file into malloc'ed memory with a terminating zero (not counted). The caller frees *out.
 * Fails with APR_ENOSPC-like QMQ_E_TOO_LONG from base/status.h when it is longer than limit. */
apr_status_t file_read_all(const char *path, size_t limit, char **out, size_t *size);
/* Replaces path by the given content: temporary name beside it (leading dot), data sync, rename, directory sync. */
apr_status_t file_replace(const char *path, const void *data, size_t size);

typedef enum path_kind { PATH_MISSING, PATH_FILE, PATH_DIRECTORY, PATH_OTHER } path_kind_t;

typedef struct path_info {
    path_kind_t kind;
    int64_t size;        /* apparent size in bytes */
    int64_t modified_ms; /* wall clock */
} path_info_t;

/* A missing path is APR_SUCCESS with kind PATH_MISSING. */
apr_status_t path_inspect(const char *path, path_info_t *info);
apr_status_t path_rename(const char *from, const char *to); /* replaces an existing file */
apr_status_t path_remove(const char *path);                 /* a file or an empty directory */

/* Creates the directory and its missing parents; an existing directory is success. */
apr_status_t directory_create(const char *path);
/* Makes creations, renames and removals in the directory durable. */
apr_status_t directory_sync(const char *path);
/* Makes everything that was written to the file system that holds the directory durable. APR_ENOTIMPL where a system cannot do that; then
 * each file is synced for itself. */
apr_status_t file_system_sync(const char *directory);
/* Calls visit for every entry but "." and ".." in no particular order; visit may return a status to stop with. */
apr_status_t directory_list(const char *path, apr_status_t (*visit)(void *arg, const char *name), void *arg);

/* Bytes an unprivileged writer may still use and bytes in all, of the file system that holds path. */
apr_status_t disk_space(const char *path, int64_t *available, int64_t *total);

/* Absolute form of path (relative to base, or to the working directory when base is NULL); malloc'ed, caller frees. */
apr_status_t path_absolute(const char *path, const char *base, char **out);

#endif
