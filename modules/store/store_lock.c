/* One process a store: an exclusive lock on <root>/.lock, which holds the owner's process id for messages. */
#include "base/memory.h"
#include "base/status.h"
#include "portability/host.h"
#include "store/store_internal.h"

#include <stdio.h>

#define PID_SIZE 24

static qmq_error_t *held_error(const char *root, const char *path) {
    char *text = NULL;
    size_t size = 0;
    qmq_error_t *e = NULL;
    if (file_read_all(path, PID_SIZE, &text, &size) == APR_SUCCESS && size > 1) {
        while (size > 0 && text[size - 1] == '\n') size--;
        e = error_create(QMQ_E_LOCKED, "Stop that process, or give this server a store of its own",
                         "the store %s is in use by process %.*s", root, (int)size, text);
    } else {
        e = error_create(QMQ_E_LOCKED, "Stop that process, or give this server a store of its own",
                         "the store %s is in use by another process", root);
    }
    memory_free(text);
    return e;
}

static apr_status_t write_pid(file_t *f) {
    char pid[PID_SIZE];
    int size = snprintf(pid, sizeof pid, "%lld\n", (long long)process_id());
    apr_status_t status = file_truncate(f, 0);
    if (status == APR_SUCCESS) status = file_write_at(f, pid, (size_t)size, 0);
    return APR_STATUS_IS_ENOSPC(status) ? APR_SUCCESS : status; /* it only serves messages */
}

apr_status_t store_lock(const char *root, file_t **lock, qmq_error_t **error) {
    char *path = memory_printf("%s/.lock", root);
    apr_status_t status = file_open(lock, path, IO_READ | IO_WRITE | IO_CREATE);
    bool opened = status == APR_SUCCESS;
    if (opened) status = file_lock(*lock);
    if (opened && APR_STATUS_IS_EAGAIN(status)) {
        *error = held_error(root, path);
        status = QMQ_E_LOCKED;
    } else {
        if (status == APR_SUCCESS) status = write_pid(*lock);
        char text[160];
        if (status != APR_SUCCESS) {
            *error = error_create(status, "Give this user the right to write to the directory", "cannot lock the store with %s: %s", path,
                                  status_text(status, text, sizeof text));
        }
    }
    memory_free(path);
    return status;
}
