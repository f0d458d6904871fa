/* The other end of a connection: a plain blocking socket with its own reading of frames, independent of modules/net. Every call gives up
 * after CLIENT_PATIENCE_S and says false. */
#ifndef QMQ_TESTS_UNIT_NET_CLIENT_H
#define QMQ_TESTS_UNIT_NET_CLIENT_H

#include <apr_network_io.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENT_PATIENCE_S 20

typedef struct client {
    apr_pool_t *pool;
    apr_socket_t *socket;
} client_t;

typedef struct answer {
    int32_t total;
    int16_t header_len;
    uint32_t magic;
    int16_t code;
    int16_t version;
    int32_t opaque;
    int32_t flag;
    int16_t request_code;
    uint8_t *body; /* answer_free */
    size_t body_size;
} answer_t;

bool client_open(client_t *c, int port);
void client_close(client_t *c);
/* A socket that listens on a free port, and the next connection to it. */
bool client_listen(client_t *listener, int *port);
bool client_accept(client_t *listener, client_t *c);
bool client_write(client_t *c, const void *data, size_t size);
bool client_read(client_t *c, void *to, size_t size);
/* The server has closed, in whatever way. */
bool client_is_closed(client_t *c);

/* Writes a request frame to `to` (24 + size bytes); its size is returned. */
size_t request_write(uint8_t *to, int16_t code, int32_t opaque, const void *body, size_t size);
bool client_request(client_t *c, int16_t code, int32_t opaque, const void *body, size_t size);
/* The next frame, which must be a well-formed answer. */
bool client_answer(client_t *c, answer_t *a);
void answer_free(answer_t *a);
/* Reads an answer and compares. */
bool client_expect(client_t *c, int16_t code, int32_t opaque, const void *body, size_t size);

#endif
