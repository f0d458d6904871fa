/* The remoting frame (wire-protocol.md 2): 4-byte length, 20-byte header, body. */
#ifndef QMQ_NET_FRAME_H
#define QMQ_NET_FRAME_H

#include "base/cursor.h"

#include <apr_errno.h>

#define FRAME_MAGIC 0xDEC10ADEu
#define FRAME_HEADER_LEN 18
#define FRAME_HEAD 24 /* bytes in front of the body, the length field included */
#define FRAME_FLAG_RESPONSE 1
#define FRAME_FLAG_ONEWAY 2

typedef struct frame {
    int16_t code;
    int16_t version;
    int32_t opaque;
    int32_t flag;
    int16_t request_code;
    view_t body;
    size_t size; /* bytes of the whole frame */
} frame_t;

/* Looks at the beginning of `size` bytes. APR_SUCCESS: *frame filled, body a view into data. QMQ_E_PENDING: more bytes are needed, *needed
 * (from the beginning of the frame) when known, else FRAME_HEAD. QMQ_E_MALFORMED: protocol error (2.6); QMQ_E_TOO_LONG: above max_frame;
 * *reason says what in words. */
apr_status_t frame_parse(const uint8_t *data, size_t size, size_t max_frame, frame_t *frame, size_t *needed, const char **reason);

/* Writes the 24 bytes in front of a body of body_size bytes. */
void frame_write_head(uint8_t to[FRAME_HEAD], int16_t code, int16_t version, int32_t opaque, int32_t flag, int16_t request_code,
                      size_t body_size);

#endif
