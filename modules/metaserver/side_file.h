/* An optional property file beside the server's own (tokens, log switches): read again when it has changed, as a whole. A file that is
 * deleted or cannot be read keeps its last content (metaserver.md 2.1). */
#ifndef QMQ_METASERVER_SIDE_FILE_H
#define QMQ_METASERVER_SIDE_FILE_H

#include "base/log.h"

#include <stdbool.h>

typedef struct side_file side_file_t;

side_file_t *side_file_open(const char *directory, const char *name, const log_t *log);
void side_file_close(side_file_t *f);
/* Looks at the file and reads it again when it has changed. May block; one thread at a time. */
void side_file_check(side_file_t *f);

/* Any thread, never blocks. */

/* True when the key has the value "true" in any case; fallback when it is absent. */
bool side_file_is_true(side_file_t *f, const char *key, bool fallback);
/* A copy of the value (memory_free); NULL when the key is absent or its value blank. */
char *side_file_text(side_file_t *f, const char *key);
/* Calls visit for every key until it returns false. visit must not call back. */
void side_file_walk(side_file_t *f, bool (*visit)(void *arg, const char *key, const char *value), void *arg);

#endif
