/* The descriptor behind a file_t, for file.c and mapping.c. */
#ifndef QMQ_PORTABILITY_POSIX_FILE_PRIVATE_H
#define QMQ_PORTABILITY_POSIX_FILE_PRIVATE_H

#include "portability/file.h"

#include <assert.h>
#include <sys/uio.h>

struct file {
    int fd;
};

/* An array of slices is an array of iovec here, so vectored calls take it as it is. */
static_assert(sizeof(io_slice_t) == sizeof(struct iovec) && offsetof(io_slice_t, data) == offsetof(struct iovec, iov_base) &&
                  offsetof(io_slice_t, size) == offsetof(struct iovec, iov_len),
              "io_slice_t and iovec differ");

#endif
