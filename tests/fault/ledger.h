/* What a run was promised: messages, pulls and acknowledgements that count as durable, and what the store must therefore still have. */
#ifndef QMQ_TESTS_FAULT_LEDGER_H
#define QMQ_TESTS_FAULT_LEDGER_H

#include "store/store.h"

#define SUBJECTS 4

typedef struct ledger_message {
    uint64_t content; /* of which the payload is made; 0: not acknowledged */
    uint32_t size;
    bool durable;
} ledger_message_t;

typedef struct ledger_subject {
    char name[16];
    ledger_message_t *messages; /* by sequence */
    size_t count;
    int64_t pulled_message; /* durable: no such sequence may be given again */
    int64_t pull;           /* durable positions of the one consumer of the one group */
    int64_t ack;
} ledger_subject_t;

typedef struct ledger {
    ledger_subject_t subjects[SUBJECTS];
    int64_t acknowledged;
    int64_t lost;
    int64_t reused;
    char breach[400]; /* the first one; "" */
} ledger_t;

void ledger_init(ledger_t *l);
void ledger_free(ledger_t *l);
void ledger_breach(ledger_t *l, const char *format, ...);
/* A message was stored under this sequence; it is promised once it is durable. */
void ledger_stored(ledger_t *l, int subject, int64_t sequence, uint64_t content, uint32_t size);
void ledger_durable(ledger_t *l, int subject, int64_t sequence, uint64_t content);
/* Compares with an open store. */
void ledger_check(ledger_t *l, store_t *s);
/* size bytes made of content. */
void ledger_payload(uint8_t *to, uint64_t content, uint32_t size);

#endif
