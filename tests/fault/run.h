/* One seeded run of the torture: what its parts share. */
#ifndef QMQ_TESTS_FAULT_RUN_H
#define QMQ_TESTS_FAULT_RUN_H

#include "ledger.h"
#include "portability/posix/power.h"

#define FAULTS_NAME "faults"
#define CLOCK_NAME "clock"
#define LOG_NAME "store.log"

typedef struct run {
    uint64_t random;
    ledger_t ledger;
    store_t *store;
    store_options_t options;
    log_t log;
    char *directory;
    char *root;
    int generation;
    power_loss_t loss;
    bool broken;      /* an injected failure may have stopped the store */
    int full_for;     /* steps until a full disk has room again; 0: it is not full */
    int64_t shift_ms; /* of the wall clock */
    int damages;      /* done to files of this run's stores so far */
    bool actions_hit; /* one of them was in the action log */
    char *refusal;    /* file whose damage may make the store refuse to open without repair; NULL: none */
    char *named;      /* file that must be named in the log once the damaged message is asked for; NULL: none */
    char named_subject[16];
    int64_t named_sequence;
    int64_t log_from; /* ... behind this byte of it */
    int64_t crashes;
} run_t;

uint64_t pick(run_t *r, uint64_t n);

/* steps.c: what servers do with a store. */
void append(run_t *r);
void pull_or_ack(run_t *r);
/* Consumers that do what they should not: acknowledge twice, out of order, beyond the end, vanish for ever. */
void misbehave(run_t *r);

/* breakages.c: what goes wrong meanwhile. */
void write_faults(const run_t *r, const char *rules);
void break_something(run_t *r);
/* The disk is full at some stage, for a while. */
void fill_disk(run_t *r);
/* Counts down to the moment when there is room again; then the store must take messages. */
void wait_for_space(run_t *r);
void end_breakages(run_t *r);
/* The wall clock jumps by hours or to another century. */
void move_clock(run_t *r);
void reset_clock(run_t *r);

/* damage.c: what happens to the files while the store is closed. */
void damage_something(run_t *r, bool clean);
/* After the store was opened again and compared with the ledger. */
void damage_is_told(run_t *r);
/* How many kinds of places were flipped and cut, and the fewest times. */
void damage_print_cover(void);

#endif
