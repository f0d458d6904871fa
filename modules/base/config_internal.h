/* What the parts of the configuration share: config.c (source, snapshots, reload), config_build.c (a snapshot from files and overrides),
 * config_value.c (one value). */
#ifndef QMQ_BASE_CONFIG_INTERNAL_H
#define QMQ_BASE_CONFIG_INTERNAL_H

#include "base/config.h"
#include "base/properties.h"
#include "base/shared.h"
#include "base/table.h"
#include "portability/thread.h"

/* The rows of all tables; lives as long as the last snapshot. */
typedef struct config_slot {
    const config_key_t *key;
    size_t index;
} config_slot_t;

typedef struct config_keys {
    shared_t shared;
    table_t by_name;
    config_slot_t *slots;
    size_t count;
} config_keys_t;

typedef struct config_value {
    char *text;   /* NULL: absent; paths resolved */
    char *origin; /* where it came from */
    int64_t number;
    double real;
    bool flag;
    bool set; /* a file or --set gave it */
} config_value_t;

struct config {
    shared_t shared;
    config_keys_t *keys;
    config_value_t values[]; /* one a slot */
};

typedef struct config_file {
    const char *name; /* of the tables */
    char *path;
    properties_t *properties; /* NULL: not there (yet) */
    int64_t modified_ms;
    int64_t size;
    bool fresh; /* read in this round: complaints are due */
} config_file_t;

struct config_source {
    char *directory;
    char *path_base;
    char **overrides; /* NULL-terminated */
    log_t log;
    config_keys_t *keys;
    config_file_t *files;
    size_t file_count;
    table_t warned; /* "path key" texts of unknown keys that were named once */
    mutex_t lock;   /* guards current */
    config_t *current;
};

/* Where a value stands, for messages: "conf/broker.properties:12: broker.port=x" or "--set broker.port=x". Caller frees. */
typedef struct config_place {
    const config_key_t *key;
    const char *path; /* NULL: --set */
    int line;
    const char *text;
    const char *raw; /* as it stands in the file; NULL for --set */
} config_place_t;

char *config_place_text(const config_place_t *p);
/* Text fit to be shown: secrets (passwords, tokens) are not. */
const char *config_shown(const config_key_t *key, const char *text);
/* Reads text as the key's type into *v (numbers, flag and text; not origin and set). NULL, or what is wrong. *odd_flag: a boolean that is
 * neither true nor false. */
qmq_error_t *config_value_read(const config_place_t *p, const char *path_base, config_value_t *v, bool *odd_flag);
void config_value_copy(config_value_t *to, const config_value_t *from);
void config_value_clear(config_value_t *v);

config_slot_t *config_slot_find(const config_keys_t *keys, const char *name);
/* All values. old NULL: the first bad value ends it (NULL and *error); else bad values and changes of keys that need a restart are logged
 * and the old value stays. */
config_t *config_build(config_source_t *s, const config_t *old, qmq_error_t **error);
/* Warns once of every unknown key of a fresh file. */
void config_warn_unknown(config_source_t *s, const config_file_t *f);
/* NULL, or which override has no known key. */
qmq_error_t *config_check_overrides(const config_source_t *s);

#endif
