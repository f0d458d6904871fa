#include "base/log_rotate.h"

#include "base/memory.h"
#include "portability/clock.h"
#include "portability/file.h"

#include <apr_time.h>
#include <stdlib.h>

#define COPY_BLOCK 65536
#define HOUR_MS (3600 * 1000LL)

static apr_status_t copy_bytes(file_t *from, file_t *to) {
    char *block = memory_alloc(COPY_BLOCK);
    apr_status_t status = APR_SUCCESS;
    size_t got = COPY_BLOCK;
    for (int64_t offset = 0; status == APR_SUCCESS && got == COPY_BLOCK; offset += (int64_t)got) {
        status = file_read_at(from, block, COPY_BLOCK, offset, &got);
        if (status == APR_SUCCESS) status = file_write_at(to, block, got, offset);
    }
    memory_free(block);
    return status;
}

/* The name stays with whoever holds it. */
static apr_status_t copy_and_empty(const char *from, const char *to) {
    file_t *in = NULL, *out = NULL;
    apr_status_t status = file_open(&in, from, IO_READ | IO_WRITE);
    if (status != APR_SUCCESS) return status;
    status = file_open(&out, to, IO_WRITE | IO_CREATE | IO_TRUNCATE);
    if (status == APR_SUCCESS) {
        status = copy_bytes(in, out);
        apr_status_t closed = file_close(out);
        if (status == APR_SUCCESS) status = closed;
    }
    if (status == APR_SUCCESS) status = file_truncate(in, 0);
    apr_status_t closed = file_close(in);
    return status == APR_SUCCESS ? closed : status;
}

apr_status_t log_shift(const char *path, int keep) {
    if (keep == 0) return path_remove(path);
    apr_status_t status = APR_SUCCESS;
    for (int i = keep; i >= 1 && status == APR_SUCCESS; i--) {
        char *to = memory_printf("%s.%d", path, i);
        char *from = i == 1 ? memory_strdup(path) : memory_printf("%s.%d", path, i - 1);
        path_info_t info;
        status = path_inspect(from, &info);
        if (status == APR_SUCCESS && info.kind == PATH_FILE) {
            status = path_rename(from, to);
            if (APR_STATUS_IS_EACCES(status)) status = copy_and_empty(from, to);
        }
        memory_free(from);
        memory_free(to);
    }
    return status;
}

int64_t log_period_end(int64_t begun_ms, int hours) {
    if (hours <= 0) return INT64_MAX;
    apr_time_exp_t t;
    int64_t offset_ms = apr_time_exp_lt(&t, begun_ms * 1000) == APR_SUCCESS ? t.tm_gmtoff * 1000LL : 0;
    int64_t period_ms = hours * HOUR_MS;
    return ((begun_ms + offset_ms) / period_ms + 1) * period_ms - offset_ms;
}

int64_t log_begun(const char *path) {
    path_info_t info;
    bool has_content = path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_FILE && info.size > 0;
    return has_content ? info.modified_ms : clock_wall_ms();
}
