/* A requester on a loop of its own against a fixture's server, used from the test's thread. */
#ifndef QMQ_TESTS_UNIT_NET_ASKING_H
#define QMQ_TESTS_UNIT_NET_ASKING_H

#include "fixture.h"
#include "net/requester.h"

typedef struct asking {
    fixture_t f;
    loops_t *loops;
    requester_t *requester;
    executor_t *resolver; /* of the options; ended by asking_stop */
    char address[128];
    bool in_send; /* loop thread */
    bool destroyed;
    _Atomic int stopped;
} asking_t;

/* One request and what became of it. again, separate and destroys are set before asking_send, the rest after it. */
typedef struct ask {
    asking_t *asking;
    int again;     /* so many times more it is sent out of its own callback */
    bool separate; /* over the second connection */
    bool destroys; /* its callback ends the requester */
    int16_t request;
    int32_t tag;
    int64_t timeout_us;
    int64_t sent_us;
    int64_t ended_us;
    apr_status_t status;
    int16_t code;
    int32_t opaque;
    bool inside_send;
    _Atomic int ends;
} ask_t;

/* options: idle_close_us and resolver are taken from it (NULL: none). */
void asking_start(asking_t *a, const requester_options_t *options);
void asking_point_to(asking_t *a, int port);
/* Sends code with the four bytes of tag as body. */
void asking_send(asking_t *a, ask_t *q, int16_t code, int32_t tag, int64_t timeout_us);
/* The same on the loop's thread already. */
void asking_send_here(asking_t *a, ask_t *q, int16_t code, int32_t tag, int64_t timeout_us);
bool ask_wait(ask_t *q);
/* Destroys the requester (if no callback did), waits for its end, stops everything. */
void asking_stop(asking_t *a);

#endif
