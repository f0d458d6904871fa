/* A blocking connection that sends and receives frames as they are. */
#ifndef QMQ_TESTS_METASERVER_WIRE_CLIENT_H
#define QMQ_TESTS_METASERVER_WIRE_CLIENT_H

#include "net/frame.h"

typedef struct wire_client wire_client_t;

typedef struct wire_answer {
    frame_t frame;
    uint8_t *bytes; /* the whole frame; memory_free */
} wire_answer_t;

wire_client_t *wire_client_open(int port);
void wire_client_close(wire_client_t *w);
bool wire_client_send_bytes(wire_client_t *w, const void *bytes, size_t size);
bool wire_client_send(wire_client_t *w, int16_t code, int16_t version, int32_t opaque, int32_t flag, view_t body);
/* False when none comes within the time. */
bool wire_client_receive(wire_client_t *w, wire_answer_t *a, double seconds);

#endif
