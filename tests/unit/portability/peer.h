/* A socket on a loop that notes what happens to it; the tests hang their own behaviour in. */
#ifndef QMQ_TESTS_UNIT_PORTABILITY_PEER_H
#define QMQ_TESTS_UNIT_PORTABILITY_PEER_H

#include "suites.h"

typedef struct peer {
    loop_t *loop;
    loop_socket_t *socket;
    int readable_calls;
    int written_calls;
    int closed_calls;
    apr_status_t written_status;
    apr_status_t read_status;            /* of the last read of peer_drain */
    void (*on_readable)(struct peer *p); /* NULL: peer_drain */
    void (*on_written)(struct peer *p);
    void (*on_closed)(struct peer *p); /* NULL: stops the loop */
    void (*on_bytes)(struct peer *p, const unsigned char *bytes, size_t size);
    size_t received;
    void *context;
} peer_t;

/* Zeroes *p but for the loop and puts s under watch; reading is off. */
void peer_open(peer_t *p, loop_t *l, raw_socket_t *s);
/* Two connected peers. */
void peer_pair(peer_t *a, loop_t *la, peer_t *b, loop_t *lb);
/* Reads until there is nothing, counts and hands out the bytes. */
void peer_drain(peer_t *p);

#endif
