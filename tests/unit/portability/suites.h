/* The tables of cases in this folder and what they share. */
#ifndef QMQ_TESTS_UNIT_PORTABILITY_SUITES_H
#define QMQ_TESTS_UNIT_PORTABILITY_SUITES_H

#include "portability/loop.h"
#include "test.h"

extern const test_case_t clock_cases[];
extern const test_case_t thread_cases[];
extern const test_case_t file_cases[];
extern const test_case_t path_cases[];
extern const test_case_t loop_cases[];
extern const test_case_t timer_cases[];
extern const test_case_t socket_cases[];
extern const test_case_t connect_cases[];
extern const test_case_t executor_cases[];
extern const test_case_t random_cases[];
extern const test_case_t host_cases[];
extern const test_case_t control_cases[];
extern const test_case_t system_cases[]; /* test_posix.c or test_windows.c */
extern const test_case_t hooks_cases[];

/* A path in the scratch directory; the caller frees it. */
char *scratch_path(const char *name);
/* Writes a small text file, replacing what was there. */
void scratch_write(const char *path, const char *text);

/* Processor time of this process so far, in test_posix.c and test_windows.c. */
double processor_seconds(void);

/* A loop with a deadline: a test that hangs fails after 30 s instead. */
loop_t *guarded_loop_create(void);
/* Runs until somebody stops the loop. */
void guarded_loop_run(loop_t *l);

/* A task that stops the loop. */
typedef struct stopper {
    task_t task;
    loop_t *loop;
} stopper_t;
void stopper_init(stopper_t *s, loop_t *l);

/* The object of type that has `member` at address. */
#define OWNER_OF(address, type, member) ((type *)(void *)((char *)(address)-offsetof(type, member)))

#endif
