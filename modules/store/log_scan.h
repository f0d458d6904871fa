/* Reading a segment from front to back in big pieces, as recovery does. A page that the disk cannot read counts as zeros and is reported.
 */
#ifndef QMQ_STORE_LOG_SCAN_H
#define QMQ_STORE_LOG_SCAN_H

#include "store/segmented_log.h"

typedef struct log_scan {
    const log_t *log;
    segment_t *segment;
    int64_t limit; /* bytes that can be asked for */
    uint8_t *buffer;
    size_t capacity;
    int64_t window; /* position of the first byte in the buffer */
    size_t have;
    apr_status_t failure; /* first error of the disk */
} log_scan_t;

void log_scan_init(log_scan_t *s, const log_t *log);
void log_scan_free(log_scan_t *s);
/* Turns to a segment, of which bytes below upto (and below the file's size) can be read. */
apr_status_t log_scan_open(log_scan_t *s, segment_t *segment, int64_t upto);

const uint8_t *log_scan_load(log_scan_t *s, int64_t position, size_t size);
/* size bytes at position, valid until the next call; NULL when they are not all there. */
static inline const uint8_t *log_scan_need(log_scan_t *s, int64_t position, size_t size) {
    if (position < s->window || position + (int64_t)size > s->window + (int64_t)s->have) return log_scan_load(s, position, size);
    return s->buffer + (position - s->window);
}
/* As many of size bytes as are there. */
static inline const uint8_t *log_scan_some(log_scan_t *s, int64_t position, size_t *size) {
    int64_t left = s->limit - position;
    if (left < (int64_t)*size) *size = left < 0 ? 0 : (size_t)left;
    return log_scan_need(s, position, *size);
}
/* CRC-32 of [position, position + size); false when they are not all there. */
bool log_scan_crc(log_scan_t *s, int64_t position, int64_t size, uint32_t *crc);
/* Position of the next byte of this value at or after position; -1: none. */
int64_t log_scan_find(log_scan_t *s, int64_t position, uint8_t value);
/* Position behind the last byte that is not zero (80 MiB of zeros count as the end), at least `from`. */
int64_t log_scan_last_data(log_scan_t *s, int64_t from);

#endif
