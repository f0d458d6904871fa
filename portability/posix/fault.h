/* Makes chosen file operations fail, for tests of what happens then. Release builds have nothing of it. */
#ifndef QMQ_PORTABILITY_POSIX_FAULT_H
#define QMQ_PORTABILITY_POSIX_FAULT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum fault_operation {
    FAULT_OPEN,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_PREALLOCATE,
    FAULT_TRUNCATE,
    FAULT_RENAME,
    FAULT_REMOVE,
    FAULT_MAP
} fault_operation_t;

#ifdef QMQ_TEST_HOOKS
/* Counts an operation on the file at path; true when it must fail, errno is set. *is_short (may be NULL): after half the bytes. */
bool fault_path(fault_operation_t operation, const char *path, bool *is_short);
/* The same for an open descriptor. */
bool fault_descriptor(fault_operation_t operation, int fd, bool *is_short);
#else
static inline bool fault_path(fault_operation_t operation, const char *path, bool *is_short) {
    (void)operation, (void)path, (void)is_short;
    return false;
}
static inline bool fault_descriptor(fault_operation_t operation, int fd, bool *is_short) {
    (void)operation, (void)fd, (void)is_short;
    return false;
}
#endif

#endif
