/* Background work: a few named threads with one bounded queue. What may block (disk, SQL, DNS, HTTP) is handed here by event
 * loops; results go back with loop_post. */
#ifndef QMQ_PORTABILITY_EXECUTOR_H
#define QMQ_PORTABILITY_EXECUTOR_H

#include <apr_errno.h>
#include <stddef.h>
#include <stdint.h>

typedef struct executor executor_t;

/* One piece of work, embedded in the object it belongs to; memory stays the caller's and must live until run returned. */
typedef struct job {
    struct job *next;
    void (*run)(struct job *self);
} job_t;

/* Starts `threads` threads (at least one) named after `name`. At most `limit` jobs wait (0 = no limit, only where the caller bounds them).
 */
apr_status_t executor_create(executor_t **out, const char *name, size_t threads, size_t limit);
/* Queues the job. QMQ_E_FULL (base/status.h) when the queue is full, APR_EOF after executor_stop: the job was not taken. Any thread. */
apr_status_t executor_submit(executor_t *e, job_t *job);
/* Refuses new jobs, finishes the queued ones, joins the threads. Not from a job. */
void executor_stop(executor_t *e);
/* Stops it if that was not done; NULL is allowed. */
void executor_destroy(executor_t *e);

/* A job that runs again and again, period_us (> 0) after the start and then after the end of the previous run, on a thread of its
 * own. */
typedef struct periodic periodic_t;
apr_status_t periodic_start(periodic_t **out, const char *name, int64_t period_us, void (*run)(void *arg), void *arg);
/* Runs it now (soon, on its own thread; once more when it is just running). Any thread. */
void periodic_trigger(periodic_t *p);
/* Stops after the current run, joins and frees; NULL is allowed. Not from its own run. */
void periodic_stop(periodic_t *p);

#endif
