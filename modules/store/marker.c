#include "store/marker.h"

#include "base/crc32.h"
#include "base/cursor.h"
#include "base/id.h"
#include "base/memory.h"
#include "base/status.h"
#include "store/log_scan.h"
#include "store/text_file.h"

#include <stdio.h>

#define VERSION 1
#define HEAD "qmq-store "
#define CRC_LINE "crc "
#define PRINTED_BYTES 4096

void marker_put(const marker_t *m, char to[MARKER_SIZE]) {
    char text[MARKER_SIZE];
    memset(to, '\n', MARKER_SIZE);
    int n = snprintf(text, sizeof text, HEAD "%d\nstate %s\nmessages %lld %lld\nactions %lld %lld\nown %lld\n", VERSION,
                     m->clean ? "clean" : "dirty", (long long)m->messages.offset, (long long)m->messages.print,
                     (long long)m->actions.offset, (long long)m->actions.print, (long long)m->own_from);
    uint32_t crc = crc32_of(text, (size_t)n);
    n += snprintf(text + n, sizeof text - (size_t)n, CRC_LINE "%lu\n", (unsigned long)crc);
    memcpy(to, text, (size_t)n);
}

/* "<key> <number> <number>...", exactly so many numbers. */
static bool read_numbers(view_t *rest, const char *key, size_t count, int64_t *numbers) {
    view_t line;
    bool ended = false;
    size_t size = strlen(key);
    if (!text_next_line(rest, &line, &ended) || !view_starts(line, view_of(key))) return false;
    const char *at = line.data + size, *end = line.data + line.size;
    for (size_t i = 0; i < count; i++) {
        if (at == end || *at++ != ' ') return false;
        const char *from = at;
        while (at < end && *at != ' ') at++;
        if (!id_parse_i64(view_make(from, (size_t)(at - from)), &numbers[i]) || numbers[i] < 0) return false;
    }
    return at == end;
}

static bool read_point(view_t *rest, const char *key, marker_point_t *to) {
    int64_t numbers[2];
    if (!read_numbers(rest, key, 2, numbers) || numbers[1] > UINT32_MAX) return false;
    *to = (marker_point_t){numbers[0], (uint32_t)numbers[1]};
    return true;
}

static bool read_body(view_t *rest, marker_t *m) {
    view_t line;
    bool ended = false;
    if (!text_next_line(rest, &line, &ended)) return false;
    m->clean = view_equal(line, view_of("state clean"));
    if (!m->clean && !view_equal(line, view_of("state dirty"))) return false;
    return read_point(rest, "messages", &m->messages) && read_point(rest, "actions", &m->actions) &&
           read_numbers(rest, "own", 1, &m->own_from);
}

apr_status_t marker_parse(view_t text, marker_t *m, int64_t *version) {
    view_t rest = text;
    int64_t crc = 0;
    *version = 0;
    memset(m, 0, sizeof *m);
    if (!read_numbers(&rest, "qmq-store", 1, version)) return QMQ_E_MALFORMED;
    if (*version > VERSION) return QMQ_E_INVALID;
    if (!read_body(&rest, m)) return QMQ_E_MALFORMED;
    size_t covered = text.size - rest.size;
    if (!read_numbers(&rest, "crc", 1, &crc)) return QMQ_E_MALFORMED;
    return crc == (int64_t)crc32_of(text.data, covered) ? APR_SUCCESS : QMQ_E_MALFORMED;
}

static char *path_in(const char *root) {
    return memory_printf("%s/%s", root, MARKER_NAME);
}

apr_status_t marker_load(const char *root, marker_t *m, int64_t *version) {
    char *path = path_in(root), *text = NULL;
    size_t size = 0;
    apr_status_t status = file_read_all(path, MARKER_SIZE, &text, &size);
    if (status == APR_SUCCESS) status = marker_parse(view_make(text, size), m, version);
    memory_free(text);
    memory_free(path);
    return status;
}

bool marker_exists(const char *root) {
    char *path = path_in(root);
    path_info_t info;
    bool exists = path_inspect(path, &info) == APR_SUCCESS && info.kind == PATH_FILE;
    memory_free(path);
    return exists;
}

apr_status_t marker_open(file_t **out, const char *root) {
    char *path = path_in(root);
    apr_status_t status = file_open(out, path, IO_READ | IO_WRITE | IO_CREATE);
    memory_free(path);
    return status;
}

apr_status_t marker_write(file_t *f, const marker_t *m, bool sync) {
    char text[MARKER_SIZE];
    marker_put(m, text);
    apr_status_t status = file_write_at(f, text, sizeof text, 0);
    return status == APR_SUCCESS && sync ? file_data_sync(f) : status;
}

apr_status_t marker_point_take(segmented_log_t *l, int64_t offset, marker_point_t *to) {
    *to = (marker_point_t){offset, 0};
    if (offset == 0) return APR_SUCCESS;
    segment_t *s = segmented_log_locate(l, offset - 1);
    if (s == NULL) return APR_ENOENT;
    uint8_t bytes[PRINTED_BYTES];
    int64_t position = offset - s->base;
    size_t size = position < PRINTED_BYTES ? (size_t)position : PRINTED_BYTES, got = 0;
    apr_status_t status = file_read_at(s->file, bytes, size, position - (int64_t)size, &got);
    segment_release(s);
    if (status != APR_SUCCESS) return status;
    memset(bytes + got, 0, size - got);
    to->print = crc32_of(bytes, size);
    return APR_SUCCESS;
}

bool marker_point_fits(segmented_log_t *l, const marker_point_t *p) {
    marker_point_t now;
    return marker_point_take(l, p->offset, &now) == APR_SUCCESS && now.print == p->print;
}

static bool has_data_before(segmented_log_t *l, int64_t offset) {
    static const uint8_t zeros[PRINTED_BYTES];
    marker_point_t now;
    segment_t *s = segmented_log_locate(l, offset - 1);
    if (s == NULL || marker_point_take(l, offset, &now) != APR_SUCCESS) {
        segment_release(s);
        return false;
    }
    int64_t position = offset - s->base, size = 0;
    apr_status_t status = file_size(s->file, &size);
    segment_release(s);
    if (status != APR_SUCCESS || size < position) return false; /* cut, not damaged */
    return now.print != crc32_of(zeros, position < PRINTED_BYTES ? (size_t)position : PRINTED_BYTES);
}

static bool starts_or_ends(segmented_log_t *l, int64_t offset, uint32_t magic) {
    segment_t *s = segmented_log_locate(l, offset);
    if (s == NULL) return true;
    log_scan_t scan;
    log_scan_init(&scan, l->log);
    bool good = log_scan_open(&scan, s, l->segment_size) == APR_SUCCESS;
    int64_t position = offset - s->base;
    if (good && log_scan_last_data(&scan, position) > position) {
        const uint8_t *head = log_scan_need(&scan, position, sizeof(uint32_t));
        cursor_t c = cursor_make(head, head == NULL ? 0 : sizeof(uint32_t));
        good = cursor_u32(&c) == magic && !c.failed;
    }
    log_scan_free(&scan);
    segment_release(s);
    return good;
}

bool marker_point_is_boundary(segmented_log_t *l, const marker_point_t *p, uint32_t magic) {
    return p->offset > 0 && has_data_before(l, p->offset) && starts_or_ends(l, p->offset, magic);
}
