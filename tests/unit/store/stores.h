/* What the store's tests share: opening a store of their own, appending and polling in one call, files as bytes. */
#ifndef QMQ_TESTS_STORE_STORES_H
#define QMQ_TESTS_STORE_STORES_H

#include "base/memory.h"
#include "base/status.h"
#include "portability/file.h"
#include "store/store.h"
#include "test.h"

#include <string.h>

typedef struct stored {
    char *root;
    store_t *store;
    store_options_t options;
    log_t log;
} stored_t;

/* A new directory; options may be changed before stored_open. */
void stored_init(stored_t *t);
/* Fails the test when the store does not open. */
void stored_open(stored_t *t);
void stored_close(stored_t *t);
/* Closes without writing anything behind, as far as a process can: a copy of the directory is opened from then on. */
void stored_crash(stored_t *t);
void stored_free(stored_t *t);

/* Appends one message; its sequence, or -1 (then *status, if not NULL, tells why). */
int64_t stored_put(stored_t *t, const char *subject, const char *payload);
int64_t stored_put_status(stored_t *t, const char *subject, const void *payload, size_t size, apr_status_t *status);
/* Polls everything from `from` on (may block); the result is the caller's. */
void stored_poll(stored_t *t, const char *subject, int64_t from, int max, poll_result_t *r);
/* True when message `sequence` of the subject has this payload. */
bool stored_has(stored_t *t, const char *subject, int64_t sequence, const char *payload);

/* One action, waited for. */
apr_status_t stored_action(stored_t *t, store_action_t action);
apr_status_t stored_pull(stored_t *t, const char *subject, const char *group, const char *consumer, int64_t first, int64_t last,
                         int64_t message);
apr_status_t stored_ack(stored_t *t, const char *subject, const char *group, const char *consumer, int64_t first, int64_t last);

/* A counter of the subject, or without labels when subject is NULL, since stored_init. */
int64_t stored_counter(const stored_t *t, const char *name, const char *subject);

/* Path below the root; memory_free it. */
char *stored_path(const stored_t *t, const char *name);
/* Contents of a file below the root; memory_free it. NULL when missing. */
uint8_t *stored_read(const stored_t *t, const char *name, size_t *size);
void stored_write(const stored_t *t, const char *name, const void *data, size_t size);
/* Overwrites bytes of an existing file. */
void stored_patch(const stored_t *t, const char *name, int64_t offset, const void *data, size_t size);
/* Removes a file or directory below the root. */
void stored_remove(const stored_t *t, const char *name);
void stored_truncate(const stored_t *t, const char *name, int64_t size);
/* Deletes what a start could use besides the logs: snapshots, tablets, the marker, with `index` the consumer logs, too. */
void stored_forget(const stored_t *t, bool index);
bool stored_exists(const stored_t *t, const char *name);

#define FIRST_SEGMENT "messagelog/00000000000000000000"
#define FIRST_ACTIONS "actionlog/00000000000000000000"

#endif
