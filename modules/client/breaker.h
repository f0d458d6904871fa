/* Takes a broker group that only fails out of the choice for a while (client.md 6). */
#ifndef QMQ_CLIENT_BREAKER_H
#define QMQ_CLIENT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FAILURES 100
#define BREAKER_OPEN_US INT64_C(5000000)
#define BREAKER_SUCCESSES 20

typedef enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN } breaker_state_t;

/* Zero-initialise. */
typedef struct breaker {
    breaker_state_t state;
    int count;
    int64_t opened_us;
} breaker_t;

/* Asking may turn an open one half-open. */
bool breaker_allows(breaker_t *b, int64_t now_us);
void breaker_failed(breaker_t *b, int64_t now_us);
void breaker_succeeded(breaker_t *b);

#endif
