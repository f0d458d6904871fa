/* A connection that sends and receives bytes as they are, and one that accepts a single client. */
#ifndef QMQ_TESTS_UNIT_HTTP_RAW_H
#define QMQ_TESTS_UNIT_HTTP_RAW_H

#include <stdbool.h>
#include <stddef.h>

typedef struct raw raw_t;

raw_t *raw_connect(int port);
void raw_send(raw_t *r, const char *text);
void raw_send_bytes(raw_t *r, const void *data, size_t size);
/* One whole answer (head and Content-Length bytes, none for a HEAD request); valid until the next call. "" when the connection ended. */
const char *raw_answer(raw_t *r, bool head_only);
/* True when the other side closed within the time-out. */
bool raw_closed(raw_t *r);
void raw_close(raw_t *r);

/* Listens on 127.0.0.1; *port is the one it got. */
raw_t *raw_listen(int *port);
/* Waits for a client on a listening one. */
raw_t *raw_accept(raw_t *listener);

#endif
