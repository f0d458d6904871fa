/* A server of modules/net with a table of dummy commands, each a small piece of what real ones do. */
#ifndef QMQ_TESTS_UNIT_NET_FIXTURE_H
#define QMQ_TESTS_UNIT_NET_FIXTURE_H

#include "client.h"
#include "net/server.h"
#include "portability/thread.h"
#include "test.h"

#define CODE_ECHO 10  /* 0 and the request's body */
#define CODE_PARK 11  /* kept until the test answers it */
#define CODE_PARSE 12 /* body is a `str`: 0, or 51 when it does not parse */
#define CODE_SIZED 13 /* body is an int32 n: 0 and n bytes 'x' */
#define CODE_HOLD 14  /* keeps the receive block; 0 */
#define CODE_CODE 15  /* body is an int16: that code, no body */
#define CODE_CLOSE 16 /* closes the connection at once */
#define CODE_LAST 17  /* 0 and the body, then closes after flushing */

#define FIXTURE_MAX_FRAME ((size_t)256 * 1024 * 1024)
#define FIXTURE_MAX_UNSENT ((size_t)1024 * 1024)

typedef struct parked {
    reply_to_t reply;
    int32_t tag; /* first four bytes of the body, when there are */
} parked_t;

typedef struct fixture {
    loops_t *loops;
    net_server_t *server;
    int port;
    log_t log;
    _Atomic int frames; /* commands run */
    _Atomic int bursts;
    _Atomic int opened;
    _Atomic int closed;
    mutex_t lock;
    parked_t *parked;
    size_t parked_count;
    size_t parked_capacity;
    block_t **held;
    size_t held_count;
    size_t held_capacity;
    size_t most_blocks; /* distinct ones held at a time */
} fixture_t;

/* Loops (0: two) and server; the options' limits may be changed by the caller in *change (NULL: none). */
void fixture_start(fixture_t *f, int loops, const net_server_options_t *change);
void fixture_stop(fixture_t *f);

size_t fixture_parked(fixture_t *f);
/* Waits until n requests are parked. */
bool fixture_wait_parked(fixture_t *f, size_t n);
/* Takes the parked request at index out (order is kept). False when there is none. */
bool fixture_take(fixture_t *f, size_t index, parked_t *out);
size_t fixture_release_blocks(fixture_t *f);
bool fixture_wait_frames(fixture_t *f, int n);
bool fixture_wait_connections(fixture_t *f, int n);
/* Answers r with code and the four bytes of tag. */
void reply_tag(reply_to_t *r, int16_t code, int32_t tag);

/* Waits for a number to become what it should be. */
bool wait_for_int(_Atomic int *value, int at_least);

#endif
