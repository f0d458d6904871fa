/* What a run was promised: messages, pulls and acknowledgements that count as durable, and what the store must therefore still have. */
#ifndef QMQ_TESTS_FAULT_LEDGER_H
#define QMQ_TESTS_FAULT_LEDGER_H

#include "store/store.h"

#define SUBJECTS 4

typedef struct ledger_message {
    uint64_t content; /* of which the payload is made; 0: not acknowledged */
    uint32_t size;
    bool durable;
    bool damaged; /* in the log: it need not be there, but nothing else may be in its place */
} ledger_message_t;

typedef struct ledger_subject {
    char name[16];
    ledger_message_t *messages; /* by sequence */
    size_t count;
    int64_t pulled_message; /* durable: no such sequence may be given again */
    int64_t pull;           /* durable positions of the one consumer of the one group */
    int64_t ack;
    int64_t *pulls; /* message sequence by pull sequence; -1: not promised */
    size_t pull_count;
    bool other_is_gone; /* durable: the second consumer went for ever */
} ledger_subject_t;

typedef struct ledger {
    ledger_subject_t subjects[SUBJECTS];
    int64_t acknowledged;
    int64_t lost;
    int64_t reused;
    bool has_strangers; /* the store cannot tell any more which records are its own: damaged ones may come as they are */
    char breach[400];   /* the first one; "" */
} ledger_t;

void ledger_init(ledger_t *l);
void ledger_free(ledger_t *l);
void ledger_breach(ledger_t *l, const char *format, ...);
/* A message was stored under this sequence; it is promised once it is durable. */
void ledger_stored(ledger_t *l, int subject, int64_t sequence, uint64_t content, uint32_t size);
void ledger_durable(ledger_t *l, int subject, int64_t sequence, uint64_t content);
/* Pulls from `first` on were given messages from `message` on, and that is durable. */
void ledger_pulled(ledger_subject_t *s, int64_t first, int64_t count, int64_t message);
/* The record of a message was damaged. `may_come_again`: nothing durable names its sequence any more. */
void ledger_damaged(ledger_t *l, const char *subject, int64_t sequence, bool may_come_again);
/* Nothing is known of damaged messages any more. */
void ledger_forget_damaged(ledger_t *l);
/* The records of pulls and acknowledgements were damaged. */
void ledger_forget_positions(ledger_t *l);
/* Compares with an open store. */
void ledger_check(ledger_t *l, store_t *s);
/* size bytes made of content. */
void ledger_payload(uint8_t *to, uint64_t content, uint32_t size);

#endif
