/* The load generator: blocking sockets, one thread, nothing of the product but the protocol's encoders. Results are one JSON object on
 * standard output. */
#ifndef QMQ_TESTS_BENCH_LOAD_H
#define QMQ_TESTS_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

typedef struct load_options {
    const char *address; /* 127.0.0.1:port */
    const char *subject;
    const char *group;
    const char *consumer;
    const char *file; /* bare loop */
    int size;         /* bytes of a message's payload body, about */
    int batch;        /* messages a request */
    int window;       /* requests in flight; groups that consume side by side; connections */
    int count;        /* messages in all, or round trips */
    int consumers;    /* above 1: so many of one group side by side instead of groups */
} load_options_t;

/* Listens, tells the port, serves one connection. */
int load_bare(const load_options_t *o, void (*serve)(const load_options_t *o, int listener, int fd, int file));
void load_serve_sends(const load_options_t *o, int listener, int fd, int file);
void load_serve_pulls(const load_options_t *o, int listener, int fd, int file);
/* Takes a second connection. */
void load_serve_latency(const load_options_t *o, int listener, int fd, int file);
int load_produce(const load_options_t *o);
int load_many(const load_options_t *o);
int load_consume(const load_options_t *o);
int load_latency(const load_options_t *o);

/* Sockets; they end the program with a message on any failure. */
int load_connect(const char *address);
void load_write(int fd, const void *data, size_t size);
/* Reads one whole frame into *buffer (grown as needed) and returns its size. */
size_t load_read_frame(int fd, uint8_t **buffer, size_t *capacity);
double load_now(void);

/* A SEND request with `batch` messages of about `size` bytes each; malloc'ed. */
uint8_t *load_send_frame(const load_options_t *o, int32_t opaque, size_t *size);
uint8_t *load_pull_frame(const load_options_t *o, int32_t opaque, int64_t last, int64_t timeout_ms, size_t *size);
uint8_t *load_ack_frame(const load_options_t *o, int32_t opaque, int64_t first, int64_t last, size_t *size);

#endif
