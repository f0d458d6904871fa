/* Threads, mutexes and condition variables. Locks are plain storage so that small objects can embed them; an initialised
 * lock must not be moved. Timed waits run on the monotonic clock. */
#ifndef QMQ_PORTABILITY_THREAD_H
#define QMQ_PORTABILITY_THREAD_H

#include <apr_errno.h>
#include <stdint.h>

typedef union mutex {
    void *align;
    unsigned char opaque[48];
} mutex_t;

typedef union condition {
    void *align;
    unsigned char opaque[64];
} condition_t;

typedef struct thread thread_t;

/* Non-recursive mutex. Initialisation can only fail for lack of memory, which ends the process. */
void mutex_init(mutex_t *m);
void mutex_destroy(mutex_t *m);
void mutex_lock(mutex_t *m);
/* Returns 1 when the lock was taken, 0 when somebody else holds it. */
int mutex_try_lock(mutex_t *m);
void mutex_unlock(mutex_t *m);

void condition_init(condition_t *c);
void condition_destroy(condition_t *c);
/* Waits with m held. Spurious wake-ups happen. */
void condition_wait(condition_t *c, mutex_t *m);
/* As above, at most timeout_us microseconds. Returns APR_TIMEUP when the time ran out. */
apr_status_t condition_wait_us(condition_t *c, mutex_t *m, int64_t timeout_us);
void condition_signal(condition_t *c);
void condition_broadcast(condition_t *c);

/* Starts a thread that runs body(arg). name (at most 15 bytes are shown by the system) is copied. The caller must join it. */
apr_status_t thread_start(thread_t **out, const char *name, void (*body)(void *arg), void *arg);
void thread_join(thread_t *t);

/* Sleeps; for tests and command-line tools only, servers wait on conditions or timers. */
void thread_sleep_us(int64_t us);

#endif
