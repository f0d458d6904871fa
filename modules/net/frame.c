#include "net/frame.h"

#include "base/status.h"
#include "base/writer.h"

#define LENGTH_FIELD 4
#define CODE_AT 10 /* what the protocol checks lies before it */
#define LEAST_TOTAL (2 + FRAME_HEADER_LEN)

static apr_status_t refuse(apr_status_t status, const char **reason, const char *words) {
    *reason = words;
    return status;
}

/* Checks what has arrived of length, header length and magic; a stranger is recognised before 24 bytes are there. */
static apr_status_t check_start(const uint8_t *data, size_t size, size_t max_frame, size_t *total, const char **reason) {
    cursor_t c = cursor_make(data, size);
    int32_t length = cursor_i32(&c);
    if (c.failed) return QMQ_E_PENDING;
    int16_t header_len = cursor_i16(&c);
    bool has_header_len = !c.failed;
    uint32_t magic = cursor_u32(&c);
    bool has_magic = !c.failed;
    if (has_magic && magic != FRAME_MAGIC) return refuse(QMQ_E_MALFORMED, reason, "wrong magic");
    if (length < LEAST_TOTAL) return refuse(QMQ_E_MALFORMED, reason, "frame length below 20");
    if ((size_t)length > max_frame) return refuse(QMQ_E_TOO_LONG, reason, "frame longer than the limit");
    if (has_header_len && header_len < FRAME_HEADER_LEN) return refuse(QMQ_E_MALFORMED, reason, "header length below 18");
    if (has_header_len && header_len + 2 > length) return refuse(QMQ_E_MALFORMED, reason, "header longer than the frame");
    if (!has_magic) return QMQ_E_PENDING;
    *total = (size_t)length;
    return APR_SUCCESS;
}

apr_status_t frame_parse(const uint8_t *data, size_t size, size_t max_frame, frame_t *frame, size_t *needed, const char **reason) {
    size_t total = 0;
    *needed = FRAME_HEAD;
    apr_status_t status = check_start(data, size, max_frame, &total, reason);
    if (status != APR_SUCCESS) return status;
    *needed = LENGTH_FIELD + total;
    if (size < *needed) return QMQ_E_PENDING;

    cursor_t c = cursor_make(data + LENGTH_FIELD, total);
    size_t header_len = (size_t)cursor_u16(&c);
    cursor_skip(&c, CODE_AT - LENGTH_FIELD - 2);
    frame->code = cursor_i16(&c);
    frame->version = cursor_i16(&c);
    frame->opaque = cursor_i32(&c);
    frame->flag = cursor_i32(&c);
    frame->request_code = cursor_i16(&c);
    cursor_skip(&c, header_len - FRAME_HEADER_LEN);
    frame->body = cursor_rest(&c);
    frame->size = *needed;
    return APR_SUCCESS;
}

void frame_write_head(uint8_t to[FRAME_HEAD], int16_t code, int16_t version, int32_t opaque, int32_t flag, int16_t request_code,
                      size_t body_size) {
    put_u32(to, (uint32_t)(LEAST_TOTAL + body_size));
    put_u16(to + 4, FRAME_HEADER_LEN);
    put_u32(to + 6, FRAME_MAGIC);
    put_u16(to + CODE_AT, (uint16_t)code);
    put_u16(to + 12, (uint16_t)version);
    put_u32(to + 14, (uint32_t)opaque);
    put_u32(to + 18, (uint32_t)flag);
    put_u16(to + 22, (uint16_t)request_code);
}
