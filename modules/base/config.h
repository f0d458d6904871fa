/* Configuration of a server: tables of keys (one row a key: file, name, type, default, range, whether it acts without restart, a sentence),
 * read from the property files of the conf directory, overridden by --set. Readers see immutable snapshots (design decision 23). */
#ifndef QMQ_BASE_CONFIG_H
#define QMQ_BASE_CONFIG_H

#include "base/error.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum config_type { CONFIG_STRING, CONFIG_INT, CONFIG_BOOL, CONFIG_DOUBLE, CONFIG_PATH } config_type_t;

typedef struct config_key {
    const char *file; /* "broker.properties" */
    const char *name;
    config_type_t type;
    const char *fallback; /* default as text; NULL: absent unless set */
    int64_t min;          /* numbers: allowed range (min == max == 0: none) */
    int64_t max;
    bool hot;
    const char *text; /* one sentence, for the manual and for messages */
} config_key_t;

/* Tables end with a row whose name is NULL. */

typedef struct config config_t;               /* an immutable snapshot, reference-counted */
typedef struct config_source config_source_t; /* the current snapshot and how to read the next */

typedef struct config_options {
    const char *directory;             /* conf directory */
    const config_key_t *const *tables; /* NULL-terminated array of tables */
    const char *const *mandatory;      /* NULL-terminated file names that must exist, or NULL */
    const char *const *overrides;      /* NULL-terminated "key=value", or NULL */
    const char *path_base;             /* relative CONFIG_PATH values resolve against it (decision 22) */
    const log_t *log;                  /* warnings: unknown keys with the nearest known one, bad hot values */
} config_options_t;

/* Reads everything. On failure NULL and *error names file, line, key, value and remedy. */
config_source_t *config_open(const config_options_t *options, qmq_error_t **error);
void config_close(config_source_t *s);
/* Re-reads files whose modification time changed (force: all). A file that cannot be parsed is refused whole, a bad value keeps the old
 * one; both are logged. Returns true when a new snapshot was published. One thread at a time. */
bool config_reload(config_source_t *s, bool force);
/* The current snapshot, retained; release with config_release. Any thread. */
config_t *config_current(config_source_t *s);
void config_release(config_t *c);

/* Typed values; the key must be in a table (else the process ends: a programming error). Strings are valid while the snapshot is held. */
const char *config_string(const config_t *c, const char *key); /* NULL: absent */
int64_t config_int(const config_t *c, const char *key);
bool config_bool(const config_t *c, const char *key);
double config_double(const config_t *c, const char *key);
/* True when a file or --set gave the key a value. */
bool config_is_set(const config_t *c, const char *key);
/* Where the value came from: "conf/broker.properties:12", "--set", "default"; valid while the snapshot is held. */
const char *config_origin(const config_t *c, const char *key);
/* Raw properties of an optional extra file of the directory (valid-api-tokens.properties and the like), parsed with base/properties.h by
 * the caller. */
const char *config_directory(const config_source_t *s);

#endif
