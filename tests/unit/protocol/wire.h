/* What the suites of this program share: frames from hex, comparing encoded bodies, walking run-on answers. */
#ifndef QMQ_TESTS_UNIT_PROTOCOL_WIRE_H
#define QMQ_TESTS_UNIT_PROTOCOL_WIRE_H

#include "base/writer.h"
#include "net/frame.h"
#include "protocol/message.h"

/* The worked example of that name, taken apart. Valid until the next call. */
frame_t wire_example(const char *name);
/* True when head (from the frame's own fields) and body make exactly the example's bytes; frees the writer. */
bool wire_is_example(const char *name, const frame_t *f, writer_t *body);
/* True when the writer holds exactly these bytes; frees the writer. */
bool wire_holds(writer_t *w, view_t bytes);
/* The message of example 21.1, taken apart. Valid until the next wire_example. */
message_t wire_tagged_message(void);
/* The content of a parsed message, for encoding it again; frees nothing. At most WIRE_MAX_PARTS tags and attributes. */
#define WIRE_MAX_PARTS 64
typedef struct wire_content {
    message_content_t content;
    view_t tags[WIRE_MAX_PARTS];
    view_t attributes[2 * WIRE_MAX_PARTS];
} wire_content_t;
bool wire_content_of(const message_t *m, wire_content_t *to);
#define VIEW(text) view_make(text, sizeof text - 1)

#endif
