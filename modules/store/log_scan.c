#include "store/log_scan.h"

#include "base/crc32.h"
#include "base/memory.h"
#include "base/status.h"

#include <string.h>

#define WINDOW_SIZE (1024 * 1024)
#define PAGE_SIZE 4096
/* Behind so many zeros nothing is looked for: space is reserved 64 MiB ahead of a writer, but a file may be sparse for a gigabyte. */
#define ZEROS_BEHIND_DATA ((int64_t)80 * 1024 * 1024)

void log_scan_init(log_scan_t *s, const log_t *log) {
    memset(s, 0, sizeof *s);
    s->log = log;
    s->capacity = WINDOW_SIZE;
    s->buffer = memory_alloc(s->capacity);
}

void log_scan_free(log_scan_t *s) {
    segment_release(s->segment);
    memory_free(s->buffer);
    memset(s, 0, sizeof *s);
}

apr_status_t log_scan_open(log_scan_t *s, segment_t *segment, int64_t upto) {
    shared_retain(&segment->shared);
    segment_release(s->segment);
    s->segment = segment;
    s->window = 0;
    s->have = 0;
    s->failure = APR_SUCCESS;
    int64_t size = 0;
    apr_status_t status = file_size(segment->file, &size);
    s->limit = size < upto ? size : upto;
    return status;
}

/* The disk failed somewhere in this window: page by page, zeros for those that cannot be read. */
static void read_pages(log_scan_t *s, int64_t position, size_t size) {
    char text[160];
    for (size_t done = 0; done < size;) {
        size_t part = size - done < PAGE_SIZE ? size - done : PAGE_SIZE, got = 0;
        apr_status_t status = file_read_at(s->segment->file, s->buffer + done, part, position + (int64_t)done, &got);
        memset(s->buffer + done + got, 0, part - got);
        if (status != APR_SUCCESS) {
            if (s->failure == APR_SUCCESS) s->failure = status;
            log_error(s->log, "cannot read %zu bytes at %lld of %s: %s", part, (long long)position + (long long)done, s->segment->path,
                      status_text(status, text, sizeof text));
        }
        done += part;
    }
}

const uint8_t *log_scan_load(log_scan_t *s, int64_t position, size_t size) {
    if (position < 0 || size > (uint64_t)INT64_MAX - (uint64_t)position || position + (int64_t)size > s->limit) return NULL;
    if (size > s->capacity) {
        s->capacity = size;
        s->buffer = memory_realloc(s->buffer, s->capacity);
    }
    /* Who jumps reads a head here and there: big records are not read for the sake of the next one's head. */
    bool jumps = s->have > 0 && position > s->window + (int64_t)s->have;
    size_t most = !jumps ? s->capacity : size > PAGE_SIZE ? size : PAGE_SIZE;
    size_t wanted = s->limit - position < (int64_t)most ? (size_t)(s->limit - position) : most;
    size_t got = 0;
    apr_status_t status = file_read_at(s->segment->file, s->buffer, wanted, position, &got);
    if (status != APR_SUCCESS) {
        read_pages(s, position, wanted);
    } else {
        memset(s->buffer + got, 0, wanted - got);
    }
    s->window = position;
    s->have = wanted;
    return s->buffer;
}

bool log_scan_crc(log_scan_t *s, int64_t position, int64_t size, uint32_t *crc) {
    *crc = crc32_of(NULL, 0);
    if (size < 0 || position + size > s->limit) return false;
    while (size > 0) {
        size_t part = size < WINDOW_SIZE ? (size_t)size : WINDOW_SIZE;
        const uint8_t *bytes = log_scan_need(s, position, part);
        if (bytes == NULL) return false;
        *crc = crc32_update(*crc, bytes, part);
        position += (int64_t)part;
        size -= (int64_t)part;
    }
    return true;
}

int64_t log_scan_find(log_scan_t *s, int64_t position, uint8_t value) {
    for (;;) {
        size_t size = PAGE_SIZE;
        const uint8_t *bytes = log_scan_some(s, position, &size);
        if (bytes == NULL || size == 0) return -1;
        const uint8_t *hit = memchr(bytes, value, size);
        if (hit != NULL) return position + (hit - bytes);
        position += (int64_t)size;
    }
}

static bool is_zero(const uint8_t *bytes, size_t size) {
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

int64_t log_scan_last_data(log_scan_t *s, int64_t from) {
    int64_t last = from;
    for (int64_t position = from;;) {
        size_t size = PAGE_SIZE;
        const uint8_t *bytes = log_scan_some(s, position, &size);
        if (bytes == NULL || size == 0 || position - last > ZEROS_BEHIND_DATA) return last;
        size_t n = is_zero(bytes, size) ? 0 : size;
        while (n > 0 && bytes[n - 1] == 0) n--;
        if (n > 0) last = position + (int64_t)n;
        position += (int64_t)size;
    }
}
